"""What disease does to the lungs on an X-ray, drawn as it is taught: each finding once, for every view.

Findings that change shapes (heart, mediastinum, domes, ribs) are built into the anatomy; these lie over it. In each
the severity between 0 and 1 sets size and density.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from platform.phantoms.canvas import blob, bump, noise, spline, wander
from platform.phantoms.chest_scene import BONE, Scene


def draw(scene: Scene, signs: Mapping[str, float]) -> None:
    """Draws those of the signs that lie over the anatomy: air, then water, then bone."""
    for (name, paint), rng in zip(PAINTERS.items(), scene.rng.spawn(len(PAINTERS)), strict=True):
        if name in signs:
            scene.rng = rng
            paint(scene, signs[name])


def _pneumothorax(scene: Scene, severity: float) -> None:
    """Air between lung and wall: a lucent rim without vessels, and the bright line of the detached pleura."""
    lung = scene.one_lung()
    away = 0.10 + 0.40 * severity
    heart = np.array(lung.at(0.12, 0.62))
    pull = away * np.clip((heart[1] + 0.28 - lung.outline[:, 1]) / 0.5, 0.25, 1)[:, None]  # most at the apex
    collapsed = lung.outline + pull * (heart - lung.outline)
    shell = scene.ink()
    shell.area(lung.outline)
    shell.area(collapsed, 0.0)
    scene.veil(shell.read(0.0015) * lung.mask, 0.85, 0.13)
    squeezed = scene.ink()
    squeezed.area(collapsed)
    scene.add(squeezed.read(0.004) * lung.mask, 0.02 + 0.08 * severity)  # less air in the lung that is left
    line = scene.ink()
    line.line(collapsed[: int(0.72 * len(collapsed))], 0.0045)
    scene.add(line.read(0.0008) * lung.mask, 0.16)
    scene.note("pneumothorax", lung.outline[lung.outline[:, 1] < lung.at(0, 0.25 + 0.4 * severity)[1]])


def _effusion(scene: Scene, severity: float) -> None:
    """Fluid fills the sulcus to a level that climbs at the wall: the meniscus."""
    for lung in scene.some_lungs(severity):
        level = 0.97 - scene.rng.uniform(0.02, 0.09) - 0.30 * severity
        u = np.linspace(-0.05, 1.1, 30)
        v = level - (0.05 + 0.16 * severity) * np.clip(u, 0, 1.1) ** 4 - 0.03 * np.clip(0.3 - u, 0, 1) ** 2 * 5
        surface = lung.points(np.stack([u, v], axis=1))
        ink = scene.ink()
        hull = scene.ink()
        hull.area(lung.outline)
        if len(scene.lungs) == 2:  # from the front, the dome is no longer visible
            hull.area(lung.points([(0.12, 0.8), (0.97, 0.8), (0.98, 1.0), (0.12, 1.0)]))
        ink.area(np.vstack([surface, lung.points([(1.12, 1.08), (-0.05, 1.08)])]))
        scene.veil(ink.read(0.006) * hull.read(0.005), 0.97)
        scene.note("effusion", np.vstack([surface[8:], lung.points([(1.0, 1.0)])]))


def _consolidation(scene: Scene, severity: float) -> None:
    """Alveoli full of fluid: dense, with fluffy borders, and the bronchi showing as dark branches within."""
    rng, lung = scene.rng, scene.one_lung()
    centre = lung.at(rng.uniform(0.35, 0.75), rng.uniform(0.25, 0.82))
    radius = 0.07 + 0.09 * severity
    outline = blob(rng, centre, radius, flat=rng.uniform(0.7, 1.3))
    ink = scene.ink()
    ink.area(outline)
    patch = ink.read(0.014) * (1 + 0.15 * noise(rng, 26, scene.size))
    scene.veil(np.clip(patch, 0, 1) * lung.mask, 0.7 + 0.2 * severity)
    bronchi = scene.ink()
    for _ in range(4):
        heading = rng.uniform(0, 2 * np.pi)
        path = wander(rng, np.array(centre), heading=heading, length=radius, bend=rng.normal(), wobble=0.3)
        bronchi.taper(path, (0.009, 0.004))
    scene.add(bronchi.read(0.0015) * lung.mask, -0.13)
    scene.note("consolidation", outline)


def _pneumonia(scene: Scene, severity: float) -> None:
    """Confluent patches, mostly in one lobe."""
    rng, lung = scene.rng, scene.one_lung()
    middle = np.array(lung.at(rng.uniform(0.4, 0.7), rng.uniform(0.45, 0.8)))
    ink, spots = scene.ink(), []
    for _ in range(int(5 + 10 * severity)):
        spot = middle + rng.normal(0, 0.05 + 0.02 * severity, 2)
        ink.area(blob(rng, (spot[0], spot[1]), rng.uniform(0.02, 0.05)), rng.uniform(0.5, 1))
        spots.append(spot)
    scene.veil(ink.read(0.016) * lung.mask, 0.55 + 0.3 * severity)
    reach = np.array(spots)
    scene.note("pneumonia", np.vstack([reach - 0.03, reach + 0.03]))


def _infiltration(scene: Scene, severity: float) -> None:
    """Ill-defined streaks and spots along the bronchi, often on both sides."""
    rng = scene.rng
    for lung in scene.some_lungs(severity):
        centre = lung.at(rng.uniform(0.35, 0.6), rng.uniform(0.4, 0.8))
        patch = bump(scene.size, centre, (0.07 + 0.04 * severity, 0.09 + 0.05 * severity))
        fluff = np.clip(0.5 + 0.6 * noise(rng, 30, scene.size), 0, 1.5)
        scene.veil(patch * fluff * lung.mask, 0.35 + 0.35 * severity)
        scene.note("infiltration", np.array(centre) + np.array([[-0.11, -0.14], [0.11, 0.14]]))


def _edema(scene: Scene, severity: float) -> None:
    """Bat's wings: haze about the hila that spares the rim; short Kerley lines at the bases."""
    rng = scene.rng
    for lung in scene.lungs:
        wing = bump(scene.size, lung.at(0.38, 0.50), (0.08 + 0.04 * severity, 0.15 + 0.05 * severity))
        haze = wing * np.clip(0.85 + 0.16 * noise(rng, 24, scene.size), 0, 1.3)
        scene.veil(haze * lung.mask, 0.40 + 0.40 * severity)
        lines = scene.ink()
        for v in rng.uniform(0.62, 0.93, size=9):
            lines.line(lung.points([(0.90, v), (0.98, v + rng.normal(0, 0.005))]), 0.003)
        scene.add(lines.read() * lung.mask, 0.10 + 0.1 * severity)


