"""Episodes by hand: counts, patients on one side only, nestedness; what a probe makes of good and useless numbers."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from analysis.probes.episodes import direction, episode, nested_order, unit

PATIENT = np.repeat(np.array([f"p{i}" for i in range(60)]), 2)
POSITIVE = np.arange(120) % 3 == 0


def test_an_episode_has_k_of_each_and_no_patient_on_both_sides() -> None:
    drawn = episode(POSITIVE, PATIENT, 5, np.random.default_rng(0))
    assert POSITIVE[drawn.support].sum() == 5 and len(set(drawn.support)) == 10
    assert not set(PATIENT[drawn.support]) & set(PATIENT[drawn.query])
    assert len(drawn.query) == 120 - 2 * len(set(PATIENT[drawn.support]))


def test_equal_seeds_draw_equally_and_others_do_not() -> None:
    first, again, other = (episode(POSITIVE, PATIENT, 5, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.support, again.support)
    assert set(first.support) != set(other.support)


def test_a_small_draw_lies_within_a_larger_one() -> None:
    small, large = (nested_order(POSITIVE, n, np.random.default_rng(3)) for n in (10, 25))
    np.testing.assert_array_equal(small, large[:10])
    assert POSITIVE[large].all()


@pytest.mark.parametrize("num_images", [0, 41])
def test_more_than_there_are_is_refused(num_images: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 40 .* num_images={num_images}"):
        nested_order(POSITIVE, num_images, np.random.default_rng(0))


def test_a_support_that_leaves_no_positive_is_refused() -> None:
    with pytest.raises(ValueError, match="num_shots=40 leaves 0 positive"):
        episode(POSITIVE, PATIENT, 40, np.random.default_rng(0))


@pytest.mark.parametrize(("num_episodes", "shift", "low", "high"), [(10, 8.0, 0.99, 1.0), (60, 0.0, 0.47, 0.53)])
def test_a_separable_embedding_gives_one_and_noise_a_half(
    num_episodes: int, shift: float, low: float, high: float
) -> None:
    rng = np.random.default_rng(0)
    aucs = []
    for _ in range(num_episodes):
        embedding = unit(rng.normal(size=(120, 8)) + shift * POSITIVE[:, None])
        drawn = episode(POSITIVE, PATIENT, 5, rng)
        scores = embedding[drawn.query] @ direction(embedding[drawn.support], POSITIVE[drawn.support])
        aucs.append(roc_auc_score(POSITIVE[drawn.query], scores))
    assert low <= np.mean(aucs) <= high


def test_embeddings_have_length_one_and_one_of_zeros_stays() -> None:
    np.testing.assert_allclose(unit(np.array([[3, 4], [0, 0]], np.float32)), np.array([[0.6, 0.8], [0, 0]]))
