"""What a seed adds: hand-worked residuals, shared along beta, and as far as is known with other learning rates."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.replay.seed_noise import Curves, SeedNoise, shared_part

HERE, THERE = (-3.0, -6.0), (-2.5, -4.0)  # the logarithms of learning rate and weight decay


def flat(*values: float) -> np.ndarray:
    return np.array([values, values])


# Two seeds at beta 1 and at beta 100; with beta 100 they add to the second epoch, with beta 1 to both.
TWO: Curves = {
    (0.0, *HERE): {0: flat(0.5, 0.7), 1: flat(0.7, 0.9)},
    (2.0, *HERE): {0: flat(0.6, 0.6), 1: flat(0.6, 0.8)},
}


def test_a_seed_adds_what_the_mean_lacks() -> None:
    noise = SeedNoise(TWO, 2)
    assert noise.of_recorded((0.0, *HERE), 0) == pytest.approx([-0.1, -0.1, -0.1, -0.1])
    assert noise.of_recorded((2.0, *HERE), 1) == pytest.approx([0.0, 0.1, 0.0, 0.1])
    assert noise.of_recorded((1.0, *HERE), 1) == pytest.approx([0.05, 0.1, 0.05, 0.1])
    assert noise.of_recorded((-1.0, *HERE), 1) == pytest.approx([0.1, 0.1, 0.1, 0.1])
    assert noise.of_recorded((0.0, *HERE), 7) == 0.0
    # Of 0.5 and 0.7 the standard deviation is 0.1 sqrt(2), of 0.6 and 0.6 it is 0.
    assert noise.sd(0) == pytest.approx(np.sqrt((0.02 + 0) / 2))
    assert noise.sd(1) == pytest.approx(np.sqrt(0.02))


def test_draws_have_the_covariance_of_what_was_recorded() -> None:
    noise = SeedNoise(TWO, 2)
    assert noise.draws((0.0, *HERE), np.array([[0.0, 1.0]])) == pytest.approx(np.full((1, 4), 0.1))
    drawn = np.array([noise.drawn((0.0, *HERE), seed) for seed in range(3000)])
    assert np.cov(drawn.T) == pytest.approx(np.full((4, 4), 0.02), rel=0.1)
    # In between, half of each: the variance, too, which half of both would not have.
    between = noise.draws((1.0, *HERE), np.eye(2))
    assert np.square(between).sum() == pytest.approx((4 * 0.02 + 2 * 0.02) / 2)
    assert between[1] == pytest.approx(between[1, 1] * np.array([0.5, 1.0, 0.5, 1.0]))


def test_trials_that_differ_in_beta_alone_share_what_their_seed_adds() -> None:
    noise = SeedNoise(TWO, 2, shared=0.0)
    at_1, at_100 = (np.array([noise.drawn((beta, *HERE), seed) for seed in range(50)]) for beta in (0.0, 2.0))
    assert at_1[:, 1] == pytest.approx(at_100[:, 1])
    assert len(set(at_1[:, 1].round(6))) == 50


@pytest.mark.parametrize("shared", [0.0, 0.6, 1.0])
def test_with_another_learning_rate_they_share_a_part(shared: float) -> None:
    noise = SeedNoise(TWO, 2, shared=shared)
    here, there = (
        np.array([noise.drawn((0.0, *other), seed) for seed in range(3000)])[:, 0] for other in (HERE, THERE)
    )
    assert np.corrcoef(here, there)[0, 1] == pytest.approx(shared, abs=0.05)
    assert np.std(there) == pytest.approx(np.std(here), rel=0.06)
    assert noise.of_recorded((0.0, *THERE), 1) == pytest.approx(np.full(4, 0.1 * shared))
    again = SeedNoise(TWO, 2, shared=shared)
    assert np.array_equal(again.drawn((0.0, *THERE), 5), noise.drawn((0.0, *THERE), 5))


def cell_with(shared: float, rng: np.random.Generator) -> tuple[Curves, int]:
    """Four seeds at two betas, three of them at two other learning rates, which share so much of their luck."""
    luck = {seed: rng.normal(0, 0.05, (2, 12)) for seed in range(4)}
    curves: dict = {(beta, *HERE): {seed: 0.7 + luck[seed] for seed in luck} for beta in (0.0, 3.0)}
    for number in range(2):
        own = {seed: rng.normal(0, 0.05, (2, 12)) * np.sqrt(1 - shared**2) for seed in range(3)}
        there = {seed: 0.4 + 2 * (shared * luck[seed] + own[seed]) for seed in own}  # twice as strong: no matter
        curves[1.0, -3.5 - number / 100, -5.0] = there
    curves[1.0, -3.8, -5.0] = {0: 0.5 + luck[1]}  # one seed tells nothing
    return curves, 2


@pytest.mark.parametrize("shared", [0.0, 0.4, 1.0])
def test_the_part_that_is_shared_is_estimated_from_repeats_with_other_learning_rates(shared: float) -> None:
    rng = np.random.default_rng(0)
    assert shared_part([cell_with(shared, rng) for _ in range(12)]) == pytest.approx(shared, abs=0.1)
    assert shared_part([(TWO, 2)]) == 1.0


def test_the_part_that_is_shared_by_hand() -> None:
    # Here the two seeds add -0.1 and +0.1 to each of four numbers; there -0.1 and +0.1 to two of them, nothing to two.
    there = {0: flat(0.3, 0.4), 1: flat(0.5, 0.4)}
    curves: Curves = {(0.0, *HERE): TWO[0.0, *HERE], (0.0, *THERE): there}
    assert SeedNoise(curves, 2).agreement(curves) == pytest.approx([0.04, 0.08, 0.04])
    assert shared_part([(curves, 2)]) == pytest.approx(0.04 / np.sqrt(0.08 * 0.04))


def test_without_repeats_nothing_is_known() -> None:
    noise = SeedNoise({(0.0, *HERE): {0: flat(0.5, 0.7)}}, 2)
    assert not noise.is_known and noise.sd(1) == 0.0
    assert noise.drawn((0.0, *HERE), 3) == noise.of_recorded((0.0, *HERE), 0) == 0.0


def test_a_cell_without_beta_has_one_place() -> None:
    noise = SeedNoise({HERE: {0: flat(0.5, 0.7), 1: flat(0.7, 0.9)}}, 2)
    assert noise.draws(HERE, np.array([[0.0, 1.0]])) == pytest.approx(np.full((1, 4), 0.1))
