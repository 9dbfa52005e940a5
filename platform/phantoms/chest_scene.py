"""The stage of a phantom chest X-ray: how much each ray is attenuated, and where the lungs are.

`film` is attenuation, from 0 (air) to about 1 (metal), [size, size]. Lungs have coordinates of their own, (u, v): v
from the apex (0) to the sulcus (1); u from the midline to the chest wall in a frontal view, from front to back in a
lateral one. A finding drawn in (u, v) therefore serves both views: fluid gathers at u = v = 1 in each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from platform.phantoms.canvas import Array, Ink, Rng

WATER, BONE = 0.66, 0.80  # attenuation of what fluid or consolidation turns lung into, and of dense bone
MIDLINE = 0.5  # of a frontal view
Box = tuple[float, float, float, float]  # left, top, right, bottom in picture heights

# What can be drawn, in a vocabulary shared by all hospitals; chest_labels derives their labels from it.
SIGNS = (
    "cardiomegaly",
    "wide_mediastinum",
    "edema",
    "consolidation",
    "pneumonia",
    "atelectasis",
    "infiltration",
    "nodule",
    "mass",
    "effusion",
    "pneumothorax",
    "pleural_thickening",
    "pleural_plaque",
    "emphysema",
    "fibrosis",
    "hernia",
    "fracture",
    "devices",
)


@dataclass(frozen=True, kw_only=True)
class Body:
    """A patient, the same in every study. Lengths are in picture heights; `girth` is 0 (thin) to 1 (stout)."""

    sex: str
    age_years: int
    girth: float
    heart_ratio: float
    chest_half: float
    apex: float
    sulcus: float


@dataclass(frozen=True)
class Lung:
    """A lung: the picture's place of (u, v), its outline [N, 2] and its mask [size, size]."""

    inner: float
    outer: float
    top: float
    bottom: float
    outline: NDArray[np.float64]
    mask: Array

    def at(self, u: float, v: float) -> tuple[float, float]:
        return self.inner + u * (self.outer - self.inner), self.top + v * (self.bottom - self.top)

    def points(self, uv: NDArray | list[tuple[float, float]]) -> NDArray[np.float64]:
        return np.array([self.at(u, v) for u, v in uv])


@dataclass
class Scene:
    """A picture that is being drawn; `boxes` holds where each finding lies."""

    size: int
    rng: Rng
    film: Array
    lungs: list[Lung] = field(default_factory=list)
    hearts: Array | float = 0.0  # the heart's shadow, in front of which nothing of the lung shows
    boxes: dict[str, list[Box]] = field(default_factory=dict)

    def one_lung(self) -> Lung:
        return self.lungs[int(self.rng.integers(len(self.lungs)))]

    def some_lungs(self, severity: float) -> Iterator[Lung]:
        """The affected lungs: one, or both, which is the likelier the worse the finding."""
        if self.rng.uniform() < 0.2 + 0.5 * severity:
            yield from self.lungs
        else:
            yield self.one_lung()

    def veil(self, mask: Array, strength: float, level: Array | float = WATER) -> None:
        """Draws attenuation towards `level` where the mask is."""
        self.film += strength * mask * (level - self.film)

    def add(self, mask: Array, amount: float) -> None:
        self.film += amount * mask

    def note(self, finding: str, points: NDArray) -> None:
        """Notes the bounding box of a finding's outline, clipped to the picture."""
        low, high = np.clip(points.min(axis=0), 0, 1), np.clip(points.max(axis=0), 0, 1)
        self.boxes.setdefault(finding, []).append((float(low[0]), float(low[1]), float(high[0]), float(high[1])))

    def ink(self) -> Ink:
        return Ink(self.size)
