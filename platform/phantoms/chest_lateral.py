"""The lateral chest: the patient faces left, both lungs overlap, and the spine is behind them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from platform.phantoms.canvas import Array, bump, grid, noise, spline, wander
from platform.phantoms.chest_scene import Body, Lung, Scene

# Both lungs' outline in (u, v): apex, along the spine down to the posterior sulcus, the dome, along the breastbone.
OUTLINE = (
    (0.50, 0.00), (0.66, 0.05), (0.82, 0.20), (0.92, 0.45), (0.97, 0.75), (0.97, 1.0), (0.90, 0.99), (0.72, 0.84),
    (0.48, 0.76),
    (0.22, 0.80), (0.06, 0.86), (0.02, 0.70), (0.05, 0.40), (0.14, 0.20), (0.32, 0.05),
)  # fmt: skip
DOME = slice(6, 11)


def build(scene: Scene, body: Body, signs: Mapping[str, float]) -> None:
    """Draws all soft tissue from the side, altered by signs such as a large heart or flat domes."""
    size, rng = scene.size, scene.rng
    scene.film += _trunk(scene, body)
    lung = _lung(scene, body, signs)
    scene.lungs = [lung]
    texture = 0.014 * noise(rng, 14, size) + 0.010 * noise(rng, 60, size)
    lucent = 0.27 - 0.10 * signs.get("emphysema", 0) + 0.05 * body.girth + 0.015 * rng.normal()
    scene.film += lung.mask * (lucent + texture - scene.film)
    scene.hearts = _heart(scene, body, signs)
    scene.veil(_abdomen(scene), 0.8, 0.72)
    scene.veil(scene.hearts, 0.8, 0.58)
    _great_vessels(scene, signs)
    _branches(scene, signs)
    _stomach(scene)


def build_bones(scene: Scene, signs: Mapping[str, float]) -> None:
    """Adds spine, ribs and breastbone; a fracture is one of a vertebra."""
    _spine(scene, signs)
    _ribs(scene)
    _breastbone(scene)


def _trunk(scene: Scene, body: Body) -> Array:
    """Chest and belly from the side, the arms raised out of the way."""
    front, back = 0.14 - 0.07 * body.girth, 0.90
    bust = 0.05 * (body.sex == "F") + 0.03 * body.girth
    outline = [
        (0.42, -0.05),
        (0.34, 0.06),
        (front + 0.10, 0.16),
        (front + 0.01, 0.36),
        (front - bust, 0.58),
        (front, 0.78),
    ]
    outline += [
        (front - 0.06 * body.girth, 1.06),
        (back - 0.02, 1.06),
        (back, 0.7),
        (back + 0.02, 0.35),
        (0.84, 0.12),
        (0.74, -0.05),
    ]
    ink = scene.ink()
    ink.area(spline(np.array(outline), closed=True))
    depth = ink.read(0.035)
    mask = ink.read(0.004) * (0.2 + (0.3 + 0.07 * body.girth) * depth)
    _, y = grid(scene.size)
    return mask + 0.16 * mask * np.clip(0.22 - y, 0, 1) * 6  # the shoulders add up at the top


def _lung(scene: Scene, body: Body, signs: Mapping[str, float]) -> Lung:
    rng, flat = scene.rng, signs.get("emphysema", 0)
    outline = np.array(OUTLINE) + rng.normal(0, 0.008, (len(OUTLINE), 2))
    outline[DOME, 1] += 0.55 * flat * (1.0 - outline[DOME, 1])
    front, back = 0.17 - 0.03 * flat, 0.88
    top, bottom = body.apex - 0.02, min(0.95, body.sulcus + 0.06)
    frame = Lung(front, back, top, bottom, outline, np.empty(0, np.float32))
    curve = spline(frame.points(outline), closed=True)
    ink = scene.ink()
    ink.area(curve)
    return Lung(front, back, top, bottom, curve, ink.read(0.004))


def _heart(scene: Scene, body: Body, signs: Mapping[str, float]) -> Array:
    """The heart, on the dome behind the breastbone; if large, it fills the space in front and bulges to the spine."""
    lung = scene.lungs[0]
    grow = (
        0.9 + 2.0 * (body.heart_ratio - 0.42) + (0.12 + 0.4 * signs["cardiomegaly"] if "cardiomegaly" in signs else 0)
    )
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    along, across = 0.19 * np.sqrt(grow) * np.cos(angles), 0.125 * grow * np.sin(angles)
    slant = 0.95
    centre = lung.at(0.36 + 0.05 * (grow - 1), 0.63 - 0.04 * (grow - 1))
    points = np.stack(
        [
            centre[0] - along * np.cos(slant) - across * np.sin(slant),
            centre[1] + along * np.sin(slant) - across * np.cos(slant),
        ],
        1,
    )
    ink = scene.ink()
    ink.area(spline(points, closed=True))
    if "cardiomegaly" in signs:
        scene.note("cardiomegaly", points)
    return ink.read(0.009)


def _abdomen(scene: Scene) -> Array:
    """The belly below two domes, the right a little higher than the left."""
    lung, ink = scene.lungs[0], scene.ink()
    dome = lung.outline[8 * 6 : 8 * 10]
    floor = [(0.0, 1.1), (0.0, dome[-1, 1]), (1.0, 1.1)]
    ink.area(np.vstack([dome, floor[1:2], floor[0:1], floor[2:], [(dome[0, 0] + 0.03, 1.1)]]), 0.85)
    second = dome + np.array([0.0, 0.025 + 0.01 * scene.rng.normal()])
    ink.area(np.vstack([second, floor[1:2], floor[0:1], floor[2:]]), 1.0)
    outside = np.clip(scene.film * 8 - 0.3, 0, 1)  # no shadow beyond the skin
    return ink.read(0.003) * outside


def _great_vessels(scene: Scene, signs: Mapping[str, float]) -> None:
    """Aortic arch, windpipe, and the hila end-on."""
    lung, wide = scene.lungs[0], 1 + 0.8 * signs.get("wide_mediastinum", 0)
    arch = spline(
        lung.points([(0.40, 0.45), (0.42, 0.30), (0.54, 0.22), (0.66, 0.29), (0.72, 0.50), (0.76, 0.9)]), closed=False
    )
    ink = scene.ink()
    ink.line(arch, 0.055 * wide, 0.9)
    scene.veil(ink.read(0.012) * lung.mask, 0.28 + 0.2 * (wide - 1), 0.6)
    pipe = scene.ink()
    pipe.line(spline(lung.points([(0.50, -0.15), (0.53, 0.12), (0.57, 0.34)]), closed=False), 0.032)
    scene.add(pipe.read(0.003), -0.12)
    scene.add(bump(scene.size, lung.at(0.57, 0.40), (0.035, 0.045)), 0.13)


def _branches(scene: Scene, signs: Mapping[str, float]) -> None:
    rng, lung = scene.rng, scene.lungs[0]
    ink, thick = scene.ink(), 1 + 0.9 * signs.get("edema", 0)
    for _ in range(int(22 * (1 - 0.5 * signs.get("emphysema", 0)))):
        start = np.array(lung.at(0.57, 0.41)) + rng.normal(0, 0.015, 2)
        width = rng.uniform(0.006, 0.012) * thick
        heading, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.12, 0.32)
        path = wander(rng, start, heading=heading, length=length, bend=rng.normal(0, 0.8), wobble=0.45)
        ink.taper(path, (width, width * 0.25))
    scene.add(ink.read(0.002) * lung.mask, 0.11)


def _spine(scene: Scene, signs: Mapping[str, float]) -> None:
    """Vertebrae, darker from top to bottom as the lung over them gets thicker; a broken vertebra is a wedge."""
    rng, ink = scene.rng, scene.ink()
    crushed = set(rng.integers(7, 13, size=1 + round(signs["fracture"])).tolist()) if "fracture" in signs else set()
    for level in range(16):
        y = -0.03 + 0.066 * level
        x = 0.79 + 0.055 * np.sin(np.pi * np.clip((y - 0.05) / 0.95, 0, 1)) - 0.02
        drop = 0.5 if level in crushed else 0.0
        corners = np.array([(-0.04, 0.006 + 0.05 * drop), (0.035, 0.006), (0.035, 0.058), (-0.04, 0.058)]) + np.array(
            [x, y]
        )
        ink.area(corners, 0.8)
        ink.line(corners[[0, 1, 2, 3, 0]], 0.004, 1.0)
        ink.line(np.array([(x + 0.05, y + 0.02), (x + 0.085, y + 0.055)]), 0.016, 0.7)
        if drop:
            scene.note("fracture", corners)
    scene.add(ink.read(0.003), 0.10)


def _ribs(scene: Scene) -> None:
    """Ribs of both sides, running down and forward from the spine."""
    rng, ink, lung = scene.rng, scene.ink(), scene.lungs[0]
    offset = rng.uniform(0.015, 0.04)
    for rib in range(10):
        v = 0.0 + 0.095 * rib
        for shift in (0.0, offset):
            arc = [
                (0.96, v - 0.02 + shift),
                (0.78, v + 0.08 + shift),
                (0.45, v + 0.24 + shift),
                (0.16, v + 0.33 + shift),
            ]
            path = spline(lung.points(arc), closed=False)
            ink.line(path, 0.019, 0.75)
            ink.line(path, 0.011, 0.45)
    _, y = grid(scene.size)
    scene.add(ink.read(0.002) * np.clip((0.9 - y) * 6, 0.1, 1) * np.clip(scene.film * 8 - 0.3, 0, 1), 0.055)


def _breastbone(scene: Scene) -> None:
    lung, ink = scene.lungs[0], scene.ink()
    path = spline(lung.points([(0.20, 0.12), (0.08, 0.28), (0.0, 0.5), (-0.03, 0.72)]), closed=False) - np.array(
        [0.012, 0]
    )
    ink.line(path, 0.026, 0.9)
    ink.line(path, 0.015, 0.55)
    scene.add(ink.read(0.002), 0.14)


def _stomach(scene: Scene) -> None:
    rng, lung = scene.rng, scene.lungs[0]
    x, y = lung.at(rng.uniform(0.3, 0.45), 0.9)
    ink, t, half = scene.ink(), np.linspace(np.pi, 2 * np.pi, 20), rng.uniform(0.05, 0.085)
    ink.area(np.stack([x + half * np.cos(t), y + 0.03 + 0.5 * half * np.sin(t)], axis=1))
    scene.add(ink.read(0.004), -rng.uniform(0.12, 0.3))
