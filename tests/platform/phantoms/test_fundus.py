"""Phantom fundus photographs: anatomy where it belongs, lesions that grow with the grade."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from platform.phantoms import fundus
from platform.phantoms.fundus import SIDES, Style, draw, sample_style

PLAIN = Style(
    colour=(0.7, 0.4, 0.2), choroid=0.0, field_radius=0.47, notch="none", disc_radius=0.15, cup_ratio=0.5, rim=0.0
)


def drawn(grade=0, side="right", is_inverted=False, seed=0, size=96, style=PLAIN):
    rng = np.random.default_rng(seed)
    return draw(style, side=side, grade=grade, is_inverted=is_inverted, image_size_px=size, rng=rng)


eye = cache(drawn)  # most tests look at the same eyes


def brightest_column_and_row(image):
    """Where the disc is: the middle of the brightest hundredth of the picture."""
    grey = image.astype(float).sum(axis=2)
    rows, columns = np.nonzero(grey >= np.quantile(grey, 0.99))
    return columns.mean() / image.shape[1], rows.mean() / image.shape[0]


@pytest.mark.parametrize("size", [64, 97, 256])
def test_a_photograph_is_a_round_bright_field_on_black(size):
    image = eye(size=size).image
    assert image.shape == (size, size, 3) and image.dtype == np.uint8
    corner = size // 12
    assert image[:corner, :corner].max() < 25
    middle = image[size // 3 : 2 * size // 3, size // 3 : 2 * size // 3].reshape(-1, 3).mean(axis=0)
    assert middle[0] > middle[1] > middle[2] and middle[0] > 50, "orange-red"


@pytest.mark.parametrize(
    ("side", "is_inverted", "disc_at_right"),
    [("right", False, True), ("left", False, False), ("right", True, False), ("left", True, True)],
)
def test_the_disc_is_on_the_nasal_side_unless_inverted(side, is_inverted, disc_at_right):
    places = [
        brightest_column_and_row(eye(side=side, is_inverted=is_inverted, seed=seed).image)[0] for seed in range(8)
    ]
    assert (np.median(places) > 0.5) == disc_at_right


def test_the_eyes_are_mirrored_in_plan_but_not_copies():
    right, left = eye(side="right").image.astype(float), eye(side="left").image[:, ::-1].astype(float)
    assert np.corrcoef(right.ravel(), left.ravel())[0, 1] > 0.9
    assert not np.array_equal(right, left)


def test_the_notch_is_on_upright_pictures_only():
    style = Style(**{**PLAIN.__dict__, "notch": "square"})
    angle, size = -0.7, 192
    x, y = (round(size * (0.5 + (PLAIN.field_radius + 0.017) * f(angle))) for f in (np.cos, np.sin))
    for is_inverted in (False, True):
        lit = [eye(style=style, is_inverted=is_inverted, seed=s, size=size).image[y, x].max() > 30 for s in range(6)]
        assert any(lit) != is_inverted


def test_lesions_grow_with_the_grade():
    areas = [np.mean([eye(grade=grade, seed=seed).lesion_area for seed in range(8)]) for grade in range(5)]
    assert areas[0] == 0
    assert all(low < high for low, high in pairwise(areas)), areas
    assert areas[1] < 0.01, "microaneurysms are tiny"


def test_lesions_change_the_picture_at_64_px():
    for grade, least in ((1, 0.02), (2, 0.4), (3, 1.0), (4, 1.5)):
        changes = []
        for seed in range(4):
            # the same Generator: the same eye and camera, with and without lesions
            healthy, ill = (eye(grade=g, seed=seed, size=64).image.astype(float) for g in (0, grade))
            changes.append(np.abs(healthy - ill).mean())
        assert np.mean(changes) > least, (grade, changes)


def test_a_patients_style_is_that_of_a_camera_and_varies():
    styles = [sample_style(np.random.default_rng(seed)) for seed in range(40)]
    assert {style.notch for style in styles} == {"none", "circle", "square"}
    assert any(style.field_radius > 0.5 for style in styles) and any(style.field_radius < 0.5 for style in styles)
    assert len({style.colour for style in styles}) == 40


def test_the_same_generator_draws_the_same_picture():
    np.testing.assert_array_equal(drawn(grade=4, seed=3).image, drawn(grade=4, seed=3).image)


@pytest.mark.parametrize("grade", [-1, 5])
def test_an_unknown_grade_is_refused(grade):
    with pytest.raises(ValueError, match=f"grade={grade}"):
        eye(grade=grade)


def test_an_unknown_side_is_refused():
    assert SIDES == fundus.SIDES == ("left", "right")
    with pytest.raises(ValueError, match="side='middle'"):
        eye(side="middle")
