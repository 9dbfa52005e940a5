"""AUCs and influences by hand; the linear bootstrap against drawing outright; limit cases and pairedness."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from analysis.probes.embeddings import Subject
from analysis.probes.episodes import Episode, episode
from analysis.probes.networks import AFTER, TEACHER
from analysis.probes.probing import COLUMNS, Probed, auc_influence, corrected, draws_of, probe, rows
from analysis.stats.bootstrap import auc_draws, patient_weights
from trainables.data.store import salted_hashes

PATIENT = np.repeat(np.array([f"p{i}" for i in range(60)]), 2)
POSITIVE = np.arange(120) % 3 == 0
PLAIN, ATTENTION = "transfer/none/densenet40/all", "attention/imagenet/densenet40/all"


def episodes(num_episodes: int = 8, num_shots: int = 5) -> list[Episode]:
    return [episode(POSITIVE, PATIENT, num_shots, np.random.default_rng([0, i])) for i in range(num_episodes)]


def noise(seed: int, shift: float) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(120, 6)) + shift * POSITIVE[:, None]
    return drawn.astype(np.float32)


def subject(name: str, shifts: list[float], kind: str = AFTER, seed: int = 0) -> Subject:
    repeats = tuple(noise(seed + place, shift) for place, shift in enumerate(shifts))
    return Subject(name=name, kind=kind, baseline=PLAIN * (kind == AFTER), teachers=(), repeats=repeats)


def test_auc_and_influence_by_hand() -> None:
    # Positives 3 and 1, negatives 2, 1 and 0: 3 is above all; 1 ties with one and is above one, so 1.5 of 3.
    auc, influence = auc_influence(np.array([3.0, 1.0, 2.0, 1.0, 0.0]), np.array([True, True, False, False, False]))
    assert auc == pytest.approx(0.75)
    # Their shares are 1 and 1/2; the negatives are below 1/2, 3/4 and 2/2 of the positives.
    expected = [(1 - 0.75) / 2, (0.5 - 0.75) / 2, (0.5 - 0.75) / 3, 0, (1 - 0.75) / 3]
    np.testing.assert_allclose(influence, expected, atol=1e-12)


def test_the_salt_of_a_results_folder_changes_no_number() -> None:
    subjects = [subject(PLAIN, [0.5, 0.6]), subject(ATTENTION, [0.9, 1.0], seed=10)]
    hashed = [np.array(salted_hashes(PATIENT.tolist(), salt)) for salt in (b"one", b"other")]
    assert np.argsort(hashed[0]).tolist() != np.argsort(hashed[1]).tolist()
    first, second = (rows(subjects, POSITIVE, patients, episodes()) for patients in hashed)
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_the_influence_is_the_derivative_by_an_images_weight() -> None:
    rng = np.random.default_rng(0)
    score, positive = rng.normal(size=40), np.arange(40) % 4 == 0
    auc, influence = auc_influence(score, positive)
    assert auc == pytest.approx(roc_auc_score(positive, score))
    for row in (0, 1, 8):
        weight = np.ones((2, 40))
        weight[:, row] += (1e-6, -1e-6)
        up, down = (roc_auc_score(positive, score, sample_weight=each) for each in weight)
        assert influence[row] == pytest.approx((up - down) / 2e-6, abs=1e-6)


def test_the_linear_bootstrap_is_near_drawing_outright() -> None:
    rng = np.random.default_rng(1)
    positive, patient = np.arange(600) % 3 == 0, np.repeat(np.arange(300).astype(str), 2).astype(object)
    score = rng.normal(size=600) + positive
    weights = patient_weights(patient, 2000, rng)
    outright = auc_draws(score, positive, weights)
    auc, influence = auc_influence(score, positive)
    linear = draws_of([Probed(np.array([auc]), influence)], weights, 0, 300).draws_SB[0]
    assert linear.std() == pytest.approx(outright.std(), rel=0.02)
    np.testing.assert_allclose(np.quantile(linear, [0.025, 0.975]), np.quantile(outright, [0.025, 0.975]), atol=0.003)


def test_episodes_are_drawn_too() -> None:
    # Two episodes with AUCs of 0 and 1, and no influence: the mean of two that are drawn has a variance of 1/8.
    probed = Probed(np.array([0.0, 1.0]), np.zeros(4))
    draws = draws_of([probed], np.ones((20_000, 4)), 0, 4).draws_SB[0]
    assert set(draws) == {0.0, 0.5, 1.0}
    assert (draws.mean(), draws.var()) == (pytest.approx(0.5, abs=0.01), pytest.approx(1 / 8, rel=0.03))


def test_an_images_influence_is_its_mean_over_the_episodes() -> None:
    embeddings, drawn = noise(0, 0.5), episodes(3)
    alone = [probe(embeddings, POSITIVE, [each]) for each in drawn]
    together = probe(embeddings, POSITIVE, drawn)
    np.testing.assert_allclose(together.auc_E, np.concatenate([each.auc_E for each in alone]))
    np.testing.assert_allclose(together.influence_N, np.mean([each.influence_N for each in alone], axis=0), atol=1e-12)
    assert (together.influence_N != 0).sum() > (alone[2].influence_N != 0).sum()


def test_only_the_direction_of_an_embedding_counts() -> None:
    embeddings = noise(0, 0.5)
    lengths = np.random.default_rng(0).uniform(0.1, 10, size=(120, 1)).astype(np.float32)
    np.testing.assert_allclose(
        probe(embeddings * lengths, POSITIVE, episodes()).auc_E,
        probe(embeddings, POSITIVE, episodes()).auc_E,
        atol=1e-3,
    )


@pytest.mark.parametrize(("make", "auc"), [(lambda: np.where(POSITIVE, 1, -1), 1.0), (lambda: np.ones(120), 0.5)])
def test_perfect_and_constant_embeddings(make: Callable[[], np.ndarray], auc: float) -> None:
    probed = probe(np.repeat(make()[:, None], 3, axis=1).astype(np.float32), POSITIVE, episodes())
    np.testing.assert_array_equal(probed.auc_E, np.full(8, auc))


def test_equal_networks_do_not_differ_at_all_and_each_meets_the_same_draws() -> None:
    frame = rows([subject(PLAIN, [1.0]), subject(ATTENTION, [1.0])], POSITIVE, PATIENT, episodes())
    assert list(frame.columns) == list(COLUMNS)
    plain, attention = frame.to_dict("records")
    assert (attention["difference"], attention["difference_low"], attention["difference_high"]) == (0, 0, 0)
    assert (plain["low"], plain["high"]) == (attention["low"], attention["high"]) and plain["low"] < plain["auc"]
    assert pd.isna(plain["difference"]) and attention["baseline"] == PLAIN


def test_the_paired_interval_is_narrower_than_one_of_unrelated_networks() -> None:
    better = noise(0, 0.8) + np.float32(0.1) * noise(5, 0.0)
    paired = Subject(name=ATTENTION, kind=AFTER, baseline=PLAIN, teachers=(), repeats=(better,))
    frame = rows([subject(PLAIN, [0.8]), paired, subject("t", [0.8], TEACHER, 9)], POSITIVE, PATIENT, episodes(20))
    both = frame.set_index("subject").loc[ATTENTION]
    assert both["difference_high"] - both["difference_low"] < (both["high"] - both["low"]) / 2
    assert pd.isna(frame.set_index("subject").loc["t", "difference"])  # a teacher has no plain transfer


def test_a_large_difference_is_told_and_one_repeat_tells_none() -> None:
    many = [subject(PLAIN, [0.0] * 3), subject(ATTENTION, [3.0] * 3, seed=7)]
    frame = corrected(rows(many, POSITIVE, PATIENT, episodes()))
    row = frame.set_index("subject").loc[ATTENTION]
    assert row["difference_low"] > 0.2 and row["p_holm"] < 0.05 and row["n"] == 3
    alone = corrected(rows([subject(PLAIN, [0.0]), subject(ATTENTION, [3.0])], POSITIVE, PATIENT, episodes()))
    assert alone["p_holm"].isna().all()


def test_what_judges_is_counted() -> None:
    drawn = episodes(4)
    frame = rows([subject(PLAIN, [0.0])], POSITIVE, PATIENT, drawn)
    expected = np.mean([POSITIVE[each.query].sum() for each in drawn])
    assert frame["num_judged_positives"].tolist() == [expected] and frame["num_episodes"].tolist() == [4]
    assert frame["num_patients"].tolist() == [len({PATIENT[i] for each in drawn for i in each.query})]


def test_queries_of_different_sizes_are_counted_on_average() -> None:
    drawn = episodes(2)
    drawn[1] = Episode(drawn[1].support, drawn[1].query[::2])
    frame = rows([subject(PLAIN, [0.0])], POSITIVE, PATIENT, drawn)
    assert frame["num_judged"].tolist() == [(len(drawn[0].query) + len(drawn[1].query)) / 2]


def test_an_interval_ends_at_1() -> None:
    frame = rows([subject(PLAIN, [1.9])], POSITIVE, PATIENT, [episode(POSITIVE, PATIENT, 30, np.random.default_rng(0))])
    assert 0.9 < frame["auc"].item() < frame["high"].item() == 1


def test_the_larger_of_the_two_p_values_is_corrected() -> None:
    # The larger are 0.03 and 0.02: times 1 and 2, and never below the one before.
    frame = pd.DataFrame({"p_patients": [0.03, 0.001, 0.01], "p_seeds": [0.01, 0.02, np.nan]})
    adjusted = corrected(frame)["p_holm"]
    assert adjusted[:2].tolist() == pytest.approx([0.04, 0.04]) and np.isnan(adjusted[2])