def _atelectasis(scene: Scene, severity: float) -> None:
    """Lung without air: plates at the bases, thicker and denser the more has collapsed."""
    rng = scene.rng
    for lung in scene.some_lungs(severity):
        for _ in range(int(rng.integers(1, 4))):
            u, v = rng.uniform(0.2, 0.5), rng.uniform(0.62, 0.86)
            path = [(u, v), (u + 0.18, v - 0.015), (u + rng.uniform(0.3, 0.45), v + rng.uniform(-0.06, 0.04))]
            plate = spline(lung.points(path), closed=False)
            ink, thick = scene.ink(), 0.008 + 0.020 * severity
            ink.taper(plate, (thick * 1.3, thick * 0.4))
            scene.veil(ink.read(0.005) * lung.mask, 0.6 + 0.3 * severity)
            scene.note("atelectasis", np.vstack([plate - 0.02, plate + 0.02]))


def _nodule(scene: Scene, severity: float) -> None:
    """A coin below 3 cm."""
    for _ in range(1 + int(scene.rng.uniform() < 0.3)):
        _coin(scene, "nodule", 0.013 + 0.014 * severity, 0.10, 0.55 + 0.3 * severity)


def _mass(scene: Scene, severity: float) -> None:
    """A lump of 3 cm or more."""
    _coin(scene, "mass", 0.042 + 0.045 * severity, 0.22, 0.75 + 0.2 * severity)


def _coin(scene: Scene, name: str, radius: float, rough: float, density: float) -> None:
    rng, lung = scene.rng, scene.one_lung()
    outline = blob(rng, lung.at(rng.uniform(0.3, 0.85), rng.uniform(0.18, 0.8)), radius, rough=rough * 0.7)
    ink = scene.ink()
    ink.area(outline)
    scene.veil(ink.read(0.005) * lung.mask * (1 + 0.05 * noise(rng, 30, scene.size)), density)
    scene.note(name, outline)


