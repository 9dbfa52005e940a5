"""A trial's checkpoints: the state after its last epochs, and the best student.

A trial's folder holds ``epoch-00007-best-00005.ckpt`` and the one before it (a line with the SHA-256 of the rest, then
the state as `torch.save` writes it), ``best-00005.safetensors`` (the student of the best epoch so far) and, after a
confirm run, ``predictions.parquet``. Everything is written atomically and verified when read; a damaged checkpoint is
skipped in favour of the one before it, so that at worst one epoch is trained again.

The best student is written before the state that names its epoch, and removed after the last state that names it:
whenever the process dies, the newest whole state finds the best student that it names.
"""

from __future__ import annotations

import hashlib
import io
import logging
import pickle
import re
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load, save
from torch import Tensor

from trainables.atomic import patiently, write_bytes

logger = logging.getLogger(__name__)

NUM_KEPT = 2  # the last one, and the one before it in case the last is damaged


def save_best(folder: Path, epoch: int, weights: dict[str, Tensor]) -> None:
    """Writes the student of the best epoch so far as safetensors. To be called before `save_state` of that epoch."""
    payload = save({name: tensor.contiguous() for name, tensor in weights.items()})
    patiently(lambda: write_bytes(best_path(folder, epoch), payload), "the best student", folder)


def save_state(folder: Path, epoch: int, best_epoch: int, state: dict[str, Any]) -> None:
    """Writes the state after `epoch` (tensors, numbers, strings, and lists and dicts of them); keeps the last two.

    Raises:
        OSError: the disk stays full (`trainables.atomic.patiently`); earlier checkpoints are untouched.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getbuffer()  # some hundred megabytes, which are not copied
    first_line = hashlib.sha256(payload).hexdigest().encode() + b"\n"
    path = folder / f"epoch-{epoch:05d}-best-{best_epoch:05d}.ckpt"
    patiently(lambda: write_bytes(path, first_line, payload), "a checkpoint", folder)
    _remove_old(folder)


def load_state(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """The newest whole state with its best student's weights, on the CPU; None if there is none.

    A damaged file is named in a warning, and the one before it is used.
    """
    for path in _newest_first(folder):
        digest, _, payload = path.read_bytes().partition(b"\n")
        if hashlib.sha256(payload).hexdigest().encode() != digest:
            logger.warning("%s is damaged (its checksum does not match): continuing from the one before it", path)
            continue
        try:
            state = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
            return state, load(best_path(folder, _best_epoch(path)).read_bytes())
        except (OSError, pickle.UnpicklingError, RuntimeError, safetensors.SafetensorError) as error:
            logger.warning("%s cannot be used (%s): continuing from the one before it", path, error)
    return None


def newest_epoch(folder: Path) -> int:
    """The last epoch whose state is in the folder, damaged or not; 0 if there is none."""
    return max((int(path.name.split("-")[1]) for path in _newest_first(folder)), default=0)


def best_path(folder: Path, epoch: int) -> Path:
    """Where the student of the best epoch `epoch` lies in a trial's folder."""
    return folder / f"best-{epoch:05d}.safetensors"


def epoch_of(best: Path) -> int:
    """The inverse of `best_path`."""
    return int(best.stem.rsplit("-", 1)[1])


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("epoch-*-best-*.ckpt"), reverse=True)


def _best_epoch(state_path: Path) -> int:
    return int(state_path.stem.rsplit("-", 1)[1])


def _remove_old(folder: Path) -> None:
    states = _newest_first(folder)
    for old in states[NUM_KEPT:]:
        old.unlink(missing_ok=True)
    named = {best_path(folder, _best_epoch(path)) for path in states[:NUM_KEPT]}
    for best in folder.glob("best-*.safetensors"):
        if best not in named and re.fullmatch(r"best-\d{5}", best.stem):
            best.unlink(missing_ok=True)
