"""What lies in front of and behind the lungs in a frontal chest X-ray: ribs, spine, shoulders, breasts.

Added after the lungs' findings, so that ribs show through an effusion as they do on film.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from platform.phantoms.canvas import bump, grid, spline
from platform.phantoms.chest_scene import MIDLINE, Body, Scene


def build(scene: Scene, body: Body, signs: Mapping[str, float]) -> None:
    """Adds what lies in front of and behind the lungs: breasts, spine, ribs, shoulders. A fracture is a stepped rib."""
    _breasts(scene, body)
    _spine(scene)
    _ribs(scene, signs)
    _shoulders(scene)


def _breasts(scene: Scene, body: Body) -> None:
    if body.sex != "F" and body.girth < 0.6:
        return
    heavy = scene.rng.uniform(0.03, 0.08) * (1.0 if body.sex == "F" else 0.5)
    ink, radius = scene.ink(), scene.rng.uniform(0.13, 0.17)
    for lung in scene.lungs:
        ink.dot(lung.at(0.66, 0.84), radius, flat=0.95)
    _, y = grid(scene.size)
    scene.add(ink.read(0.012) * np.clip((y - 0.45) * 3, 0, 1), heavy)


def _spine(scene: Scene) -> None:
    """Vertebral bodies with their discs between, faint through the heart."""
    ink, pitch = scene.ink(), 0.056
    for level in np.arange(-0.02, 1.05, pitch):
        corners = np.array([(-0.032, 0.006), (0.032, 0.006), (0.032, pitch - 0.006), (-0.032, pitch - 0.006)])
        ink.area(corners + np.array([MIDLINE, level]), 0.85)
        ink.line(np.array([(MIDLINE - 0.032, level + 0.006), (MIDLINE + 0.032, level + 0.006)]), 0.004, 1.0)
        ink.dot((MIDLINE, level + pitch / 2), 0.008, 1.0, flat=1.6)
    _, y = grid(scene.size)
    scene.add(ink.read(0.003) * np.clip(0.35 + 1.5 * y, 0, 1), 0.07)


def _ribs(scene: Scene, signs: Mapping[str, float]) -> None:
    """Ten posterior ribs on each side, and the anterior ends of the upper ones; a broken rib is stepped and knotted."""
    rng = scene.rng
    back, front = scene.ink(), scene.ink()
    breaks = rng.integers((0, 2), (2, 8), size=(3, 2)).tolist()  # lung, rib
    broken = breaks[: 1 + round(2 * signs["fracture"])] if "fracture" in signs else []
    slope = rng.uniform(0.9, 1.3)
    for number, lung in enumerate(scene.lungs):
        for rib in range(10):
            v = -0.03 + 0.105 * rib
            reach = min(1.01, 0.62 + 0.13 * rib)
            arc = [
                (0.08, v + 0.02),
                (0.3 * reach, v - 0.01),
                (0.62 * reach, v + 0.02 * slope),
                (0.88 * reach, v + 0.09 * slope),
            ]
            arc += [(reach, v + 0.2 * slope)]
            path = spline(lung.points(arc), closed=False)
            if [number, rib] in broken:
                path = _break(scene, path)
            back.line(path, 0.024, 0.85)
            back.line(path, 0.013, 0.5)  # the marrow lets more through than the cortex
            if 1 <= rib <= 6:
                arc = [
                    (reach, v + 0.2 * slope),
                    (0.9 * reach, v + 0.3 * slope),
                    (0.62 * reach, v + 0.37 * slope),
                    (0.4, v + 0.38),
                ]
                front.line(spline(lung.points(arc), closed=False), 0.026, 0.6)
    _, y = grid(scene.size)
    above = np.clip((0.9 - y) * 8, 0.15, 1)
    scene.add(back.read(0.0015) * above, 0.10)
    scene.add(front.read(0.003) * above, 0.06)


def _break(scene: Scene, path: np.ndarray) -> np.ndarray:
    at = int(scene.rng.uniform(0.5, 0.8) * len(path))
    stepped = path.copy()
    stepped[at:] += [0, scene.rng.uniform(0.02, 0.03)]
    scene.add(bump(scene.size, (float(path[at, 0]), float(path[at, 1])), (0.013, 0.012)), 0.17)
    scene.note("fracture", path[at - 2 : at + 3] + np.array([[0.02], [-0.02], [0.02], [-0.02], [0.02]]))
    return np.delete(stepped, [at - 1, at], axis=0)


def _shoulders(scene: Scene) -> None:
    """Collar bones, shoulder blades, heads of the arm bones."""
    rng, ink = scene.rng, scene.ink()
    lift = rng.uniform(-0.02, 0.04)
    for side in (-1, 1):
        clavicle = [(0.045, 0.185), (0.13, 0.150 - lift), (0.22, 0.135 - lift), (0.33, 0.085 - lift)]
        path = spline(np.array([(MIDLINE + side * x, y) for x, y in clavicle]), closed=False)
        ink.line(path, 0.026, 0.95)
        ink.line(path, 0.014, 0.6)
        ink.dot((MIDLINE + side * 0.47, 0.14), 0.045, 0.7)
        blade = [(0.33, 0.12), (0.43, 0.2), (0.40, 0.36), (0.35, 0.44), (0.35, 0.28)]
        ink.area(spline(np.array([(MIDLINE + side * (x + 0.01), y) for x, y in blade]), closed=True), 0.28)
    scene.add(ink.read(0.002), 0.11)
