"""Phantom fundus photographs: the back of an eye through a camera, healthy or with diabetic retinopathy of grade 0 to
4.

A patient has one style (colour, pigment, camera), and two eyes, each other's mirror image in plan but not in detail.
As in the Kaggle Diabetic Retinopathy set, some pictures are inverted (as through a hand lens): macula and disc change
places, and so do top and bottom; only these pictures never have the notch that marks an upright one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from platform.phantoms import fundus_lesions
from platform.phantoms.canvas import Array, Ink, Rng, bump, either, grid, noise, wander
from platform.phantoms.fundus_lesions import NUM_GRADES, Field

# Colours of real photographs, by eye: orange, pink, brown, pale, olive. Red, green, blue at the middle of the field.
COLOURS = ((0.82, 0.42, 0.20), (0.74, 0.50, 0.46), (0.56, 0.31, 0.14), (0.88, 0.58, 0.42), (0.58, 0.42, 0.22))
VESSEL_ABSORBS = np.array([0.42, 0.75, 0.60], dtype=np.float32)  # blood is darkest in green
SIDES = ("left", "right")
BLACK = 2  # grey level of the unexposed frame


@dataclass(frozen=True, kw_only=True)
class Style:
    """What both photographs of a patient share. Lengths are in picture heights, strengths between 0 and 1."""

    colour: tuple[float, float, float]
    choroid: float  # how much of the vessels beneath the retina shows
    field_radius: float  # above 0.5 the frame cuts the round field
    notch: str  # "none", "circle", "square"
    disc_radius: float  # in field radii
    cup_ratio: float
    rim: float  # a hazy bright border of the field


@dataclass(frozen=True)
class Fundus:
    """`image` uint8 [H, W, 3]; `lesion_area` the part of the visible field that lesions cover."""

    image: np.ndarray
    lesion_area: float


def sample_style(rng: Rng) -> Style:
    """A patient's eyes and the camera that took them."""
    family = np.asarray(COLOURS[rng.integers(len(COLOURS))])
    tint = family * rng.normal(1, 0.07, 3) * rng.uniform(0.78, 1.12)
    is_cut = rng.uniform() < 0.4
    return Style(
        colour=(float(tint[0]), float(tint[1]), float(tint[2])),
        choroid=float(rng.beta(1.2, 3.0)),
        field_radius=float(rng.uniform(0.53, 0.58) if is_cut else rng.uniform(0.455, 0.49)),
        notch=str(rng.choice(["none", "circle", "square"], p=[0.4, 0.35, 0.25])),
        disc_radius=float(rng.uniform(0.13, 0.17)),
        cup_ratio=float(rng.uniform(0.3, 0.65)),
        rim=float(rng.uniform(0, 0.5) if rng.uniform() < 0.4 else 0.0),
    )


def draw(style: Style, *, side: str, grade: int, is_inverted: bool, image_size_px: int, rng: Rng) -> Fundus:
    """One photograph, [image_size_px, image_size_px, 3].

    Raises:
        ValueError: the side is neither "left" nor "right", or the grade is not one of 0 to 4.
    """
    if side not in SIDES:
        raise ValueError(f"the side must be one of {SIDES}, but got side={side!r}")
    if not 0 <= grade < NUM_GRADES:
        raise ValueError(f"0 <= grade <= {NUM_GRADES - 1} must hold, but got grade={grade}")
    size = image_size_px
    # each stage has its own Generator, so that a healthy and an ill picture differ by the lesions alone
    rng, lesions, camera = rng.spawn(3)
    field = _field(style, rng)
    retina = _background(style, field, rng, size)
    _add_vessels(retina, style, field, rng, size)
    _add_disc(retina, style, field, rng, size)
    layers = fundus_lesions.draw(lesions, field, grade, size)
    glow = retina[0].max()
    for layer in layers:
        colour = np.asarray(layer.colour, dtype=np.float32)[:, None, None] * min(1.0, 0.25 + glow)
        retina += layer.mask * (colour - retina)
    x, y = grid(size)
    visible = np.hypot(x - 0.5, y - 0.5) < style.field_radius
    # drawn as an upright right eye, where the disc is on the picture's right
    flips = (
        slice(None),
        slice(None, None, -1 if is_inverted else 1),
        slice(None, None, -1 if (side == "left") != is_inverted else 1),
    )
    image = _photograph(retina[flips], style, is_inverted, camera, size)
    return Fundus(image, fundus_lesions.area(layers, visible))


