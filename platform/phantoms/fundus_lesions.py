"""What diabetes does to a retina, and what merely looks like it: lesions of a phantom fundus by grade.

The grades are those of the International Clinical Diabetic Retinopathy scale (Wilkinson et al., Ophthalmology 2003):
0 none, 1 microaneurysms only, 2 more than that, 3 haemorrhages in every quadrant, 4 new vessels or preretinal bleeding.
Sizes are generous, so that a student at 64 px sees the lesions, and learns them from a hundred pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from platform.phantoms.canvas import Array, Ink, Rng, blob, wander

NUM_GRADES = 5

# Fewest and most of each lesion by grade, ours. A grade's ranges overlap its neighbours': no count alone gives it away.
MICROANEURYSMS = ((0, 0), (4, 14), (8, 26), (18, 40), (10, 36))
HAEMORRHAGES = ((0, 0), (0, 0), (4, 12), (16, 36), (6, 28))
EXUDATE_CLUSTERS = ((0, 0), (0, 0), (0, 4), (1, 6), (1, 6))
COTTON_WOOL = ((0, 0), (0, 0), (0, 3), (1, 5), (0, 5))

RED, YELLOW, WHITE, FLESH = (0.30, 0.03, 0.03), (0.98, 0.86, 0.42), (0.96, 0.92, 0.78), (0.48, 0.09, 0.07)


@dataclass(frozen=True, kw_only=True)
class Field:
    """The places of an eye's parts: field of view, disc, fovea, in picture heights (right eye, not inverted)."""

    radius: float
    disc: tuple[float, float]
    disc_radius: float
    fovea: tuple[float, float]

    def place(self, rng: Rng, *, spread: float = 0.85, about: tuple[float, float] | None = None) -> tuple[float, float]:
        """A random place within `spread` field radii of the centre (or of `about`), off the disc."""
        centre = about or (0.5, 0.5)
        distance, angle = self.radius * spread * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
        x, y = centre[0] + distance * np.cos(angle), centre[1] + distance * np.sin(angle)
        away = np.hypot(x - self.disc[0], y - self.disc[1]) / (1.4 * self.disc_radius)
        if away < 1:  # pushed out along its own ray
            x, y = self.disc[0] + (x - self.disc[0]) / (away + 1e-3), self.disc[1] + (y - self.disc[1]) / (away + 1e-3)
        return float(x), float(y)


@dataclass(frozen=True)
class Layer:
    """One kind of mark: where it is [H, W] (0 to 1), its colour, and whether it is a lesion or only looks like one."""

    mask: Array
    colour: tuple[float, float, float]
    is_lesion: bool


def draw(rng: Rng, field: Field, grade: int, size: int) -> list[Layer]:
    """The layers of an eye of this grade, from the deepest to the topmost."""
    layers = [_confounders(rng, field, size), _exudates(rng, field, grade, size), _cotton_wool(rng, field, grade, size)]
    layers += [_red(rng, field, grade, size)]
    if grade == 4:
        layers += _proliferation(rng, field, size)
    return layers


def _count(rng: Rng, ranges: tuple[tuple[int, int], ...], grade: int) -> int:
    fewest, most = ranges[grade]
    return int(rng.integers(fewest, most + 1))


def _red(rng: Rng, field: Field, grade: int, size: int) -> Layer:
    ink = Ink(size)
    for _ in range(_count(rng, MICROANEURYSMS, grade)):
        ink.dot(field.place(rng, spread=0.75), field.radius * rng.uniform(0.014, 0.028), rng.uniform(0.6, 0.95))
    for _ in range(_count(rng, HAEMORRHAGES, grade)):
        radius = field.radius * rng.gamma(4.0, 0.009 + 0.0018 * grade)
        ink.area(blob(rng, field.place(rng), radius, flat=rng.uniform(0.6, 1.4)), rng.uniform(0.35, 0.85))
    return Layer(ink.read(0.003), RED, True)


def _exudates(rng: Rng, field: Field, grade: int, size: int) -> Layer:
    ink = Ink(size)
    for _ in range(_count(rng, EXUDATE_CLUSTERS, grade)):
        middle = field.place(rng, spread=0.6, about=field.fovea)
        is_ring = rng.uniform() < 0.4  # a circinate ring about a leaking microaneurysm
        reach = field.radius * rng.uniform(0.05, 0.14)
        for _ in range(int(rng.integers(6, 22))):
            angle, part = rng.uniform(0, 2 * np.pi), rng.uniform(0.85, 1.15) if is_ring else np.sqrt(rng.uniform())
            spot = (middle[0] + reach * part * np.cos(angle), middle[1] + reach * part * np.sin(angle))
            ink.area(blob(rng, spot, field.radius * rng.uniform(0.011, 0.036)), rng.uniform(0.6, 0.95))
    return Layer(ink.read(0.001), YELLOW, True)


