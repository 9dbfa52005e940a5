"""Drawing tools of all phantoms: shapes in unit coordinates become smooth masks at any picture size.

Points are arrays [N, 2] of (x, y) in picture heights, y downwards. No tool draws more random values for a larger
picture, so the same Generator draws the same shapes, finer or coarser, at every size.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Array = NDArray[np.float32]
Rng = np.random.Generator

_PROGRESS = np.linspace(0, 1, 24)  # of a path, start to end
_COMPASS = np.arange(8) * (np.pi / 4)  # the directions of a blob's bumps
_COS, _SIN = np.cos(_COMPASS), np.sin(_COMPASS)
FINEST_STROKE_PX = 256  # shapes are drawn on at least so many pixels a side, or thin vessels break into dots


@lru_cache(maxsize=4)
def grid(size: int) -> tuple[Array, Array]:
    """Unit coordinates (x, y) of the pixel centres, each [size, size]."""
    centres = (np.arange(size, dtype=np.float32) + 0.5) / size
    x, y = np.meshgrid(centres, centres)
    return x.astype(np.float32), y.astype(np.float32)


def noise(rng: Rng, cells: int | tuple[int, int], size: int) -> Array:
    """Smooth noise [size, size] of about unit variance, with `cells` (down, across) bumps to the picture."""
    down, across = (cells, cells) if isinstance(cells, int) else cells
    coarse = rng.standard_normal((down + 1, across + 1)).astype(np.float32)
    return np.asarray(
        Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC), dtype=np.float32
    ) * np.float32(1.3)


def bump(size: int, centre: tuple[float, float], radii: tuple[float, float]) -> Array:
    """A Gaussian hill [size, size] of height 1, `radii` its standard deviations."""
    centres = (np.arange(size, dtype=np.float32) + 0.5) / size
    across = np.exp(-0.5 * ((centres - centre[0]) / radii[0]) ** 2)
    down = np.exp(-0.5 * ((centres - centre[1]) / radii[1]) ** 2)
    return np.outer(down, across).astype(np.float32)


def spline(points: NDArray[np.floating], *, closed: bool, steps: int = 8) -> NDArray[np.float64]:
    """A Catmull-Rom curve through `points` [N, 2], `steps` points to each piece."""
    knots = np.asarray(points, dtype=np.float64)
    if closed:
        padded = np.concatenate([knots[-1:], knots, knots[:2]])
    else:
        padded = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    before, start, end, after = padded[:-3, None], padded[1:-2, None], padded[2:-1, None], padded[3:, None]
    curve = start + 0.5 * t * (
        (end - before) + t * (2 * before - 5 * start + 4 * end - after + t * (3 * (start - end) + after - before))
    )
    curve = curve.reshape(-1, 2)
    return curve if closed else np.vstack([curve, knots[-1:]])


def wander(
    rng: Rng, start: NDArray[np.floating], *, heading: float, length: float, bend: float, wobble: float
) -> NDArray:
    """A path [25, 2] from `start`: it sets out at `heading` (radians), turns by `bend` and trembles by `wobble`."""
    turns = heading + bend * _PROGRESS + (wobble / 5) * rng.standard_normal(_PROGRESS.size).cumsum()
    path = np.zeros((_PROGRESS.size + 1, 2))
    np.cos(turns).cumsum(out=path[1:, 0])
    np.sin(turns).cumsum(out=path[1:, 1])
    path *= length / _PROGRESS.size
    path += start
    return path


def either(rng: Rng) -> int:
    """-1 or 1, the value that `rng.choice([-1, 1])` would draw, in a tenth of its time."""
    return 2 * int(rng.integers(2)) - 1


def blob(rng: Rng, centre: tuple[float, float], radius: float, *, rough: float = 0.25, flat: float = 1.0) -> NDArray:
    """The outline [N, 2] of an irregular patch; `rough` the spread of its radius, `flat` its height over its width."""
    bumps = rng.standard_normal(8)
    beside = np.concatenate([bumps[-1:], bumps[:-1]])
    radii = radius * np.clip(1 + rough * (0.7 * bumps + 0.5 * beside), 0.4, 1.8)
    return spline(np.stack([centre[0] + radii * _COS, centre[1] + flat * radii * _SIN], 1), closed=True)


class Ink:
    """A mask under construction: strokes and shapes in unit coordinates, read out as [size, size] between 0 and 1."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.scale = size * max(2, -(-FINEST_STROKE_PX // size))
        self.image = Image.new("L", (self.scale, self.scale))
        self.pen = ImageDraw.Draw(self.image)

    def line(self, points: NDArray, width: float, value: float = 1.0) -> None:
        """A stroke; if it is thinner than a pixel of the canvas, it is drawn fainter instead."""
        self._stroke((points * self.scale).ravel().tolist(), width, value)

    def taper(self, points: NDArray, widths: tuple[float, float], value: float = 1.0) -> None:
        """A stroke that thins from the first width to the second."""
        pieces, last = 4, len(points) - 1
        on_canvas = (points * self.scale).ravel().tolist()
        for piece in range(pieces):
            width = widths[0] + (widths[1] - widths[0]) * piece / (pieces - 1)
            start, end = piece * last // pieces, (piece + 1) * last // pieces
            self._stroke(on_canvas[2 * start : 2 * end + 2], width, value)

    def _stroke(self, on_canvas: list[float], width: float, value: float) -> None:
        width_px = float(width) * self.scale  # Python rounds its own numbers faster than NumPy's
        ink = round(255 * float(value) * min(1.0, width_px))
        self.pen.line(on_canvas, fill=ink, width=max(1, round(width_px)))

    def area(self, outline: NDArray, value: float = 1.0) -> None:
        self.pen.polygon((outline * self.scale).ravel().tolist(), fill=round(255 * value))

    def dot(self, centre: tuple[float, float], radius: float, value: float = 1.0, flat: float = 1.0) -> None:
        (x, y), across, down = centre, radius, radius * flat
        box = [(x - across), (y - down), (x + across), (y + down)]
        self.pen.ellipse([edge * self.scale for edge in box], fill=round(255 * value))

    def read(self, blur: float = 0.0) -> Array:
        """The mask so far, its edges softened by a Gaussian of `blur` picture heights."""
        image = self.image.reduce(self.scale // self.size)
        if blur * self.size > 0.2:
            image = image.filter(ImageFilter.GaussianBlur(blur * self.size))
        return np.asarray(image, dtype=np.float32) / np.float32(255)
