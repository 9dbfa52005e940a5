"""The knowledge cache: a teacher's answer to a view, computed once and read by every trial that sees the same view.

A view is a pure function of (seed, epoch, image), so the answer to it is, too. One file per epoch holds one row per
image, in half precision; a row is filled by whichever trial needs it first. Rows carry a checksum: a row that was never
written, that a killed process left torn, or that a disk spoiled is computed again. So races are benign, and nothing is
locked.

The teacher always sees batches of one size. On a CPU its answer to an image then does not depend on the other images
of the batch (measured: DenseNet-121, PyTorch 2.15, batches of 16 to 32; a single image differs in the last bits), so a
trial's numbers are the same whether the cache was full, empty or absent.

Shapes: B views, K the shape of one view's knowledge.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainables import atomic

Compute = Callable[[Tensor], Tensor]  # views [n, C, H, W] -> knowledge [n, *K]


def rounded(knowledge: Tensor) -> Tensor:
    """`knowledge` as the cache would give it back, whether there is a cache or not: to half precision, and back."""
    return knowledge.to(torch.float16).to(torch.float32)


def in_batches(compute: Compute, views_BCHW: Tensor, batch_size: int) -> Tensor:
    """The knowledge of any number of views, rounded, in batches of exactly `batch_size`; the last one is padded."""
    parts = []
    for part in views_BCHW.split(batch_size):
        missing = batch_size - len(part)
        padded = torch.cat([part, part[:1].expand(missing, *part.shape[1:])]) if missing else part
        parts.append(compute(padded.contiguous(memory_format=torch.channels_last))[: len(part)])
    return rounded(torch.cat(parts))


class KnowledgeCache:
    """The knowledge of one teacher, method, data set, augmentation and seed.

    Args:
        folder: where all caches of this machine lie.
        key: all that decides the knowledge of (epoch, image); caches of different keys never meet. The folder's name
            begins with ``data``, the fingerprint of the images, by which it is found when patients withdraw.
        num_images: of the data set; a row each.
        budget_bytes: of the whole folder; beyond it, the epochs that were not used for longest are dropped.
    """

    def __init__(self, folder: Path, key: Mapping[str, Any], num_images: int, budget_bytes: int) -> None:
        digest = hashlib.sha256(json.dumps(dict(key), sort_keys=True).encode()).hexdigest()[:16]
        self._all, self._folder = folder, folder / f"{key.get('data', '')}-{digest}"
        self._num_images, self._budget_bytes = num_images, budget_bytes
        self._epoch = 0
        self._file: FileIO | None = None  # closed with the cache, whoever forgets it: a worker has a cache per trial
        self._rows: NDArray[Any] | None = None
        self.num_read = self.num_computed = 0  # views

    def knowledge(
        self, epoch: int, rows_B: NDArray[np.int64], views_BCHW: Tensor, compute: Compute, batch_size: int
    ) -> Tensor:
        """What the teacher knows of the views of `rows_B` in `epoch`, [B, *K], read or computed, and then kept."""
        if epoch != self._epoch:
            self._close()
            self._epoch = epoch
        held = self._read(rows_B)
        missing_B = np.ones(len(rows_B), bool) if held is None else ~held[1]
        self.num_read += int((~missing_B).sum())
        if held is not None and not missing_B.any():
            return torch.from_numpy(held[0].astype(np.float32)).to(views_BCHW.device)
        where = torch.from_numpy(np.flatnonzero(missing_B)).to(views_BCHW.device)
        answers = in_batches(compute, views_BCHW[where], batch_size)
        self.num_computed += len(answers)
        if held is None and not self._open(answers.shape[1:]):
            return answers
        self._write(rows_B[missing_B], answers.to(torch.float16).cpu().numpy())
        if missing_B.all():
            return answers
        assert held is not None
        known = torch.from_numpy(held[0].astype(np.float32)).to(views_BCHW.device)
        known[where] = answers
        return known

    def _read(self, rows_B: NDArray[np.int64]) -> tuple[NDArray[np.float16], NDArray[np.bool_]] | None:
        """The rows' payloads and whether each is whole; None where there is no file yet."""
        if self._rows is None and not self._open_if_written():
            return None
        assert self._rows is not None
        stored = self._rows[rows_B]
        sums = [zlib.crc32(payload.tobytes()) | 1 for payload in stored["knowledge"]]
        return stored["knowledge"], stored["checksum"] == np.array(sums, np.uint32)

    def _write(self, rows: NDArray[np.int64], payloads: NDArray[np.float16]) -> None:
        """Rows go by `pwrite`, not through the map: a write to a map on a full disk ends the process."""
        assert self._rows is not None and self._file is not None
        size = self._rows.dtype.itemsize
        with suppress(OSError):  # a full or absent disk costs time, never the trial
            for row, payload in zip(rows.tolist(), payloads, strict=True):
                content = payload.tobytes()
                checksum = np.uint32(zlib.crc32(content) | 1).tobytes()  # never 0, which an unwritten row has
                os.pwrite(self._file.fileno(), checksum + content, row * size)

    def path(self) -> Path:
        """The file of the epoch that is open."""
        return self._folder / f"epoch-{self._epoch:05d}.knowledge"

    def _open_if_written(self) -> bool:
        shapes = list(self._folder.glob("shape.json"))
        if not shapes or not self.path().exists():
            return False
        try:
            return self._map(tuple(json.loads(shapes[0].read_text())))
        except (OSError, ValueError):
            return False

    def _open(self, shape: torch.Size) -> bool:
        """Makes the epoch's file, whole in size, so that no later write can run out of space; False where it cannot."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            dtype = _dtype(tuple(shape))
            self._make_room(self._num_images * dtype.itemsize)
            handle = os.open(self.path(), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(handle, 0, self._num_images * dtype.itemsize)
            except OSError:
                os.unlink(self.path())
                raise
            finally:
                os.close(handle)
            atomic.write_bytes(self._folder / "shape.json", json.dumps(list(shape)).encode())
            return self._map(tuple(shape))
        except OSError:
            return False

    def _map(self, shape: tuple[int, ...]) -> bool:
        dtype = _dtype(shape)
        if self.path().stat().st_size != self._num_images * dtype.itemsize:
            return False  # another process is just making it
        self._file = FileIO(self.path(), "r+")
        os.utime(self.path())  # used now: the last to be dropped
        self._rows = np.memmap(self.path(), dtype, mode="r", shape=(self._num_images,))
        return True

    def _make_room(self, num_bytes: int) -> None:
        files = []
        for path in self._all.glob("*/epoch-*.knowledge"):
            with suppress(OSError):  # another process may drop it at the same time
                status = path.stat()
                files.append((status.st_mtime_ns, status.st_size, path))
        used = sum(size for _, size, _ in files)
        if num_bytes > self._budget_bytes:
            raise OSError(f"an epoch's knowledge takes {num_bytes} bytes, more than the cache's {self._budget_bytes}")
        for _, size, path in sorted(files):
            if used + num_bytes <= self._budget_bytes:
                return
            path.unlink(missing_ok=True)
            used -= size

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._rows = None


def _dtype(shape: tuple[int, ...]) -> np.dtype[Any]:
    return np.dtype([("checksum", "<u4"), ("knowledge", "<f2", shape)])
