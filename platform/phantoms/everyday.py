"""Phantom of the generic source domain (ImageNet's stand-in): ten classes of shape and texture. They share no content
with medicine, except the edges, spots, lines and textures that a network learns first.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

from platform.phantoms.canvas import Array, Ink, Rng, blob, bump, either, grid, noise, wander


def draw(class_name: str, *, image_size_px: int, rng: Rng) -> np.ndarray:
    """A picture uint8 [image_size_px, image_size_px, 3] of this class: a pattern in one colour on a ground of another.

    Raises:
        ValueError: no such class.
    """
    if class_name not in PATTERNS:
        raise ValueError(f"the class must be one of {tuple(PATTERNS)}, but got {class_name!r}")
    size = image_size_px
    pattern = np.clip(PATTERNS[class_name](rng, size), 0, 1)
    ground, figure = _two_colours(rng)
    shading = 1 + 0.12 * noise(rng, 3, size) + 0.06 * noise(rng, 24, size)
    slope = 1 + 0.5 * ((grid(size)[0] - 0.5) * rng.normal() + (grid(size)[1] - 0.5) * rng.normal())
    strength = rng.uniform(0.45, 1.0)
    light = (ground[:, None, None] + strength * pattern * (figure - ground)[:, None, None]) * (shading * slope)
    light = np.clip(light, 0, 1).transpose(1, 2, 0)
    image = Image.fromarray((255 * light).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(size * rng.gamma(1.5, 0.002))
    )
    grain = rng.normal(0, rng.uniform(2, 9), (size, size, 1)).astype(np.float32)
    return np.clip(np.asarray(image, dtype=np.float32) + grain, 0, 255).astype(np.uint8)


def _two_colours(rng: Rng) -> tuple[Array, Array]:
    """Two colours that are easy to distinguish."""
    while True:
        first, second = rng.uniform(0.05, 0.95, (2, 3)).astype(np.float32)
        if np.abs(first - second).sum() > 0.7:
            return first, second


def _turned(rng: Rng, size: int, angle: float | None = None) -> tuple[Array, Array]:
    """Unit coordinates, rotated, with their straight lines slightly bent."""
    x, y = grid(size)
    angle = rng.uniform(0, np.pi) if angle is None else angle
    bend = 0.02 * rng.uniform(0, 1)
    across = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) + bend * noise(rng, 3, size)
    along = (y - 0.5) * np.cos(angle) - (x - 0.5) * np.sin(angle) + bend * noise(rng, 3, size)
    return across, along


def _edge(wave: Array, sharpness: float) -> Array:
    return 0.5 + 0.5 * np.tanh(sharpness * wave)


def _blobs(rng: Rng, size: int) -> Array:
    return _edge(noise(rng, int(rng.integers(4, 10)), size) - 0.4, 4)


def _stripes(rng: Rng, size: int) -> Array:
    across, _ = _turned(rng, size)
    return _edge(np.sin(2 * np.pi * rng.uniform(5, 14) * across + rng.uniform(0, 6)), 3)


def _checks(rng: Rng, size: int) -> Array:
    across, along = _turned(rng, size)
    frequency = np.pi * rng.uniform(4, 10)
    return _edge(np.sin(frequency * across + rng.uniform(0, 6)) * np.sin(frequency * along + rng.uniform(0, 6)), 6)


def _rings(rng: Rng, size: int) -> Array:
    x, y = grid(size)
    radius = np.hypot(x - rng.uniform(0.2, 0.8), (y - rng.uniform(0.2, 0.8)) * rng.uniform(0.8, 1.25))
    return _edge(np.sin(2 * np.pi * rng.uniform(5, 12) * radius + rng.uniform(0, 6)), 3)


def _polygons(rng: Rng, size: int) -> Array:
    ink = Ink(size)
    for _ in range(int(rng.integers(4, 11))):
        corners, turn = int(rng.integers(3, 6)), rng.uniform(0, 6)
        angles = turn + np.arange(corners) * 2 * np.pi / corners
        outline = rng.uniform(0, 1, 2) + rng.uniform(0.07, 0.18) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        ink.area(outline, rng.uniform(0.4, 1))
    return ink.read()


def _foliage(rng: Rng, size: int) -> Array:
    """Scattered leaves, each with its midrib."""
    ink, t = Ink(size), np.linspace(0, 2 * np.pi, 16)
    for _ in range(int(rng.integers(30, 60))):
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.06, 0.13)
        along, across = length * np.cos(t), 0.35 * length * np.sin(t) * (1 - 0.3 * np.cos(t))
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        leaf = rng.uniform(0, 1, 2) + np.stack([along, across], axis=1) @ turn
        ink.area(leaf, rng.uniform(0.4, 1))
        ink.line(leaf[[0, 8]], 0.006, 0.2)
    return ink.read()


def _branches(rng: Rng, size: int) -> Array:
    """Twigs against the sky."""
    ink = Ink(size)
    tips = [(np.array([rng.uniform(0.2, 0.8), 1.05]), -np.pi / 2 + rng.normal(0, 0.3), 0.6, 0.035) for _ in range(2)]
    for _ in range(26):
        start, heading, length, width = tips.pop(0)
        path = wander(rng, start, heading=heading, length=length, bend=rng.normal(0, 0.5), wobble=0.4)
        ink.taper(path, (width, width * 0.5))
        for at in rng.integers(8, 25, size=2):
            tips.append((path[at], heading + either(rng) * rng.uniform(0.4, 0.9), length * 0.6, width * 0.55))
    return ink.read()


def _dots(rng: Rng, size: int) -> Array:
    ink, pitch = Ink(size), rng.uniform(0.09, 0.17)
    for row in np.arange(0, 1 + pitch, pitch):
        for column in np.arange(0, 1 + pitch, pitch):
            ink.dot(
                (column + rng.normal(0, 0.08) * pitch, row + rng.normal(0, 0.08) * pitch),
                pitch * rng.uniform(0.22, 0.34),
            )
    return ink.read()


def _clouds(rng: Rng, size: int) -> Array:
    """Noise at every scale, as in clouds and marble."""
    octaves = [noise(rng, 3 * 2**k, size) / 2**k for k in range(4)]
    return 0.5 + 0.28 * np.sum(octaves, axis=0)


def _pebbles(rng: Rng, size: int) -> Array:
    """Round stones, lit from the side."""
    ink, light = Ink(size), rng.uniform(-0.6, 0.6, 2)
    for _ in range(int(rng.integers(14, 30))):
        centre, radius = rng.uniform(0, 1, 2), rng.uniform(0.05, 0.12)
        for part in (1.0, 0.75, 0.5, 0.25):
            middle = centre + light * radius * (1 - part)
            ink.area(blob(rng, (middle[0], middle[1]), radius * part, rough=0.08), 0.35 + 0.65 * (1 - part))
    return ink.read(0.006) + 0.1 * bump(size, (0.5, 0.5), (0.4, 0.4))


PATTERNS: dict[str, Callable[[Rng, int], Array]] = {
    "blobs": _blobs,
    "branches": _branches,
    "checks": _checks,
    "clouds": _clouds,
    "dots": _dots,
    "foliage": _foliage,
    "pebbles": _pebbles,
    "polygons": _polygons,
    "rings": _rings,
    "stripes": _stripes,
}
CLASSES = tuple(PATTERNS)
