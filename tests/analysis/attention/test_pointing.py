"""The pointing game, worked by hand: where a map points, what is a hit, and the three rates beside it."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from analysis.attention import pointing
from trainables.data.boxes import EDGES

SIZE = 100  # pixels; the tolerance is 3


def boxes(*rows: tuple[int, str, float, float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["row", "label", *EDGES])


def points(*rows: tuple[int, str, float, float]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=["row", "label", "x", "y"])
    return frame.assign(subject="cell", map="Grad-CAM")


def test_a_map_points_at_the_middle_of_its_highest_cell() -> None:
    # second line, third of four columns of 25 px; lines are 50 px high
    assert pointing.peak(np.array([[0, 1, 2, 3], [0, 1, 9, 3]]), SIZE) == (62.5, 75.0)
    assert all(math.isnan(place) for place in pointing.peak(np.zeros((4, 4)), SIZE))


def test_a_hit_is_in_a_box_or_within_the_tolerance_of_it() -> None:
    box = np.array([[20.0, 20.0, 40.0, 30.0]])
    places = np.array([[30, 25], [43, 25], [43.1, 25], [42, 32], [42.2, 32.2], [np.nan, np.nan]])
    # the corner is 2.83 px from (42, 32) and 3.11 px from (42.2, 32.2)
    assert pointing.is_hit(places, box, 3.0).tolist() == [True, True, False, True, False, False]
    other = np.array([[90.0, 90.0, 95.0, 95.0]])
    assert pointing.is_hit(np.array([[92.0, 92.0]]), np.vstack([box, other]), 0.0).tolist() == [True]


def test_the_centre_prior_lies_in_most_boxes() -> None:
    three = boxes((0, "a", 0, 0, 40, 40), (1, "a", 20, 20, 60, 60), (2, "a", 30, 0, 50, 30))
    x, y = pointing.centre_prior(three, SIZE)
    assert 30 < x < 40 and 20 < y < 30  # where all three overlap
    assert (x, y) == (34.5, 24.5) or math.hypot(x - 35, y - 25) < 1
    assert pointing.centre_prior(three[:0], SIZE) == (50.0, 50.0)


def test_targets_have_chance_ceiling_and_the_priors_hit() -> None:
    aims = pointing.targets(
        boxes((0, "a", 0, 0, 50, 100), (1, "a", 0, 0, 4, 4), (2, "b", 60, 60, 80, 80)),
        boxes((7, "a", 10, 10, 30, 30)),
        SIZE,
        num_cells=2,
    )
    assert aims[["row", "label"]].to_numpy().tolist() == [[0, "a"], [1, "a"], [2, "b"]]
    assert aims["chance"][0] == pytest.approx(0.53)  # half of the image, and 3 px more
    assert aims["reachable"].tolist() == [True, False, True]  # the middles are 25 and 75: (25, 25), none, (75, 75)
    assert aims["prior_hit"].tolist() == [True, False, False]
    assert aims["num_prior_boxes"].tolist() == [1, 1, 0]


def test_rates_and_wilsons_interval_by_hand() -> None:
    all_boxes = boxes(*[(row, "a", 0, 0, 20, 20) for row in range(8)], (0, "b", 80, 80, 99, 99))
    aims = pointing.targets(all_boxes, all_boxes[:0], SIZE, num_cells=4)
    places = points(*[(row, "a", 10.0, 10.0 if row < 6 else 90.0) for row in range(7)], (7, "a", np.nan, np.nan))
    frame = pointing.rows(places, aims, {row: f"p{row}" for row in range(8)}, SIZE)
    of_a = frame.set_index("label").loc["a"]
    assert (of_a["hits"], of_a["num_images"], of_a["num_boxes"], of_a["num_flat"]) == (6, 8, 8, 1)
    # Wilson (1927), z = 1.96, 6 of 8: (0.75 + z2/16 -+ z sqrt(0.75 0.25/8 + z2/256)) / (1 + z2/8)
    assert (of_a["low"], of_a["high"]) == (pytest.approx(0.4093, abs=1e-4), pytest.approx(0.9285, abs=1e-4))
    assert of_a["prior_rate"] == 0  # no box outside the test set: the middle of the image


def test_the_sign_test_counts_patients_not_images() -> None:
    aims_boxes = boxes(*[(row, "a", 0, 0, 20, 20) for row in range(12)])
    aims = pointing.targets(aims_boxes, aims_boxes[:0], SIZE, num_cells=4)  # the prior, the middle, misses all
    places = points(*[(row, "a", 10.0, 10.0) for row in range(12)])
    each = pointing.rows(places, aims, {row: f"p{row}" for row in range(12)}, SIZE).set_index("label")
    few = pointing.rows(places, aims, {row: f"p{row % 3}" for row in range(12)}, SIZE).set_index("label")
    assert each.loc[pointing.ALL, "p_value"] == pytest.approx(2 * 0.5**12)
    assert few.loc[pointing.ALL, "p_value"] == pytest.approx(2 * 0.5**3)
    assert few.loc[pointing.ALL, "num_patients"] == 3
    assert math.isnan(each.loc["a", "p_value"])


def test_where_map_and_prior_do_the_same_there_is_no_difference() -> None:
    same = boxes((0, "a", 0, 0, 20, 20), (1, "a", 40, 40, 60, 60))
    aims = pointing.targets(same, same[:0], SIZE, num_cells=4)
    places = points((0, "a", 90.0, 90.0), (1, "a", 50.0, 50.0))
    frame = pointing.rows(places, aims, {0: "p", 1: "q"}, SIZE)
    assert frame["p_value"].iloc[-1] == 1 and frame["p_holm"].iloc[-1] == 1
