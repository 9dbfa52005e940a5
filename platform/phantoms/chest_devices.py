"""Support devices on a phantom chest X-ray: tubes, lines, pacemakers and wires, whiter and sharper than any tissue."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from platform.phantoms.canvas import Ink, Rng, either, spline, wander
from platform.phantoms.chest_scene import MIDLINE, Scene


def draw(scene: Scene, severity: float, *, is_frontal: bool) -> None:
    """Draws one or more devices: the sicker the patient, the more."""
    rng = scene.rng
    num_devices = 1 + int(rng.binomial(3, severity))
    for kind in rng.permutation(len(DEVICES))[:num_devices]:
        metal, plastic = scene.ink(), scene.ink()
        DEVICES[int(kind)](rng, metal, plastic, 0.0 if is_frontal else 0.12)
        scene.add(plastic.read(0.0006), 0.22)
        scene.veil(metal.read(0.0006), 0.92, 1.0)


def _path(points: list[tuple[float, float]], shift: float = 0.0) -> np.ndarray:
    return spline(np.array(points) - [shift, 0], closed=False)


def _endotracheal_tube(rng: Rng, metal: Ink, plastic: Ink, shift: float) -> None:
    tip = rng.uniform(0.22, 0.32)
    tube = _path([(MIDLINE + 0.02, -0.02), (MIDLINE + 0.004, 0.1), (MIDLINE - 0.002, tip)], shift)
    plastic.line(tube, 0.015, 0.55)
    plastic.line(tube + np.array([0.006, 0]), 0.004, 1.0)


def _central_line(rng: Rng, metal: Ink, plastic: Ink, shift: float) -> None:
    side = either(rng)
    start = (
        [(MIDLINE + side * 0.40, 0.02), (MIDLINE + side * 0.30, 0.13)]
        if rng.uniform() < 0.5
        else [(MIDLINE + side * 0.1, 0.0)]
    )
    plastic.line(
        _path(
            [*start, (MIDLINE + side * 0.10, 0.19), (MIDLINE - 0.045, 0.27), (MIDLINE - 0.05, rng.uniform(0.38, 0.5))],
            shift,
        ),
        0.007,
    )


def _pacemaker(rng: Rng, metal: Ink, plastic: Ink, shift: float) -> None:
    """A pacemaker below the patient's left collar bone, and its leads."""
    x, y = MIDLINE + 0.27 + rng.normal(0, 0.02) - shift, 0.25 + rng.normal(0, 0.02)
    metal.dot((x, y), 0.048, 0.85, flat=0.9)
    metal.dot((x - 0.008, y + 0.008), 0.03, 1.0, flat=0.7)
    for tip in ((-0.07, 0.66), (0.11, 0.76))[: int(rng.integers(1, 3))]:
        lead = [
            (x, y - 0.05),
            (MIDLINE + 0.10 - shift, 0.19),
            (MIDLINE - 0.04 - shift, 0.3),
            (MIDLINE - 0.06 - shift, 0.52),
        ]
        metal.line(_path([*lead, (MIDLINE + tip[0] - shift, tip[1])]), 0.006, 0.9)


def _stomach_tube(rng: Rng, metal: Ink, plastic: Ink, shift: float) -> None:
    path = [
        (MIDLINE - 0.01, -0.02),
        (MIDLINE + 0.006, 0.4),
        (MIDLINE + 0.02, 0.75),
        (MIDLINE + 0.10, 0.88),
        (MIDLINE + 0.2, 0.93),
    ]
    plastic.line(_path(path, shift), 0.008, 0.9)


def _monitor_wires(rng: Rng, metal: Ink, plastic: Ink, shift: float) -> None:
    """Electrodes on the skin with wires across the film."""
    for _ in range(int(rng.integers(2, 5))):
        spot = np.array([rng.uniform(0.15, 0.85), rng.uniform(0.2, 0.85)])
        metal.dot((spot[0], spot[1]), 0.014, 0.8)
        metal.dot((spot[0], spot[1]), 0.006, 0.2)
        heading = rng.uniform(0, 2 * np.pi)
        plastic.line(wander(rng, spot, heading=heading, length=0.6, bend=rng.normal(0, 1.5), wobble=0.4), 0.005, 0.9)


def _sternal_wires(rng: Rng, metal: Ink, plastic: Ink, shift: float) -> None:
    """Loops that close the breastbone after heart surgery."""
    for level in np.linspace(0.26, 0.62, int(rng.integers(5, 8))):
        x, t = MIDLINE + rng.normal(0, 0.006) - 2.6 * shift, np.linspace(0, 2 * np.pi, 14)
        metal.line(np.stack([x + 0.016 * np.cos(t), level + 0.010 * np.sin(t)], axis=1), 0.005)


def _port(rng: Rng, metal: Ink, plastic: Ink, shift: float) -> None:
    """A chamber under the skin for chemotherapy, with its catheter."""
    x, y = MIDLINE - 0.24 - shift / 2, rng.uniform(0.26, 0.36)
    metal.dot((x, y), 0.027, 0.9)
    metal.dot((x, y), 0.014, 0.35)
    plastic.line(
        _path([(x, y), (x + 0.08, 0.16), (MIDLINE - 0.07 - shift, 0.2), (MIDLINE - 0.05 - shift, 0.42)]), 0.007
    )


DEVICES: tuple[Callable[[Rng, Ink, Ink, float], None], ...] = (
    _endotracheal_tube,
    _central_line,
    _pacemaker,
    _stomach_tube,
    _monitor_wires,
    _sternal_wires,
    _port,
)
