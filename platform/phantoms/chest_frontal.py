"""The frontal chest (PA, AP): the shadow of a healthy or altered chest on film; the patient's right is on the left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from platform.phantoms.canvas import Array, Ink, bump, either, grid, noise, spline, wander
from platform.phantoms.chest_scene import MIDLINE, Body, Lung, Scene

# The right lung's outline in (u, v): apex, chest wall, sulcus, dome of the diaphragm, mediastinum.
OUTLINE = (
    (0.30, 0.00), (0.52, 0.04), (0.74, 0.18), (0.90, 0.42), (0.99, 0.72), (1.0, 0.97), (0.97, 1.0), (0.86, 0.92),
    (0.62, 0.85), (0.36, 0.86), (0.17, 0.93), (0.13, 0.75), (0.14, 0.45), (0.14, 0.25), (0.18, 0.08),
)  # fmt: skip
DOME = slice(6, 11)


def build(scene: Scene, body: Body, signs: Mapping[str, float], *, is_supine: bool) -> None:
    """Draws all soft tissue: trunk, lungs, heart and vessels, altered by signs such as a large heart or flat domes."""
    size, rng = scene.size, scene.rng
    skin = _skin(scene, body)
    scene.film += skin.read(0.004) * (0.24 + (0.28 + 0.08 * body.girth) * skin.read(0.03))
    lungs = [_lung(scene, body, signs, side) for side in (-1, 1)]
    scene.hearts = _heart(scene, body, signs, is_supine)
    scene.lungs = [replace(lung, mask=lung.mask * (1 - 0.85 * scene.hearts)) for lung in lungs]
    lucent = 0.22 - 0.10 * signs.get("emphysema", 0) + 0.015 * rng.normal() + 0.05 * body.girth
    texture = 0.014 * noise(rng, 14, size) + 0.010 * noise(rng, 60, size)
    scene.film += (lungs[0].mask + lungs[1].mask) * (lucent + texture - scene.film)
    scene.veil(_mediastinum(scene, body, signs), 0.85, 0.58)
    scene.veil(scene.hearts, 0.9, 0.61)
    depth = np.clip(grid(size)[1] - 0.72, 0, 1)
    scene.veil(_abdomen(scene) * skin.read(0.01), 0.88, 0.69 + 0.45 * depth)
    _airway(scene)
    _vessels(scene, signs)
    _stomach(scene)


def _skin(scene: Scene, body: Body) -> Ink:
    """The trunk's silhouette: neck, shoulders, flanks, and the arms where they hang."""
    half = body.chest_half + 0.05 + 0.07 * body.girth
    side = [(0.07, -0.05), (0.085, 0.05), (0.20, 0.10), (0.38, 0.13), (0.52, 0.18), (0.56, 0.30), (half + 0.07, 0.36)]
    side += [(half + 0.03, 0.5), (half + 0.01, 0.8), (half + 0.03, 1.08)]
    half_outline = spline(np.array(side), closed=False)
    ink = scene.ink()
    ink.area(np.vstack([half_outline, half_outline[::-1] * np.array([-1, 1])]) + np.array([MIDLINE, 0]))
    if scene.rng.uniform() < 0.6:
        for x in (-0.47, 0.47):
            ink.line(np.array([(MIDLINE + x, 0.2), (MIDLINE + 1.18 * x, 1.0)]), 0.1)
    return ink


def _lung(scene: Scene, body: Body, signs: Mapping[str, float], side: int) -> Lung:
    rng = scene.rng
    outline = np.array(OUTLINE) + rng.normal(0, 0.008, (len(OUTLINE), 2))
    flat = signs.get("emphysema", 0)
    outline[DOME, 1] += 0.6 * flat * (1.02 - outline[DOME, 1])
    sulcus = body.sulcus + 0.05 * flat + rng.normal(0, 0.008) + (0.015 if side == 1 else -0.01)
    if rng.uniform() < 0.5 and "atelectasis" in signs:
        sulcus -= 0.05 * signs["atelectasis"]  # the lung lost volume, the diaphragm rises
    if side == 1:
        outline[10:13, 0] += [0.10, 0.16, 0.04]  # room for the heart
    outer = MIDLINE + side * body.chest_half
    frame = Lung(MIDLINE, outer, body.apex, sulcus, outline, np.empty(0, np.float32))
    curve = spline(frame.points(outline), closed=True)
    ink = scene.ink()
    ink.area(curve)
    return Lung(MIDLINE, outer, body.apex, sulcus, curve, ink.read(0.004))


def _heart(scene: Scene, body: Body, signs: Mapping[str, float], is_supine: bool) -> Array:
    """The heart; its width over the chest's, the cardiothoracic ratio, is too large above one half (on a PA film)."""
    ratio = body.heart_ratio + (0.03 if is_supine else 0)
    if "cardiomegaly" in signs:
        ratio = max(ratio, 0.53) + 0.02 + 0.16 * signs["cardiomegaly"]
    width = 2 * body.chest_half * ratio
    right, left = 0.33 * width, 0.67 * width
    top, bottom = body.apex + 0.42 * (body.sulcus - body.apex), body.sulcus - 0.015
    tall = bottom - top
    border = [
        (-0.55 * right, 0.0),
        (-0.95 * right, 0.35),
        (-right, 0.62),
        (-0.8 * right, 0.9),
        (-0.2 * right, 1.0),
        (0.6 * left, 1.0),
    ]
    border += [
        (0.95 * left, 0.92),
        (left, 0.78),
        (0.82 * left, 0.5),
        (0.55 * left, 0.2),
        (0.42 * left, 0.02),
        (0.1 * left, -0.12),
    ]
    points = np.array([(MIDLINE + x, top + tall * y) for x, y in border])
    ink = scene.ink()
    ink.area(spline(points, closed=True))
    if "cardiomegaly" in signs:
        scene.note("cardiomegaly", points)
    return ink.read(0.005)


