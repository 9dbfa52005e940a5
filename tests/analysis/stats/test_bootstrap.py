"""The bootstrap against scikit-learn's weighted metrics, draw by draw, and against limits worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from analysis.stats.bootstrap import auc_draws, over_seeds, patient_weights, percentiles
from trainables.data.store import salted_hashes


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_images_of_a_patient_come_together() -> None:
    patients = np.array(["a", "b", "a", "c", "b", "a"], dtype=object)
    weights = patient_weights(patients, 50, rng())
    assert weights.shape == (50, 6)
    assert (weights[:, [0, 0, 1]] == weights[:, [2, 5, 4]]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()  # as many patients as there are
    assert weights.std() > 0


def test_the_same_generator_gives_the_same_draws() -> None:
    patients = np.array(["a", "b", "c"], dtype=object)
    assert (patient_weights(patients, 9, rng(1)) == patient_weights(patients, 9, rng(1))).all()
    assert (patient_weights(patients, 9, rng(1)) != patient_weights(patients, 9, rng(2))).any()


def test_patients_are_numbered_by_their_rows_and_not_by_their_hashes() -> None:
    names = [f"p{number // 2}" for number in range(40)]
    hashed = [np.array(salted_hashes(names, salt), dtype=object) for salt in (b"one", b"other")]
    assert np.argsort(hashed[0]).tolist() != np.argsort(hashed[1]).tolist()
    first, second = (patient_weights(patients, 20, rng()) for patients in hashed)
    assert (first == second).all() and (first[:, ::2] == first[:, 1::2]).all()


@pytest.mark.parametrize(("num_images", "num_draws"), [(0, 10), (3, 0)])
def test_nothing_to_draw(num_images: int, num_draws: int) -> None:
    with pytest.raises(ValueError, match=f"{num_images} images, num_draws={num_draws}"):
        patient_weights(np.array(["a"] * num_images, dtype=object), num_draws, rng())


@pytest.mark.parametrize("decimals", [1, 8])  # with and without ties
def test_auc_of_each_draw_is_sklearns(decimals: int) -> None:
    generator = rng()
    score = generator.normal(size=80).round(decimals)
    positive = score + generator.normal(size=80) > 0.5
    weights = patient_weights(np.array([f"p{i // 2}" for i in range(80)], dtype=object), 20, generator)
    expected = [roc_auc_score(positive, score, sample_weight=row) for row in weights]
    np.testing.assert_allclose(auc_draws(score, positive, weights), expected, atol=1e-12)


def test_a_draw_of_one_class_has_no_auc() -> None:
    weights = np.array([[1, 1, 0], [1, 0, 2], [0, 0, 3]], dtype=np.float32)
    draws = auc_draws(np.array([0.1, 0.9, 0.5]), np.array([False, True, True]), weights)
    assert draws[:2].tolist() == [1.0, 1.0] and np.isnan(draws[2])


def test_seeds_add_their_variance() -> None:
    # No spread over patients: what is left is that of the mean of 3 seeds drawn from 0, 1, 2: variance (2/3) / 3.
    draws = np.repeat([[0.0], [1.0], [2.0]], 20_000, axis=1)
    both = over_seeds(draws, rng())
    assert both.mean() == pytest.approx(1.0, abs=0.02)
    assert both.var() == pytest.approx(2 / 9, rel=0.05)


def test_one_seed_is_the_bootstrap_of_patients() -> None:
    draws = rng().normal(size=(1, 100))
    np.testing.assert_array_equal(over_seeds(draws, rng()), draws[0])


def test_percentiles_by_hand() -> None:
    interval = percentiles(np.arange(1, 1000, dtype=float))  # 1 ... 999, all above 0
    assert (interval.low, interval.high) == pytest.approx((25.95, 974.05))
    assert interval.p_value == pytest.approx(2 / 1000)
    assert percentiles(np.array([-1.0, 1.0])).p_value == 1.0
    assert percentiles(np.array([1.0, np.nan, 2.0])).num_undefined == 1


def test_a_draw_of_exactly_0_is_on_both_sides() -> None:
    # Nine draws, one of them 0 and none below it: 2 (1 + 1) / (9 + 1). Of draws that are all 0 nothing can be told.
    assert percentiles(np.arange(9.0)).p_value == pytest.approx(0.4)
    assert percentiles(np.zeros(99)).p_value == 1.0


def test_a_draw_without_a_value_counts_for_nothing() -> None:
    without = np.concatenate([np.arange(-2.0, 37.0), np.full(60, np.nan)])  # 39 draws, three of them 0 or less
    assert percentiles(without).p_value == pytest.approx(2 * (3 + 1) / (39 + 1))
    assert (percentiles(without).low, percentiles(without).num_undefined) == (percentiles(without[:39]).low, 60)


def test_percentiles_of_nothing() -> None:
    with pytest.raises(ValueError, match="all 2 are undefined"):
        percentiles(np.array([np.nan, np.nan]))
    with pytest.raises(ValueError, match="level=95"):
        percentiles(np.array([1.0]), level=95)


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    # Patients with three images of one score each: taken as independent, the images would give half the width.
    covered = 0
    for repetition in range(400):
        generator = rng(repetition)
        label = generator.random(60) < 0.5
        score = np.repeat(generator.normal(size=60) + label, 3)
        patients = np.repeat(np.arange(60), 3).astype(str).astype(object)
        draws = auc_draws(score, np.repeat(label, 3), patient_weights(patients, 200, generator))
        interval = percentiles(draws)
        covered += interval.low <= 0.7602 <= interval.high  # P(N(1,1) > N(0,1)) = Phi(1 / sqrt 2)
    assert 0.89 <= covered / 400 <= 0.97  # 0.92 over 1,500 repetitions: percentiles of 60 patients are a little narrow
