"""Maps of different sizes, pooled so that they can be compared position by position. Shared by methods; not one itself.

A teacher that looks through its own eyes, or a grid of tokens, gives maps of another size than the student's. Averages
of positions can be compared; enlarged maps would claim detail that nobody has seen.

Shapes: B images, C planes of h x w; a map without planes is [B, h, w].
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

MAX_SIDE = 8  # positions: that of the last maps at the paper's 256 px


def at_most(maps: Tensor, side: int = MAX_SIDE) -> Tensor:
    """Averages of `maps` on a grid of at most `side` x `side` positions; a smaller map stays as it is."""
    return averaged(maps, (side, side))


def to_one_size(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Both on the grid of the smaller one, along each side."""
    return averaged(first, (second.shape[-2], second.shape[-1])), averaged(second, (first.shape[-2], first.shape[-1]))


def averaged(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Averages of `maps` on a grid of `size` (height, width), or of their own where that is smaller."""
    smaller = min(maps.shape[-2], size[0]), min(maps.shape[-1], size[1])
    return maps if smaller == tuple(maps.shape[-2:]) else functional.adaptive_avg_pool2d(maps, smaller)
