"""Phantom chest X-rays: anatomy, findings and the hospital's way of taking and printing a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from platform.phantoms import chest_bones, chest_devices, chest_findings, chest_frontal, chest_lateral
from platform.phantoms.canvas import Array, Rng, grid, noise
from platform.phantoms.chest_scene import SIGNS, Body, Box, Scene

VIEWS = ("PA", "AP", "lateral")
EDGE_RADIUS = 0.03  # of the structure that a plate reader enhances, in picture heights


@dataclass(frozen=True, kw_only=True)
class Hospital:
    """How pictures of one place look. Ranges are (lowest, highest)."""

    contrast: tuple[float, float]
    brightness: tuple[float, float]
    blur: tuple[float, float]  # in picture heights
    grain: tuple[float, float]  # in grey levels of 255
    collimated_share: float  # of pictures that have an unexposed border
    marker: str  # what is burnt in: "L", "R" or "corner" (a rotated letter, low and small)
    tilt_deg: float
    equalised: bool = False  # histogram equalisation, as MIMIC-CXR-JPG has it
    gamma: float = 1.0  # exponent of the printed grey; below 1 the lungs are bright and flat
    edges: float = 0.0  # how much of the fine structure the plate reader adds once more


NIH = Hospital(
    contrast=(0.85, 1.25), brightness=(0.0, 0.12), blur=(0.0, 0.002), grain=(1.0, 3.0), collimated_share=0.25,
    marker="L", tilt_deg=2, gamma=0.5, edges=1.5,
)  # fmt: skip
CHEXPERT = Hospital(
    contrast=(1.0, 1.5), brightness=(-0.1, 0.08), blur=(0.001, 0.004), grain=(2.0, 5.0), collimated_share=0.15,
    marker="corner", tilt_deg=4,
)  # fmt: skip
MIMIC = Hospital(
    contrast=(0.7, 1.0), brightness=(-0.05, 0.1), blur=(0.0, 0.003), grain=(1.5, 4.0), collimated_share=0.5, marker="R",
    tilt_deg=5, equalised=True,
)  # fmt: skip


@dataclass(frozen=True)
class Radiograph:
    """`image` uint8 [H, W]; `boxes` by finding, each (x, y, width, height) in pixels."""

    image: np.ndarray
    boxes: dict[str, list[tuple[float, float, float, float]]]


def sample_body(rng: Rng) -> Body:
    """A patient of a hospital: 18 to 90 years, most about 60."""
    return Body(
        sex="F" if rng.uniform() < 0.45 else "M",
        age_years=int(np.clip(rng.normal(57, 17), 18, 90)),
        girth=float(rng.beta(2, 3)),
        heart_ratio=float(rng.normal(0.45, 0.025)),
        chest_half=float(rng.uniform(0.345, 0.40)),
        apex=float(rng.uniform(0.09, 0.14)),
        sulcus=float(rng.uniform(0.80, 0.88)),
    )


def draw(
    signs: Mapping[str, float], *, view: str, body: Body, hospital: Hospital, image_size_px: int, rng: Rng
) -> Radiograph:
    """One X-ray, [image_size_px, image_size_px], that shows these signs, each with its severity between 0 and 1.

    Raises:
        ValueError: an unknown view or sign.
    """
    if view not in VIEWS:
        raise ValueError(f"the view must be one of {VIEWS}, but got view={view!r}")
    if unknown := sorted(set(signs) - set(SIGNS)):
        raise ValueError(f"every sign must be one of {SIGNS}, but got {unknown}")
    # each stage has its own Generator, so that a picture with a finding differs from the one without it by that alone
    flesh, findings, bones, devices, exposure = rng.spawn(5)
    scene = Scene(size=image_size_px, rng=flesh, film=np.full((image_size_px, image_size_px), 0.02, dtype=np.float32))
    if view == "lateral":
        chest_lateral.build(scene, body, signs)
    else:
        chest_frontal.build(scene, body, signs, is_supine=view == "AP")
    scene.rng = findings
    chest_findings.draw(scene, signs)
    scene.rng = bones
    if view == "lateral":
        chest_lateral.build_bones(scene, signs)
    else:
        chest_bones.build(scene, body, signs)
    if "devices" in signs:
        scene.rng = devices
        chest_devices.draw(scene, signs["devices"], is_frontal=view != "lateral")
    scene.rng = exposure
    image, boxes = _expose(scene, hospital, view)
    return Radiograph(image, boxes)


def _expose(scene: Scene, hospital: Hospital, view: str) -> tuple[np.ndarray, dict]:
    """Scatter, exposure, grain, tilt and what is burnt in."""
    rng, size = scene.rng, scene.size
    film = scene.film + 0.02 * noise(rng, 3, size)
    film = np.clip(film, 0, 1.05)
    if hospital.equalised:
        film = _equalise(film, rng.uniform(0.25, 0.6))
    light = _develop(film, rng.uniform(*hospital.contrast)) + film * rng.uniform(*hospital.brightness)
    image = Image.fromarray((255 * np.clip(light, 0, 1) ** hospital.gamma).astype(np.uint8))
    to_source = _pose(rng, hospital.tilt_deg)
    image = image.transform(
        (size, size), Image.Transform.AFFINE, _in_pixels(to_source, size), Image.Resampling.BILINEAR
    )
    image = image.filter(ImageFilter.GaussianBlur(size * rng.uniform(*hospital.blur)))
    if hospital.edges:
        image = image.filter(ImageFilter.UnsharpMask(EDGE_RADIUS * size, round(100 * hospital.edges), threshold=0))
    _burn_in(image, hospital, view, rng)
    grey = np.asarray(image, dtype=np.float32) + rng.normal(0, rng.uniform(*hospital.grain), (size, size))
    if rng.uniform() < hospital.collimated_share:
        grey *= _window(size, rng)
    boxes = {name: [_move(box, to_source, size) for box in boxes] for name, boxes in scene.boxes.items()}
    return np.clip(grey, 0, 255).astype(np.uint8), boxes


def _pose(rng: Rng, tilt_deg: float) -> np.ndarray:
    """How the patient stood: turned, off the middle, near or far; [2, 3], from plate to scene coordinates."""
    angle, zoom = np.deg2rad(rng.normal(0, tilt_deg / 2)), rng.uniform(0.90, 1.04)
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([0.5, 0.5])
    return np.column_stack([turn, centre + rng.normal(0, 0.015, 2) - turn @ centre])


def _in_pixels(to_source: np.ndarray, size: int) -> tuple[float, ...]:
    scaled = to_source * np.array([1, 1, size])
    return tuple(scaled.ravel().tolist())


def _move(box: Box, to_source: np.ndarray, size: int) -> tuple[float, float, float, float]:
    """A box of the scene (left, top, right, bottom in unit coordinates) on the plate: x, y, width, height in pixels."""
    left, top, right, bottom = box
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    moved = np.clip(np.linalg.solve(to_source[:, :2], (corners - to_source[:, 2]).T).T, 0, 1) * size
    (x, y), (x_end, y_end) = moved.min(axis=0), moved.max(axis=0)
    return float(x), float(y), float(x_end - x), float(y_end - y)


def _develop(film: Array, contrast: float) -> Array:
    """The film's S-shaped curve, 0 for air."""
    slope = 5.2 * contrast
    fog = 1 / (1 + np.exp(slope * 0.44))
    return np.asarray((1 / (1 + np.exp(-slope * (film - 0.44))) - fog) / (1 - fog), dtype=np.float32)


