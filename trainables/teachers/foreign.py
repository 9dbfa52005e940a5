"""A checkpoint made elsewhere as a DenseNet-121 of ours: its tensors under our names, and which fitted.

Known forms: a state dict, bare or under a key such as ``state_dict``; a whole model, also in `DataParallel`, as CheXclusion
(Seyyed-Kalantari et al. 2021) saves it; prefixes such as ``module.``; the names ``norm.1`` and ``conv.2`` of torchvision
before 0.2.1; a classifier in a ``Sequential(Linear, Sigmoid)``; safetensors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainables.models.densenet import build
from trainables.teachers import safe_load

ARCHITECTURE = "densenet121"
FIRST_LAYER = "features.conv0.weight"  # in every DenseNet's state dict, whatever stands before it
OLD_NAME = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\.")
HEAD_IN_SEQUENTIAL = re.compile(r"^classifier\.0\.(weight|bias)$")
COUNTER = "num_batches_tracked"  # absent before torch 0.4.1, and never used in evaluation mode
NUM_NAMED = 8  # tensors that a message names; the rest is counted


@dataclass(frozen=True, kw_only=True)
class Match:
    """A checkpoint's tensors beside a DenseNet-121's."""

    weights: dict[str, Tensor]  # a whole DenseNet-121, float32, on the CPU
    num_labels: int
    matched: tuple[str, ...]
    missing: tuple[str, ...]  # ours that the checkpoint does not have
    misshaped: tuple[str, ...]  # name, found shape, our shape
    unexpected: tuple[str, ...]  # the checkpoint's that we do not have

    def report(self) -> str:
        """Which tensors matched and which did not, in a few lines."""
        lines = [
            f"{len(self.matched)} of {len(self.weights)} tensors of DenseNet-121 matched, {self.num_labels} labels"
        ]
        for kind in ("missing", "misshaped", "unexpected"):
            if names := getattr(self, kind):
                lines.append(f"{kind}: {_named(names)}")
        return "\n".join(lines)


def take(path: Path, may_differ: Iterable[str] = (), num_labels: int | None = None) -> Match:
    """Reads the checkpoint at `path`, runs none of its code, and fits it to a DenseNet-121.

    Args:
        may_differ: parts of the network, such as "classifier" or "features.norm5", whose tensors need not fit: those
            that do not are drawn at random, always the same.
        num_labels: how many labels a classifier has that is drawn; as many as the checkpoint's own otherwise.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read safely, or holds no DenseNet-121, or one that only partly fits.
    """
    return fit(state_dict_in(safe_load.read(path)), may_differ, num_labels)


def state_dict_in(content: Any) -> dict[str, Tensor]:
    """The one DenseNet's state dict in what a checkpoint holds, without what stands before ``features.``.

    Raises:
        ValueError: there is none, or more than one.
    """
    found = dict(_state_dicts(content, "the file", depth=0))
    if len(found) != 1:
        keys = sorted(map(str, content)) if isinstance(content, Mapping) else [type(content).__name__]
        raise ValueError(
            f"a checkpoint must hold one DenseNet, with a tensor {FIRST_LAYER}, "
            f"but this has {len(found)}{': ' if found else ''}{', '.join(found)}; it holds {_named(keys)}"
        )
    (state,) = found.values()
    return state


def fit(state: Mapping[str, Tensor], may_differ: Iterable[str] = (), num_labels: int | None = None) -> Match:
    """Compares a state dict with a DenseNet-121; `take` says what the arguments are.

    Raises:
        ValueError: it fits in part only, outside the parts that may differ, or holds a value that is not finite.
    """
    parts = tuple(may_differ)
    state = {_our_name(name): tensor for name, tensor in state.items()}
    num_labels = _num_labels(state, num_labels, classifier_may_differ="classifier" in parts)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        ours = build(ARCHITECTURE, num_labels).state_dict()
    _check_parts(parts, ours)
    matched = tuple(name for name in ours if name in state and state[name].shape == ours[name].shape)
    match = Match(
        weights={
            name: state[name].to(own.dtype).contiguous() if name in matched else own for name, own in ours.items()
        },
        num_labels=num_labels,
        matched=matched,
        missing=tuple(name for name in ours if name not in state and not name.endswith(COUNTER)),
        misshaped=tuple(
            f"{name} {tuple(state[name].shape)} for {tuple(own.shape)}"
            for name, own in ours.items()
            if name in state and name not in matched
        ),
        unexpected=tuple(name for name in state if name not in ours),
    )
    wrong = [name for name in (*match.missing, *match.misshaped, *match.unexpected) if not _is_in(name, parts)]
    if wrong:
        raise ValueError(
            f"every tensor must fit DenseNet-121, but {_named(wrong)} do not; "
            f"say which parts may differ with --may-differ {_parts_of(wrong)}\n{match.report()}"
        )
    broken = [name for name, tensor in match.weights.items() if not tensor.isfinite().all()]
    if broken:
        raise ValueError(f"every weight must be finite, but there are infinite ones or NaN in {_named(broken)}")
    return match


def _state_dicts(content: Any, where: str, depth: int) -> Iterator[tuple[str, dict[str, Tensor]]]:
    if isinstance(content, safe_load.Inert):
        content = dict(safe_load.parameters_and_buffers(content))
    if not isinstance(content, Mapping):
        return
    tensors = {name: each for name, each in content.items() if isinstance(name, str) and isinstance(each, Tensor)}
    firsts = [name for name in tensors if name.endswith(FIRST_LAYER)]
    for first in firsts:
        prefix = first.removesuffix(FIRST_LAYER)
        state = {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}
        _check_tensors(state)
        yield f"{where} {prefix}".strip(), state
    if not firsts and depth < 2:
        for key, value in content.items():
            yield from _state_dicts(value, f"its {key!r}", depth + 1)


def _check_tensors(state: Mapping[str, Tensor]) -> None:
    """No tensor is a promise of more memory than its file: strides of 0 repeat one number as often as is claimed."""
    num_bytes = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    if num_bytes > safe_load.MAX_BYTES:
        raise ValueError(
            f"a DenseNet must have less than {safe_load.MAX_BYTES} bytes, but its tensors claim {num_bytes}"
        )
    for name, tensor in state.items():
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu" or tensor.is_complex():
            raise ValueError(
                f"tensors must be plain numbers, but {name} is {tensor.layout}, {tensor.dtype} on {tensor.device}"
            )


def _our_name(name: str) -> str:
    return HEAD_IN_SEQUENTIAL.sub(r"classifier.\1", OLD_NAME.sub(r"\1\2.", name))


def _num_labels(state: Mapping[str, Tensor], asked: int | None, *, classifier_may_differ: bool) -> int:
    weight = state.get("classifier.weight")
    found = weight.shape[0] if weight is not None and weight.ndim == 2 and weight.shape[0] else None
    if found is None or (classifier_may_differ and asked):
        return asked or 1
    if asked not in (None, found):
        raise ValueError(
            f"there must be as many names as labels, but {asked} names were given for the {found} labels of the "
            "checkpoint's classifier; --may-differ classifier leaves its classifier out"
        )
    return found


def _check_parts(parts: Iterable[str], ours: Iterable[str]) -> None:
    for part in parts:
        if not any(_is_in(name, (part,)) for name in ours):
            raise ValueError(f"what may differ must be a part of DenseNet-121, such as classifier, but got {part!r}")


def _is_in(name: str, parts: Iterable[str]) -> bool:
    return any(name == part or name.startswith((f"{part}.", f"{part} ")) for part in parts)


def _parts_of(wrong: Iterable[str]) -> str:
    return " ".join(
        sorted({".".join(name.split(" ")[0].split(".")[: 1 if name.startswith("classifier") else 2]) for name in wrong})
    )


def _named(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - NUM_NAMED} more" if len(every) > NUM_NAMED else ""
    return ", ".join(every[:NUM_NAMED]) + more
