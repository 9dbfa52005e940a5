"""The smallest visible difference: by hand, at its limits, and against the report's own rule in simulations."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from analysis.scores.comparisons import LEVEL, NUM_DRAWS, Draws, comparison_rows
from analysis.stats.bootstrap import patient_weights
from analysis.stats.detectable import (
    Components,
    components_of,
    patients_needed,
    power,
    repeats_needed,
    smallest_over_parts,
    smallest_range,
    smallest_visible,
    splits_needed,
)
from analysis.stats.intervals import MIN_REPEATS
from analysis.stats.resampled import resampled_p

NUM_PATIENTS, SHARED_SD, ALONE_SD, TRAINING_SD = 60, 0.10, 0.08, 0.015
NUM_SWEEPS = 300


def components(num_repeats: int = 3) -> Components:
    """Of the sweeps that `sweep` simulates: the truth that no sweep knows."""
    alone = ALONE_SD**2 / NUM_PATIENTS
    return Components(
        shared=2 * SHARED_SD**2 / NUM_PATIENTS,
        interactions=(alone, alone),
        repeats=(TRAINING_SD**2 + alone, TRAINING_SD**2 + alone),
        num_repeats=(num_repeats, num_repeats),
        num_patients=NUM_PATIENTS,
    )


def cell(level: float, num_repeats: int, rng: np.random.Generator, weights: np.ndarray) -> Draws:
    """A cell whose score is a mean over patients: what a training, a patient and both together add to it is normal."""
    shape = (num_repeats, NUM_PATIENTS)
    values_SN = level + SHARED_SD * rng.normal(size=NUM_PATIENTS) + ALONE_SD * rng.normal(size=shape)
    values_SN = values_SN + TRAINING_SD * rng.normal(size=(num_repeats, 1))
    return Draws(
        points_S=values_SN.mean(axis=1), draws_SB=values_SN @ weights.T / NUM_PATIENTS, num_patients=NUM_PATIENTS
    )


def claimed_share(difference: float, num_repeats: int) -> float:
    """In how many of the simulated sweeps the report claims that the first cell is better."""
    rng, claimed = np.random.default_rng(5), 0
    for _ in range(NUM_SWEEPS):
        weights = patient_weights(np.arange(NUM_PATIENTS).astype(object), NUM_DRAWS, rng)
        cells = {name: cell(level, num_repeats, rng, weights) for name, level in (("a", difference), ("b", 0.0))}
        row = comparison_rows(cells, [("a", "b")]).iloc[0]
        claimed += bool(row["p_holm"] < LEVEL and row["difference"] > 0)
    return claimed / NUM_SWEEPS


@pytest.mark.parametrize("num_repeats", [3, 5])
def test_the_smallest_visible_difference_is_claimed_in_eight_sweeps_of_ten(num_repeats: int) -> None:
    visible = smallest_visible(components(num_repeats), LEVEL, NUM_DRAWS)
    assert claimed_share(visible, num_repeats) == pytest.approx(0.8, abs=0.06)  # 2.6 standard errors


def test_no_spread_over_repeats_leaves_the_test_over_patients() -> None:
    parts = Components(
        shared=0.01**2, interactions=(0.0, 0.0), repeats=(0.0, 0.0), num_repeats=(3, 3), num_patients=100
    )
    # 2 (k + 1) / 1001 < 0.05 lets 24 draws of 1,000 be on the wrong side.
    by_hand = 0.01 * (stats.norm.isf(25 / 1001) + stats.norm.ppf(0.8))
    assert smallest_visible(parts, 0.05, 1000) == pytest.approx(by_hand, rel=1e-4)
    assert power(parts, by_hand, 0.05, 1000) == pytest.approx(0.8, abs=1e-6)


def test_no_spread_over_patients_leaves_welchs_test() -> None:
    n, spread = 5, 0.02
    parts = Components(
        shared=0.0, interactions=(0.0, 0.0), repeats=(spread**2, spread**2), num_repeats=(n, n), num_patients=100
    )
    rng = np.random.default_rng(0)
    visible = smallest_visible(parts, 0.05, 1000)
    first, second = visible + spread * rng.normal(size=(20_000, n)), spread * rng.normal(size=(20_000, n))
    p = stats.ttest_ind(first, second, axis=1, equal_var=False).pvalue
    assert float((p < 0.05).mean()) == pytest.approx(0.8, abs=0.015)


def test_needs_are_the_numbers_that_suffice_and_one_less_does_not() -> None:
    parts, difference = components(), 0.06
    n = int(repeats_needed(parts, difference, 0.05, 1000))
    assert n > 3 and power(parts.with_repeats(n), difference, 0.05, 1000) >= 0.8
    assert power(parts.with_repeats(n - 1), difference, 0.05, 1000) < 0.8
    many = int(patients_needed(parts, difference, 0.05, 1000))
    assert power(parts.with_patients(many), difference, 0.05, 1000) >= 0.8
    assert power(parts.with_patients(many - 1), difference, 0.05, 1000) < 0.8


def test_no_number_of_repeats_mends_too_few_patients_and_the_other_way_round() -> None:
    parts = components()
    patients_alone = math.sqrt(parts.shared) * (1.96 + 0.84)
    assert repeats_needed(parts, 0.9 * patients_alone, 0.05, 1000) == math.inf
    assert repeats_needed(parts, 1.2 * patients_alone, 0.05, 1000) < 1000
    forever = smallest_visible(parts.with_patients(math.inf), 0.05, 1000)  # what the spread over repeats alone leaves
    assert patients_needed(parts, 0.9 * forever, 0.05, 1000) == math.inf
    assert patients_needed(parts, 1.1 * forever, 0.05, 1000) < 10_000_000


def test_more_of_either_makes_a_smaller_difference_visible() -> None:
    parts = components()
    visible = smallest_visible(parts, 0.05, 1000)
    assert smallest_visible(parts.with_repeats(10), 0.05, 1000) < visible
    assert smallest_visible(parts.with_patients(600), 0.05, 1000) < visible < smallest_visible(parts, 0.05 / 10, 1000)
    low, high = smallest_range(parts, 0.05, 1000)
    assert low < visible < high


def test_too_few_draws_for_the_level_see_nothing() -> None:
    # With 1,000 draws p is at least 2 / 1,001: Holm's first step of 26 comparisons asks for less.
    assert math.isfinite(smallest_visible(components(), 0.05 / 25, 1000))
    assert smallest_visible(components(), 0.05 / 26, 1000) == math.inf
    assert repeats_needed(components(), 1.0, 0.05 / 26, 1000) == math.inf


def test_components_are_found_in_draws() -> None:
    rng = np.random.default_rng(2)
    weights = patient_weights(np.arange(NUM_PATIENTS).astype(object), 400, rng)
    found = []
    for _ in range(60):
        first, second = (cell(0.5, 5, rng, weights) for _ in range(2))
        parts = components_of((first.points_S, second.points_S), (first.draws_SB, second.draws_SB), NUM_PATIENTS)
        assert parts is not None
        found.append((parts.shared, parts.interactions[0], parts.repeats[1]))
    truth = components(5)
    expected = (truth.shared, truth.interactions[0], truth.repeats[1])
    assert np.mean(found, axis=0) == pytest.approx(expected, rel=0.15)


def test_each_cell_keeps_its_own_spread() -> None:
    rng = np.random.default_rng(4)
    weights = patient_weights(np.arange(NUM_PATIENTS).astype(object), 200, rng)
    one, other = cell(0.5, 5, rng, weights), cell(0.5, 4, rng, weights)
    parts = components_of((one.points_S, other.points_S), (one.draws_SB, other.draws_SB), NUM_PATIENTS)
    turned = components_of((other.points_S, one.points_S), (other.draws_SB, one.draws_SB), NUM_PATIENTS)
    assert parts is not None and turned is not None
    assert parts.repeats == tuple(float(np.var(each.points_S, ddof=1)) for each in (one, other))
    assert parts.interactions == turned.interactions[::-1] and parts.interactions[0] != parts.interactions[1]
    assert parts.num_repeats == (5, 4) and parts.shared == turned.shared


def test_one_repeat_has_no_components() -> None:
    rng = np.random.default_rng(0)
    weights = patient_weights(np.arange(NUM_PATIENTS).astype(object), 50, rng)
    one, three = cell(0.5, 1, rng, weights), cell(0.5, 3, rng, weights)
    assert components_of((one.points_S, three.points_S), (one.draws_SB, three.draws_SB), NUM_PATIENTS) is None


def test_patients_scale_everything_but_the_trainings() -> None:
    parts = components()
    doubled = parts.with_patients(2 * NUM_PATIENTS)
    assert doubled.shared == pytest.approx(parts.shared / 2)
    assert doubled.interactions == pytest.approx((parts.interactions[0] / 2,) * 2)
    assert doubled.repeats[0] == pytest.approx(TRAINING_SD**2 + parts.interactions[0] / 2)
    # A spread over repeats that is smaller than what patients do to them cannot be negative without them.
    tight = replace(parts, repeats=(parts.interactions[0] / 2,) * 2)
    assert tight.with_patients(math.inf).repeats == (0.0, 0.0)
    assert tight.with_patients(NUM_PATIENTS).repeats == tight.repeats


def test_parts_have_the_power_of_the_corrected_t() -> None:
    """Values as the correction takes them: each pair of parts correlated by n_test / (n_test + n_train)."""
    num_parts, ratio, rng = 5, 0.25, np.random.default_rng(3)
    correlation = ratio / (1 + ratio)
    spread = math.sqrt(1 - correlation)  # what a sample's standard deviation expects
    values = spread * np.array([-1.0, -1.0, 0.0, 1.0, 1.0])
    visible = smallest_over_parts(values, ratio, 0.05)
    common = math.sqrt(correlation) * rng.normal(size=(4000, 1))
    simulated = visible + common + spread * rng.normal(size=(4000, num_parts))
    claimed = [resampled_p(row, ratio) < 0.05 for row in simulated]
    assert np.mean(claimed) == pytest.approx(0.8, abs=0.025)


def test_splits_that_share_images_are_of_no_use_without_end() -> None:
    values = np.array([0.01, -0.01, 0.02, -0.02, 0.0])
    floor = float(values.std(ddof=1)) * math.sqrt(0.25)
    assert splits_needed(values, 0.25, 2.7 * floor, 0.05) == math.inf
    needed = splits_needed(values, 0.25, 3.5 * floor, 0.05)
    assert 5 < needed < 1000
    assert math.isnan(splits_needed(values[:1], 0.25, 0.1, 0.05)) and math.isnan(
        smallest_over_parts(values, math.nan, 0.05)
    )


def test_values_that_do_not_vary_show_any_difference_but_none() -> None:
    same = np.full(5, 0.5)
    assert smallest_over_parts(same, 0.25, 0.05) == 0
    assert splits_needed(same, 0.25, 1e-6, 0.05) == MIN_REPEATS
    assert splits_needed(same, 0.25, 0.0, 0.05) == math.inf