def _equalise(film: Array, amount: float) -> Array:
    """Partly evens out the histogram, outside air left black."""
    inside = film[film > 0.1]
    levels = np.quantile(inside, np.linspace(0, 1, 33)) if inside.size else np.linspace(0, 1, 33)
    even = np.interp(film, levels, np.linspace(0.1, 0.95, 33)).astype(np.float32)
    return np.where(film > 0.1, film + amount * (even - film), film)


def _window(size: int, rng: Rng) -> Array:
    """The collimator's shutters: a dark border on some sides."""
    x, y = grid(size)
    left, right, top, bottom = rng.uniform(0, 0.05, 4) * (rng.uniform(size=4) < 0.5)
    return ((x > left) & (x < 1 - right) & (y > top) & (y < 1 - bottom)).astype(np.float32)


def _burn_in(image: Image.Image, hospital: Hospital, view: str, rng: Rng) -> None:
    """The side letter, and PORTABLE on pictures taken at the bed."""
    size = image.width
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(max(6, round(0.045 * size)))
    y = rng.uniform(0.03, 0.10) * size
    if hospital.marker == "corner":
        pen.text((rng.uniform(0.02, 0.06) * size, size - 2 * y), "R" if view != "lateral" else "L", fill=200, font=font)
    else:
        x = rng.uniform(0.88, 0.94) if hospital.marker == "L" else rng.uniform(0.03, 0.08)
        pen.text((x * size, y), hospital.marker, fill=255, font=font)
    if view == "AP" and rng.uniform() < 0.6:
        small = ImageFont.load_default(max(6, round(0.03 * size)))
        pen.text((rng.uniform(0.65, 0.75) * size, 0.93 * size), "PORTABLE", fill=255, font=small)