def _emphysema(scene: Scene, severity: float) -> None:
    """Bullae: thin-walled holes, blacker than lung (the flat domes and few vessels are in the anatomy)."""
    rng = scene.rng
    for lung in scene.lungs:
        holes, walls = scene.ink(), scene.ink()
        for _ in range(int(rng.integers(1, 5))):
            outline = blob(
                rng, lung.at(rng.uniform(0.35, 0.85), rng.uniform(0.1, 0.4)), rng.uniform(0.03, 0.06), rough=0.1
            )
            holes.area(outline)
            walls.line(outline, 0.003)
        scene.add(holes.read(0.005) * lung.mask, -0.03 - 0.03 * severity)
        scene.add(walls.read(0.001) * lung.mask, 0.04)


def _fibrosis(scene: Scene, severity: float) -> None:
    """A net of fine lines, coarsest at the bases and the wall."""
    rng = scene.rng
    for lung in scene.lungs:
        ink = scene.ink()
        for _ in range(int(90 + 160 * severity)):
            u, v = rng.uniform(0.35, 1.0), 1 - 0.75 * rng.beta(1.1, 2.2)
            start = np.array(lung.at(u, v))
            heading, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.02, 0.05)
            path = wander(rng, start, heading=heading, length=length, bend=rng.normal(0, 0.8), wobble=0.2)
            ink.line(path, 0.003, 0.9)
        scene.add(ink.read(0.0015) * lung.mask, 0.12 + 0.10 * severity)
        scene.veil(bump(scene.size, lung.at(0.75, 0.85), (0.08, 0.10)) * lung.mask, 0.15 + 0.2 * severity)


def _pleural_thickening(scene: Scene, severity: float) -> None:
    """A dense band along the wall, or a cap over the apex."""
    rng, lung = scene.rng, scene.one_lung()
    is_cap = rng.uniform() < 0.4
    wall = lung.outline[8:40] if is_cap else lung.outline[24:56]
    ink = scene.ink()
    ink.line(wall, 0.022 + 0.035 * severity)
    scene.veil(ink.read(0.003) * lung.mask, 0.85)
    scene.note("pleural_thickening", wall)


def _pleural_plaque(scene: Scene, severity: float) -> None:
    """Calcified plaques on wall and dome, whiter than rib, with edges like a holly leaf."""
    rng = scene.rng
    ink = scene.ink()
    for _ in range(int(2 + 4 * severity)):
        lung = scene.one_lung()
        place = lung.outline[int(rng.integers(24, 72)) % len(lung.outline)]
        inwards = place + 0.02 * (np.array(lung.at(0.5, 0.6)) - place)
        ink.area(blob(rng, (inwards[0], inwards[1]), rng.uniform(0.016, 0.034), rough=0.4, flat=0.7))
    scene.veil(ink.read(0.001), 0.7, BONE)


def _hernia(scene: Scene, severity: float) -> None:
    """The stomach above the diaphragm: a ring behind the heart with air over a level of fluid."""
    rng, lung = scene.rng, scene.lungs[-1]
    x, y = lung.at(0.16 + rng.normal(0, 0.05), 0.83 - 0.05 * severity)
    radius = 0.06 + 0.05 * severity
    sac, air, wall = scene.ink(), scene.ink(), scene.ink()
    outline = blob(rng, (x, y), radius, rough=0.08)
    sac.area(outline)
    t = np.linspace(np.pi, 2 * np.pi, 16)
    air.area(np.stack([x + 0.86 * radius * np.cos(t), y + 0.82 * radius * np.sin(t)], axis=1))
    wall.line(np.vstack([outline, outline[:1]]), 0.007)
    scene.veil(sac.read(0.003), 0.8, 0.72)
    scene.add(air.read(0.002), -0.28)
    scene.add(wall.read(0.001), 0.08)
    scene.note("hernia", outline)


PAINTERS: dict[str, Callable[[Scene, float], None]] = {
    "emphysema": _emphysema,
    "pneumothorax": _pneumothorax,
    "fibrosis": _fibrosis,
    "infiltration": _infiltration,
    "edema": _edema,
    "pneumonia": _pneumonia,
    "consolidation": _consolidation,
    "atelectasis": _atelectasis,
    "nodule": _nodule,
    "mass": _mass,
    "pleural_thickening": _pleural_thickening,
    "effusion": _effusion,
    "hernia": _hernia,
    "pleural_plaque": _pleural_plaque,
}