def _field(style: Style, rng: Rng) -> Field:
    radius, tilt = style.field_radius, rng.normal(0, 0.03)
    shift = rng.normal(0, 0.06) * radius  # where the patient looked
    disc = (0.5 + 0.52 * radius + shift, 0.5 - 0.04 * radius + rng.normal(0, 0.05) * radius)
    fovea = (disc[0] - 0.66 * radius, disc[1] + (0.1 + tilt) * radius)
    return Field(radius=radius, disc=disc, disc_radius=style.disc_radius * radius, fovea=fovea)


def _background(style: Style, field: Field, rng: Rng, size: int) -> Array:
    """Pigment, choroid, macula; [3, H, W] in light, about 0 to 1."""
    mottle = 1 + 0.05 * noise(rng, 7, size) + 0.03 * noise(rng, 40, size)
    winding = np.clip(1 - 2 * np.abs(noise(rng, (34, 22), size)), 0, 1) * np.clip(0.6 + 0.5 * noise(rng, 4, size), 0, 1)
    away = 1 - bump(size, field.fovea, (0.3 * field.radius, 0.3 * field.radius))
    choroid = style.choroid * away * winding  # the vessels beneath
    fovea = bump(size, field.fovea, (0.12 * field.radius, 0.12 * field.radius))
    macula = bump(size, field.fovea, (0.32 * field.radius, 0.3 * field.radius))
    dark = (1 - rng.uniform(0.25, 0.5) * fovea) * (1 - 0.14 * macula) * (1 - 0.25 * style.choroid)
    light = mottle * dark
    if rng.uniform() < 0.3:  # the bright point that a young fovea reflects
        light = light + 0.25 * bump(size, field.fovea, (0.012, 0.012))
    red, green, blue = style.colour
    return np.stack([red * (light + 0.3 * choroid), green * (light + 0.38 * choroid), blue * (light + 0.15 * choroid)])


def _add_vessels(retina: Array, style: Style, field: Field, rng: Rng, size: int) -> None:
    """Four arcades of an artery and a vein each, with their branches; none crosses the fovea."""
    for is_vein in (False, True):
        strokes: list[tuple[float, float, np.ndarray]] = []
        for temporal, up in ((True, -1), (True, 1), (False, -1), (False, 1)):
            width = field.radius * rng.uniform(0.026, 0.034) * (1.0 if is_vein else 0.72) * (1.0 if temporal else 0.75)
            swing = rng.uniform(1.15, 1.5) + (0.12 if is_vein else 0)
            heading = up * ((np.pi - swing) if temporal else rng.uniform(0.6, 1.1))
            bend = up * (rng.uniform(1.5, 2.0) if temporal else -rng.uniform(0.1, 0.5))
            _grow(
                rng,
                strokes,
                np.asarray(field.disc),
                heading=heading,
                length=field.radius * (1.75 if temporal else 1.0),
                bend=bend,
                width=width,
            )
        ink = Ink(size)
        for first, last, path in sorted(strokes, key=lambda stroke: stroke[0]):
            ink.taper(path, (first, last))
        mask = ink.read(0.0012) * (1 - bump(size, field.fovea, (0.09 * field.radius, 0.09 * field.radius)))
        depth = (0.80 if is_vein else 0.55) * rng.uniform(0.8, 1.0)
        retina *= 1 - depth * mask * VESSEL_ABSORBS[:, None, None]


def _grow(
    rng: Rng,
    strokes: list,
    start: np.ndarray,
    *,
    heading: float,
    length: float,
    bend: float,
    width: float,
    depth: int = 0,
) -> None:
    """Adds a vessel and its branches to `strokes`, each as its first width, its last width and its path."""
    path = wander(rng, start, heading=heading, length=length, bend=bend, wobble=0.28)
    strokes.append((width, width * 0.4, path))
    if depth == 2:
        return
    for place in rng.uniform(0.12, 0.95, size=6 if depth == 0 else 3).tolist():
        at = int(place * (len(path) - 2))
        x, y = (path[at + 1] - path[at]).tolist()
        along = float(np.arctan2(y, x))
        turn = either(rng) * rng.uniform(0.4, 1.0)
        thinner = width * (1 - 0.6 * place) * rng.uniform(0.4, 0.65)
        _grow(
            rng,
            strokes,
            path[at],
            heading=along + turn,
            length=length * rng.uniform(0.2, 0.42),
            bend=-turn * rng.uniform(0, 1),
            width=thinner,
            depth=depth + 1,
        )


