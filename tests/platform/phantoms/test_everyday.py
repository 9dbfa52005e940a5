"""The generic source domain: ten classes that differ by pattern, not by colour."""

import numpy as np
import pytest

from platform.phantoms import everyday


@pytest.mark.parametrize("class_name", everyday.CLASSES)
def test_every_class_draws_a_colour_picture_with_contrast(class_name):
    spreads = []
    for seed in range(4):
        image = everyday.draw(class_name, image_size_px=48, rng=np.random.default_rng(seed))
        assert image.shape == (48, 48, 3) and image.dtype == np.uint8
        spreads.append(image.astype(float).std(axis=(0, 1)).max())
    assert np.median(spreads) > 12


def test_the_same_generator_draws_the_same_picture_and_another_another():
    first, same, other = (
        everyday.draw("rings", image_size_px=32, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_there_are_ten_classes_in_alphabetical_order():
    assert len(everyday.CLASSES) == 10 and list(everyday.CLASSES) == sorted(everyday.CLASSES)


def test_an_unknown_class_is_refused():
    with pytest.raises(ValueError, match="'cats'"):
        everyday.draw("cats", image_size_px=32, rng=np.random.default_rng(0))
