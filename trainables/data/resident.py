"""The images of a store where the device reaches them fastest.

A GPU takes the whole set into its own memory, once for all trials of one process: batches are then picked there, and no
picture is copied in any epoch. Where the set is too large for that, a batch is copied from page-locked memory while the
device still computes.

Shapes: N images of the store, B of a batch, H x W pixels, C planes.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainables.data.store import Store

LARGEST_SHARE = 0.125  # of a device's memory that the set may take: several trials may share the device
COPIED_AT_ONCE = 1024  # images


class Images:
    """The images of `store` for batches on `device`; `whole_NHWC` is the set in a GPU's memory, None elsewhere."""

    def __init__(self, store: Store, device: torch.device) -> None:
        self._store, self._device = store, device
        self.whole_NHWC = _loaded(store, device) if fits(store, device) else None

    def of(self, rows_B: NDArray[np.int64]) -> Tensor:
        """The images of `rows_B` on the device, uint8 [B, H, W, C]."""
        if self.whole_NHWC is not None:
            return self.whole_NHWC[torch.from_numpy(rows_B).to(self._device)]
        images_BHWC = torch.from_numpy(self._store.gather(rows_B))
        if self._device.type == "cuda":
            images_BHWC = images_BHWC.pin_memory()
        return images_BHWC.to(self._device, non_blocking=True)


held: dict[tuple[str, torch.device], Tensor] = {}  # the sets in a GPU's memory; this process keeps one at a time


def fits(store: Store, device: torch.device) -> bool:
    """Whether a GPU has room for the whole set, or holds it already."""
    if device.type != "cuda":  # the store is in memory already
        return False
    free, total = torch.cuda.mem_get_info(device)
    return (store.prepared.fingerprint, device) in held or _num_bytes(store) <= min(LARGEST_SHARE * total, free / 2)


def _num_bytes(store: Store) -> int:
    return store.num_images * store.image_size_px**2 * store.channels


def _loaded(store: Store, device: torch.device) -> Tensor:
    key = (store.prepared.fingerprint, device)
    if key not in held:
        held.clear()
        rows_N = np.arange(store.num_images)
        shape = (store.num_images, store.image_size_px, store.image_size_px, store.channels)
        whole_NHWC = torch.empty(shape, dtype=torch.uint8, device=device)
        for rows_B in np.split(rows_N, range(COPIED_AT_ONCE, store.num_images, COPIED_AT_ONCE)):
            whole_NHWC[rows_B[0] : rows_B[-1] + 1] = torch.from_numpy(store.gather(rows_B)).to(device)
        held[key] = whole_NHWC
    return held[key]