def _cotton_wool(rng: Rng, field: Field, grade: int, size: int) -> Layer:
    ink = Ink(size)
    for _ in range(_count(rng, COTTON_WOOL, grade)):
        outline = blob(
            rng, field.place(rng, spread=0.7), field.radius * rng.uniform(0.03, 0.06), flat=rng.uniform(0.6, 1.2)
        )
        ink.area(outline, rng.uniform(0.4, 0.7))
    return Layer(ink.read(0.008), WHITE, True)


def _proliferation(rng: Rng, field: Field, size: int) -> list[Layer]:
    """Laser scars, new vessels on the disc or elsewhere, preretinal bleeding; at least one of the last two."""
    bleeds = rng.uniform() < 0.6
    layers = []
    if rng.uniform() < 0.35:
        layers.append(_laser_scars(rng, field, size))
    if not bleeds or rng.uniform() < 0.7:
        on_disc = rng.uniform() < 0.5
        layers += [_new_vessels(rng, field, field.disc if on_disc else field.place(rng, spread=0.6), size)]
    if bleeds:
        layers.append(_preretinal_blood(rng, field, size))
    return layers


def _new_vessels(rng: Rng, field: Field, root: tuple[float, float], size: int) -> Layer:
    ink = Ink(size)
    for _ in range(int(rng.integers(14, 26))):
        angle, length = rng.uniform(0, 2 * np.pi), field.radius * rng.uniform(0.1, 0.24)
        path = wander(rng, np.asarray(root), heading=angle, length=length, bend=rng.uniform(-3, 3), wobble=1.6)
        ink.taper(path, (0.012 * field.radius, 0.006 * field.radius), 0.85)
    return Layer(ink.read(0.001), FLESH, True)


def _preretinal_blood(rng: Rng, field: Field, size: int) -> Layer:
    """Blood that has sunk between retina and vitreous: a boat with a level top."""
    x, y = field.place(rng, spread=0.6)
    half, depth = field.radius * rng.uniform(0.12, 0.3), field.radius * rng.uniform(0.08, 0.2)
    t = np.linspace(0, np.pi, 20)
    keel = np.stack([x + half * np.cos(t), y + depth * np.sin(t)], axis=1)
    ink = Ink(size)
    ink.area(keel, 0.92)
    return Layer(ink.read(0.003), RED, True)


def _laser_scars(rng: Rng, field: Field, size: int) -> Layer:
    """Pan-retinal photocoagulation: pale burns in the periphery, some with a dark middle."""
    ink = Ink(size)
    for _ in range(int(rng.integers(20, 60))):
        distance, angle = field.radius * rng.uniform(0.68, 0.98), rng.uniform(0, 2 * np.pi)
        spot = (0.5 + distance * np.cos(angle), 0.5 + distance * np.sin(angle))
        ink.dot(spot, field.radius * rng.uniform(0.018, 0.034), rng.uniform(0.3, 0.6))
        if rng.uniform() < 0.4:
            ink.dot(spot, field.radius * 0.012, 0.1)
    return Layer(ink.read(0.002), WHITE, True)


def _confounders(rng: Rng, field: Field, size: int) -> Layer:
    """Drusen: soft pale spots of age, in eyes of every grade; bright as exudates, but round, alone and blurred."""
    ink = Ink(size)
    if rng.uniform() < 0.35:
        for _ in range(int(rng.integers(3, 26))):
            spot = field.place(rng, spread=0.45, about=field.fovea)
            ink.dot(spot, field.radius * rng.uniform(0.008, 0.024), rng.uniform(0.25, 0.65))
    return Layer(ink.read(0.004), YELLOW, False)


def area(layers: list[Layer], visible: NDArray[np.bool_]) -> float:
    """The part of the visible field that lesions cover, between 0 and 1."""
    covered = np.zeros(visible.shape, dtype=np.float32)
    for layer in layers:
        if layer.is_lesion:
            covered = np.maximum(covered, layer.mask)
    return float(covered[visible].mean())
