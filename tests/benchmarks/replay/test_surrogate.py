"""The model of curves: what was recorded comes back without its seed's luck, and its error is true."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor

from tests.benchmarks.replay.surrogate import Surrogate, noise_of, surrogates
from tests.benchmarks.replay.synthetic import CELLS, LEARNING_RATE, recording

SETTING = "phantom-retina"


def rows(*curves: tuple[float, int, list[float], list[float]], learning_rate: float = 1e-3) -> pd.DataFrame:
    """A recording of (beta, seed, validation scores, test scores)."""
    facts = {"setting": SETTING, "cell": CELLS[0], "design": "grid", "weight_decay": 0.0}
    facts |= {"learning_rate": learning_rate}
    return pd.DataFrame(
        {**facts, "beta": beta, "seed": seed, "epoch": epoch, "score": score, "test_score": test, "seconds": 1.0}
        for beta, seed, scores, tests in curves
        for epoch, (score, test) in enumerate(zip(scores, tests, strict=True), 1)
    )


def at(beta: float, weight_decay: float = 0.0, learning_rate: float = 1e-3) -> dict[str, float]:
    return {"beta": beta, "learning_rate": learning_rate, "weight_decay": weight_decay}


THREE = rows(
    (1.0, 0, [0.50, 0.60], [0.40, 0.55]), (10.0, 0, [0.60, 0.80], [0.50, 0.70]), (100.0, 0, [0.55, 0.65], [0.45, 0.6])
)


def drawing(*added: list[list[float]]) -> Any:
    """Noise that adds these [2, E] by turns, whatever the point, and took nothing away from the recording."""
    flat = np.array([np.ravel(each) for each in added])
    return SimpleNamespace(
        is_known=True, digest="", num_seeds=2, share=lambda point: 0.0, of_recorded=lambda point, seed: 0.0,
        draws=lambda point, weights: flat, drawn=lambda point, seed: flat[seed],
    )  # fmt: skip


@pytest.mark.parametrize("weight_decay", [0.0, 1e-7, 1e-6])  # less than the least that is searched is as nothing
def test_without_noise_a_recorded_configuration_has_its_own_curve(weight_decay: float) -> None:
    model = Surrogate(THREE, noise_of(THREE))
    for beta, own in ((1.0, [[0.5, 0.6], [0.4, 0.55]]), (10.0, [[0.6, 0.8], [0.5, 0.7]])):
        assert model.curve(at(beta, weight_decay), seed=0) == pytest.approx(np.array(own), abs=1e-3)
    between = model.mean(at(3.0))[0, 1]
    assert 0.6 < between < 0.8
    assert model.expected(at(10.0)) == pytest.approx((0.8, 0.7), abs=1e-3)


def test_scores_stay_scores() -> None:
    model = Surrogate(THREE, drawing([[0.9, 0.9], [-0.9, -0.9]]))
    curve = model.curve(at(10.0), seed=0)
    assert curve[0].tolist() == [1.0, 1.0] and curve[1].tolist() == [0.0, 0.0]


def test_a_choice_is_worth_the_mean_of_what_its_seeds_make_of_it() -> None:
    # Validation 0.6, 0.8 and test 0.5, 0.7 with the first seed as they are; the second makes it 0.9, 0.7 and 0.3, 0.7:
    # its best epoch is the first, whose test score is 0.3.
    model = Surrogate(THREE, drawing([[0.0, 0.0], [0.0, 0.0]], [[0.3, -0.1], [-0.2, 0.0]]))
    model._known[model.point(at(10.0))] = np.array([[0.6, 0.8], [0.5, 0.7]])
    assert model.expected(at(10.0)) == pytest.approx(((0.8 + 0.9) / 2, (0.7 + 0.3) / 2))


LUCK = {0: 0.03, 1: -0.02, 2: 0.0, 3: -0.01}  # of four seeds, together none


def lucky(beta: float, seed: int, more: float = 0.0) -> tuple[float, int, list[float], list[float]]:
    luck = LUCK[seed] + more
    return beta, seed, [0.6 + luck, 0.8 + luck], [0.5 + luck, 0.7 + luck]


def test_the_luck_of_the_recorded_seed_is_no_part_of_the_landscape() -> None:
    betas = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0]
    repeats = [lucky(beta, seed) for beta in (1.0, 300.0) for seed in (1, 2, 3)]
    recorded = rows(*(lucky(beta, 0) for beta in betas), *repeats)
    model = Surrogate(recorded, noise_of(recorded))
    for beta in betas:
        assert model.mean(at(beta)) == pytest.approx(np.array([[0.6, 0.8], [0.5, 0.7]]), abs=1e-3)
    finals = [model.curve(at(10.0), seed)[0, 1] for seed in range(400)]
    assert np.mean(finals) == pytest.approx(0.8, abs=0.004)
    assert np.std(finals) == pytest.approx(np.std(list(LUCK.values()), ddof=1), rel=0.15)


def test_what_is_a_trials_own_is_smoothed_away() -> None:
    rng = np.random.default_rng(0)
    repeats = [lucky(beta, seed) for beta in (1.0, 1000.0) for seed in LUCK]
    rates = np.geomspace(2e-4, 5e-3, 24)
    own = [rows(lucky(30.0, 0, rng.normal(-0.03, 0.02)), learning_rate=rate) for rate in rates]
    recorded = pd.concat([rows(*repeats), *own])
    model = Surrogate(recorded, noise_of(recorded, shared=0.0))
    finals = np.array([model.mean(at(30.0, learning_rate=rate))[0, 1] for rate in rates])
    assert np.sqrt(np.mean(np.square(finals - 0.8))) < 0.012


def test_the_error_is_that_of_models_that_lack_a_configuration(synthetic: pd.DataFrame) -> None:
    recorded = synthetic[synthetic["cell"] == CELLS[0]]
    model = Surrogate(recorded, noise_of(recorded))
    process = model._processes[0]
    left_out = []
    for number in range(len(process.y_train_)):
        others = np.arange(len(process.y_train_)) != number
        fresh = GaussianProcessRegressor(process.kernel_, alpha=process.alpha[others], optimizer=None)
        fresh.fit(process.X_train_[others], process.y_train_[others])
        left_out.append(fresh.predict(process.X_train_[[number]])[0])
    assert model.left_out()[:, 0] == pytest.approx(np.array(left_out), abs=1e-6)
    assert 0.5 < model.error().rank <= 1
    assert model.error().num_configurations == 30


def test_a_cell_without_repeats_borrows_those_of_its_setting() -> None:
    whole = recording()
    models = surrogates(whole[(whole["cell"] != CELLS[1]) | (whole["seed"] == 0)])
    noises = {cell: models[SETTING, cell].noise for cell in CELLS}
    assert noises[CELLS[1]] is noises[CELLS[0]] and noises[CELLS[2]] is not noises[CELLS[0]]
    assert pytest.approx(10 ** noises[CELLS[0]]._home[0], rel=1e-3) == LEARNING_RATE


def test_another_recording_is_another_landscape() -> None:
    other = THREE.assign(test_score=THREE["test_score"].where(THREE.index != 3, 0.71))
    shuffled = THREE.sample(frac=1, random_state=0)
    assert len({Surrogate(each, noise_of(each)).digest for each in (THREE, other, shuffled)}) == 2
    luckier = [pd.concat([THREE, rows((1.0, 1, [0.5, luck], [0.4, 0.5]))]) for luck in (0.6, 0.7)]
    assert len({Surrogate(THREE, noise_of(each)).digest for each in luckier}) == 2


def test_a_curve_with_a_gap_is_refused() -> None:
    message = (
        r"^each curve must have the epochs 1 to 2 once, but seed 0 of .*'beta': 10.0.* has \[2\]: record it again$"
    )
    with pytest.raises(ValueError, match=message):
        noise_of(THREE.drop(index=2))
    with pytest.raises(ValueError, match=r"has \[1, 1, 2, 2\]"):
        noise_of(pd.concat([THREE, THREE]))