def _add_disc(retina: Array, style: Style, field: Field, rng: Rng, size: int) -> None:
    """The optic disc: a pale plate with a paler cup; vessels stay visible through it."""
    glow = bump(size, field.disc, (2.2 * field.disc_radius, 2.2 * field.disc_radius))
    retina *= 1 + 0.18 * glow
    plate, cup = Ink(size), Ink(size)
    plate.dot(field.disc, field.disc_radius * 0.94, flat=rng.uniform(1.05, 1.2))
    cup_centre = (field.disc[0] - 0.12 * field.disc_radius, field.disc[1])
    cup.dot(cup_centre, style.cup_ratio * field.disc_radius, flat=1.1)
    base = np.asarray(style.colour, dtype=np.float32)[:, None, None]
    local = np.clip(retina / (base * 1.18), 0.25, 1.0) ** 0.6  # keeps the vessels' shadow
    bright = min(1.0, 0.72 + 0.3 * style.colour[0])
    for mask, colour in (
        (plate.read(0.005), (1.0, 0.76, 0.40)),
        (cup.read(0.005), (1.0, 0.95, 0.70)),
    ):
        target = bright * np.asarray(colour, dtype=np.float32)[:, None, None] * local
        retina += 0.85 * mask * (target - retina)


def _photograph(retina: Array, style: Style, is_inverted: bool, rng: Rng, size: int) -> np.ndarray:
    """Uneven light, haze, blur, exposure and grain of the camera, within its round field."""
    x, y = grid(size)
    radius = np.hypot(x - 0.5, y - 0.5) / style.field_radius
    falloff = 1 - rng.uniform(0.15, 0.45) * radius ** rng.uniform(2, 4)
    slope = 1 + rng.normal(0, 0.14) * (x - 0.5) * 2 + rng.normal(0, 0.14) * (y - 0.5) * 2
    haze = style.rim * np.clip(radius - 0.6, 0, 1) ** 2 * 2.5 * (0.6 + 0.4 * slope)
    shade = np.ones_like(x)
    if rng.uniform() < 0.15:  # the iris or a lash in the way
        angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.55)
        centre = (0.5 + reach * np.cos(angle), 0.5 + reach * np.sin(angle))
        shade = 1 - rng.uniform(0.3, 0.75) * bump(size, centre, (0.2, 0.16))
    light = (
        retina * (falloff * slope * shade * rng.lognormal(0, 0.16)) + haze * np.array([0.9, 0.85, 0.7])[:, None, None]
    )
    light = np.clip(light, 0, 1) ** rng.uniform(0.85, 1.25)
    image = Image.fromarray((255 * light.transpose(1, 2, 0)).astype(np.uint8))
    image = image.filter(ImageFilter.GaussianBlur(size * rng.gamma(1.5, 0.0012)))
    seen = _field_mask(style, is_inverted, rng, size)[..., None]
    grain = rng.normal(0, rng.uniform(1.0, 4.0), (size, size, 1)).astype(np.float32)
    return np.clip((np.asarray(image, dtype=np.float32) + grain) * seen + BLACK, 0, 255).astype(np.uint8)


def _field_mask(style: Style, is_inverted: bool, rng: Rng, size: int) -> Array:
    ink = Ink(size)
    ink.dot((0.5, 0.5), style.field_radius)
    angle = -rng.uniform(0.6, 0.8)
    notch = (0.5 + style.field_radius * np.cos(angle), 0.5 + style.field_radius * np.sin(angle))
    if style.notch == "circle" and not is_inverted:
        ink.dot(notch, 0.026)
    elif style.notch == "square" and not is_inverted:
        ink.area(np.asarray(notch) + 0.03 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]))
    return ink.read(0.001)