def _abdomen(scene: Scene) -> Array:
    """Everything below the domes."""
    ink = scene.ink()
    for lung in scene.lungs:
        side = np.sign(lung.outer - lung.inner)
        dome = lung.outline[8 * 6 : 8 * 10]
        wall = [
            (lung.outer + side * 0.3, 1.1),
            (lung.outer + side * 0.3, lung.bottom + 0.06),
            (lung.outer, lung.bottom),
        ]
        ink.area(np.vstack([wall, dome, [(MIDLINE - side * 0.01, dome[-1, 1]), (MIDLINE - side * 0.01, 1.1)]]))
    return ink.read(0.004)


def _mediastinum(scene: Scene, body: Body, signs: Mapping[str, float]) -> Array:
    half = scene.rng.uniform(0.052, 0.066) * (1 + 0.9 * signs.get("wide_mediastinum", 0) + 0.15 * body.girth)
    ink = scene.ink()
    profile = [(0.75, -0.05), (0.8, 0.15), (1.0, 0.3), (1.1, 0.45), (1.0, 0.9)]
    right = np.array([(MIDLINE - half * w, y) for w, y in profile])
    left = np.array([(MIDLINE + half * w, y) for w, y in profile])
    ink.area(np.vstack([spline(right, closed=False), spline(left, closed=False)[::-1]]))
    age = np.clip((body.age_years - 30) / 50, 0, 1)
    knob = (MIDLINE + half * 0.95, body.apex + 0.21)
    ink.dot(knob, 0.028 + 0.014 * age + 0.03 * signs.get("wide_mediastinum", 0), flat=1.15)  # the arch of the aorta
    return ink.read(0.005)


def _airway(scene: Scene) -> None:
    """Windpipe and main bronchi: dark stripes in the mediastinum."""
    fork = scene.lungs[0].at(0, 0.34)
    ink = scene.ink()
    ink.line(np.array([(MIDLINE + scene.rng.normal(0, 0.004), -0.02), (MIDLINE - 0.004, fork[1])]), 0.030)
    ink.line(np.array([(MIDLINE - 0.004, fork[1]), (MIDLINE - 0.06, fork[1] + 0.06)]), 0.022, 0.8)
    ink.line(np.array([(MIDLINE - 0.004, fork[1]), (MIDLINE + 0.075, fork[1] + 0.055)]), 0.02, 0.8)
    scene.add(ink.read(0.003), -0.13)


def _vessels(scene: Scene, signs: Mapping[str, float]) -> None:
    """Hila, and vessels that thin towards the wall: thick ones in congestion, few in emphysema."""
    rng, size = scene.rng, scene.size
    thick = 1 + 0.9 * signs.get("edema", 0)
    for lung in scene.lungs:
        side = np.sign(lung.outer - lung.inner)
        root = np.array(lung.at(0.24, 0.45 if side < 0 else 0.42))
        ink = scene.ink()
        for _ in range(int(rng.integers(13, 18) * (1 - 0.5 * signs.get("emphysema", 0)))):
            angle = rng.uniform(-1.35, 1.45)
            heading = angle if side > 0 else np.pi - angle
            width = rng.uniform(0.007, 0.014) * thick
            path = wander(
                rng,
                root + rng.normal(0, 0.015, 2),
                heading=heading,
                length=rng.uniform(0.16, 0.36),
                bend=side * rng.normal(0, 0.8),
                wobble=0.45,
            )
            ink.taper(path, (width, width * 0.25), rng.uniform(0.6, 1.0))
            for at in rng.integers(4, 20, size=3):
                away = heading + either(rng) * rng.uniform(0.3, 0.9)
                twig = wander(rng, path[at], heading=away, length=0.1, bend=0.0, wobble=0.5)
                ink.taper(twig, (width * 0.45, width * 0.2), 0.8)
        scene.add(ink.read(0.0018) * lung.mask, 0.13)
        hilum = bump(size, (float(root[0]), float(root[1])), (0.028, 0.055))
        scene.add(hilum * (1 + 0.25 * noise(rng, 22, size)), 0.09)


def _stomach(scene: Scene) -> None:
    """Air under the left dome, with a level floor of fluid."""
    rng, left = scene.rng, scene.lungs[1]
    x, y = left.at(rng.uniform(0.4, 0.62), 0.93)
    ink, half = scene.ink(), rng.uniform(0.045, 0.085)
    t = np.linspace(np.pi, 2 * np.pi, 20)
    ink.area(np.stack([x + half * np.cos(t), y + 0.035 + 0.5 * half * np.sin(t)], axis=1))
    scene.add(ink.read(0.004), -rng.uniform(0.12, 0.35))
