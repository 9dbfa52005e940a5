"""Phantom chest X-rays: each finding changes the film where, and as, a radiologist would look for it."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from platform.phantoms import chest
from platform.phantoms.chest import CHEXPERT, MIMIC, NIH, VIEWS, draw, sample_body
from platform.phantoms.chest_scene import SIGNS

# a hospital whose pictures are all taken alike, so that two of them can be compared point by point
STILL = replace(
    NIH,
    contrast=(1.0, 1.0),
    brightness=(0.0, 0.0),
    blur=(0.0, 0.0),
    grain=(0.0, 0.0),
    collimated_share=0.0,
    tilt_deg=0.0,
)
BODY = replace(sample_body(np.random.default_rng(0)), sex="M", girth=0.3)
SHAPES = (
    "cardiomegaly",
    "wide_mediastinum",
    "emphysema",
    "atelectasis",
    "fracture",
)  # these are built into the anatomy


def drawn(signs=None, view="PA", seed=0, size=128, hospital=STILL, body=BODY):
    rng = np.random.default_rng(seed)
    return draw(signs or {}, view=view, body=body, hospital=hospital, image_size_px=size, rng=rng)


@cache
def kept(signs, *how):
    return drawn(dict(signs), *how)


def film(signs=None, view="PA", seed=0, size=128, hospital=STILL):
    """A film that is drawn once: most tests compare with the same healthy ones."""
    return kept(tuple((signs or {}).items()), view, seed, size, hospital)


def mean_image(signs, view="PA", num=6):
    return np.mean([film(signs, view, seed).image.astype(float) for seed in range(num)], axis=0)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("hospital", [NIH, CHEXPERT, MIMIC])
@pytest.mark.parametrize("size", [64, 130])
def test_a_picture_has_its_size_and_uses_the_range(view, hospital, size):
    image = film(view=view, hospital=hospital, size=size).image
    assert image.shape == (size, size) and image.dtype == np.uint8
    assert np.quantile(image, 0.02) < 80 and np.quantile(image, 0.98) > 140


def test_lungs_are_darker_than_heart_and_belly():
    image = mean_image({})
    lung, heart, belly = image[45:60, 25:40].mean(), image[75:90, 66:74].mean(), image[118:126, 40:90].mean()
    assert lung < heart - 40 and lung < belly - 40


@pytest.mark.parametrize("sign", [sign for sign in SIGNS if sign not in SHAPES])
@pytest.mark.parametrize("view", ["PA", "lateral"])
def test_every_sign_over_the_anatomy_shows_and_more_so_when_severe(sign, view):
    changes = [
        np.mean(
            [np.abs(film({sign: s}, view, n).image.astype(float) - film({}, view, n).image).mean() for n in range(3)]
        )
        for s in (0.2, 1.0)
    ]
    assert changes[0] > 0.05 and changes[1] > changes[0]


@pytest.mark.parametrize("sign", SHAPES)
def test_every_sign_within_the_anatomy_shows(sign):
    assert np.abs(mean_image({sign: 1.0}) - mean_image({})).max() > 8


def test_effusion_whitens_the_base_and_pneumothorax_blackens_the_top():
    healthy, wet, air = mean_image({}), mean_image({"effusion": 0.7}), mean_image({"pneumothorax": 0.8})
    base, top = np.s_[80:95, 20:40], np.s_[22:40, 20:108]
    assert wet[base].mean() > healthy[base].mean() + 30
    assert air[top].mean() < healthy[top].mean() - 3


@pytest.mark.parametrize("severity", [0.2, 0.9])
def test_a_large_heart_is_wider_than_half_the_chest(severity):
    def ratio(signs):
        (_, _, width, _) = film(signs, size=256).boxes["cardiomegaly"][0]
        return width / (2 * BODY.chest_half * 256)

    assert ratio({"cardiomegaly": severity}) > 0.5
    assert ratio({"cardiomegaly": 0.9}) > ratio({"cardiomegaly": 0.2})


@pytest.mark.parametrize("sign", ["nodule", "mass", "consolidation", "pneumonia", "pneumothorax"])
def test_boxes_hold_what_was_drawn(sign):
    for seed in range(3):
        ill, healthy = film({sign: 0.9}, seed=seed, size=256), film({}, seed=seed, size=256)
        inside = np.zeros((256, 256), dtype=bool)
        for x, y, width, height in ill.boxes[sign]:
            assert 0 <= x <= x + width <= 256 and 0 <= y <= y + height <= 256
            inside[int(y) : int(y + height) + 1, int(x) : int(x + width) + 1] = True
        change = np.abs(ill.image.astype(float) - healthy.image)
        assert change[inside].mean() > 2 * change[~inside].mean()


def test_hospitals_differ_in_style():
    tones = {
        h.marker: np.mean([film(hospital=h, seed=s).image.astype(float).std() for s in range(6)])
        for h in (NIH, CHEXPERT, MIMIC)
    }
    assert len({round(tone) for tone in tones.values()}) == 3, tones


def test_bodies_are_plausible():
    bodies = [sample_body(np.random.default_rng(seed)) for seed in range(200)]
    assert {body.sex for body in bodies} == {"F", "M"}
    assert all(18 <= body.age_years <= 90 for body in bodies)
    assert 45 < np.mean([body.age_years for body in bodies]) < 68


def test_boxes_follow_the_pose():
    turned = replace(STILL, tilt_deg=20.0)
    for seed in range(6):
        ill, healthy = (film(signs, seed=seed, size=256, hospital=turned) for signs in ({"mass": 0.9}, {}))
        x, y, width, height = ill.boxes["mass"][0]
        rows, columns = np.nonzero(ill.image.astype(float) - healthy.image > 40)
        if len(rows) > 50:  # not hidden by the heart
            assert x - 3 <= np.median(columns) <= x + width + 3 and y - 3 <= np.median(rows) <= y + height + 3


def test_the_same_generator_draws_the_same_picture():
    everything = dict.fromkeys(SIGNS, 0.7)
    np.testing.assert_array_equal(drawn(everything, seed=5).image, drawn(everything, seed=5).image)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="view='oblique'"):
        film(view="oblique")
    with pytest.raises(ValueError, match="'gout'"):
        film({"gout": 1.0})
    assert chest.VIEWS == ("PA", "AP", "lateral")
