"""Drawing tools: geometry in unit coordinates, the same at every size."""

import numpy as np
import pytest

from platform.phantoms.canvas import Ink, blob, bump, grid, noise, spline, wander


@pytest.mark.parametrize("size", [32, 64, 200])
def test_a_disc_covers_its_area_at_every_size(size):
    ink = Ink(size)
    ink.dot((0.5, 0.5), 0.25)
    assert ink.read().mean() == pytest.approx(np.pi * 0.25**2, rel=0.02)
    assert ink.read().shape == (size, size)


def test_a_stroke_thinner_than_a_pixel_is_fainter_not_wider():
    def weight(width):
        ink = Ink(64)
        ink.line(np.array([[0.1, 0.5], [0.9, 0.5]]), width)
        return ink.read().sum()

    assert weight(0.001) == pytest.approx(weight(0.002) / 2, rel=0.05)


def test_blur_keeps_the_weight_of_a_mask():
    ink = Ink(64)
    ink.dot((0.5, 0.5), 0.1)
    assert ink.read(0.03).sum() == pytest.approx(ink.read().sum(), rel=0.03)
    assert ink.read(0.03).max() < 1


def test_a_bump_is_one_at_its_centre_and_falls_by_its_radii():
    x, y = grid(101)
    hill = bump(101, (0.5, 0.5), (0.1, 0.2))
    assert hill.max() == pytest.approx(1)
    at = np.unravel_index(np.argmin((x - 0.6) ** 2 + (y - 0.5) ** 2), x.shape)
    assert hill[at] == pytest.approx(np.exp(-0.5), rel=0.05)


def test_noise_looks_alike_at_two_sizes_and_has_about_unit_spread():
    coarse, fine = (noise(np.random.default_rng(0), 6, size) for size in (64, 128))
    assert 0.5 < fine.std() < 1.5
    assert np.corrcoef(coarse.ravel(), fine.reshape(64, 2, 64, 2).mean((1, 3)).ravel())[0, 1] > 0.99


@pytest.mark.parametrize("closed", [True, False])
def test_a_spline_goes_through_its_knots(closed):
    knots = np.array([[0.1, 0.1], [0.5, 0.3], [0.9, 0.1], [0.7, 0.8]])
    curve = spline(knots, closed=closed, steps=8)
    np.testing.assert_allclose(curve[: 8 * 3 + 1 : 8], knots, atol=1e-12)


def test_a_path_sets_out_at_its_start_and_has_its_length():
    path = wander(np.random.default_rng(0), np.array([0.2, 0.3]), heading=0.0, length=0.5, bend=0.0, wobble=0.0)
    np.testing.assert_allclose(path[0], [0.2, 0.3])
    np.testing.assert_allclose(path[-1], [0.7, 0.3])


def test_a_blob_stays_about_its_centre():
    outline = blob(np.random.default_rng(0), (0.4, 0.6), 0.1)
    reach = np.hypot(*(outline - [0.4, 0.6]).T)
    assert reach.min() > 0.03 and reach.max() < 0.2
