"""The model of curves: hand-worked residuals and expectations, what was recorded comes back, and its error is true."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor

from tests.benchmarks.replay.surrogate import Surrogate, residuals_of, surrogates
from tests.benchmarks.replay.synthetic import CELLS, recording

SETTING = "phantom-retina"
NO_RESIDUALS = np.zeros((0, 2, 2))


def rows(*curves: tuple[float, int, list[float], list[float]]) -> pd.DataFrame:
    """A recording of (beta, seed, validation scores, test scores)."""
    facts = {"setting": SETTING, "cell": CELLS[0], "design": "grid", "learning_rate": 1e-3, "weight_decay": 0.0}
    return pd.DataFrame(
        {**facts, "beta": beta, "seed": seed, "epoch": epoch, "score": score, "test_score": test, "seconds": 1.0}
        for beta, seed, scores, tests in curves
        for epoch, (score, test) in enumerate(zip(scores, tests, strict=True), 1)
    )


def at(beta: float, weight_decay: float = 0.0) -> dict[str, float]:
    return {"beta": beta, "learning_rate": 1e-3, "weight_decay": weight_decay}


THREE = rows(
    (1.0, 0, [0.50, 0.60], [0.40, 0.55]), (10.0, 0, [0.60, 0.80], [0.50, 0.70]), (100.0, 0, [0.55, 0.65], [0.45, 0.6])
)


def test_what_a_seed_adds_is_a_whole_curve_without_the_mean() -> None:
    recorded = rows(
        (1.0, 0, [0.5, 0.7], [0.4, 0.6]), (1.0, 1, [0.7, 0.9], [0.4, 0.8]), (10.0, 0, [0.9, 0.9], [0.9, 0.9])
    )
    root = np.sqrt(2)  # two of them lie closer to their mean than to the truth by this
    expected = [[[-0.1, -0.1], [0, -0.1]], [[0.1, 0.1], [0, 0.1]]]
    assert residuals_of(recorded) == pytest.approx(root * np.array(expected))


@pytest.mark.parametrize("weight_decay", [0.0, 1e-7, 1e-6])  # less than the least that is searched is as nothing
def test_without_noise_a_recorded_configuration_has_its_own_curve(weight_decay: float) -> None:
    model = Surrogate(THREE, NO_RESIDUALS)
    for beta, own in ((1.0, [[0.5, 0.6], [0.4, 0.55]]), (10.0, [[0.6, 0.8], [0.5, 0.7]])):
        assert model.curve(at(beta, weight_decay), seed=0) == pytest.approx(np.array(own), abs=1e-3)
    between = model.mean(at(3.0))[0, 1]
    assert 0.6 < between < 0.8


def test_each_seed_has_one_curve_and_several_have_several() -> None:
    residuals = np.array([[[0.1, 0.1], [0.0, 0.1]], [[-0.1, -0.1], [0.0, -0.1]], [[0.0, 0.02], [0.01, 0.0]]])
    model = Surrogate(THREE, residuals)
    drawn = [model.curve(at(10.0), seed) - model.mean(at(10.0)) for seed in range(60)]
    which = [[int(np.allclose(each, other)) for other in residuals].index(1) for each in drawn]
    assert {0, 1, 2} == set(which)
    again = Surrogate(THREE, residuals)
    assert all(np.array_equal(again.curve(at(10.0), seed), model.curve(at(10.0), seed)) for seed in range(60))
    others = [
        [np.allclose(model.curve(at(3.0), s) - model.mean(at(3.0)), r) for r in residuals].index(True)
        for s in range(60)
    ]
    assert others != which  # another configuration is not lucky with the same seeds


def test_scores_stay_scores() -> None:
    model = Surrogate(THREE, np.array([[[0.9, 0.9], [-0.9, -0.9]]]))
    curve = model.curve(at(10.0), seed=0)
    assert curve[0].tolist() == [1.0, 1.0] and curve[1].tolist() == [0.0, 0.0]


def test_a_choice_is_worth_the_mean_of_what_its_seeds_make_of_it() -> None:
    # Validation 0.6, 0.8 and test 0.5, 0.7 with the first residual as they are; the second makes it 0.9, 0.7 and 0.3,
    # 0.7: its best epoch is the first, whose test score is 0.3.
    model = Surrogate(THREE, np.array([[[0.0, 0.0], [0.0, 0.0]], [[0.3, -0.1], [-0.2, 0.0]]]))
    model._known[model.point(at(10.0))] = np.array([[0.6, 0.8], [0.5, 0.7]])
    assert model.expected(at(10.0)) == pytest.approx(((0.8 + 0.9) / 2, (0.7 + 0.3) / 2))


def test_the_luck_of_one_seed_is_no_part_of_the_landscape() -> None:
    rng = np.random.default_rng(0)

    def noisy(beta: float, seed: int) -> tuple[float, int, list[float], list[float]]:
        luck = rng.normal(0, 0.02)
        return beta, seed, [0.6 + luck, 0.8 + luck], [0.5 + luck, 0.7 + luck]

    betas = np.geomspace(1, 2000, 24)
    recorded = rows(*(noisy(beta, 0) for beta in betas), *(noisy(betas[0], seed) for seed in range(1, 25)))
    model = Surrogate(recorded, residuals_of(recorded))
    finals = np.array([model.mean(at(beta))[0, 1] for beta in betas])
    assert np.sqrt(np.mean(np.square(finals - 0.8))) < 0.01
    assert model.error().rmse == pytest.approx(0.02, abs=0.006)
    assert model.error().seed_sd == pytest.approx(0.02, abs=0.006)


def test_the_error_is_that_of_models_that_lack_a_configuration(synthetic: pd.DataFrame) -> None:
    recorded = synthetic[synthetic["cell"] == CELLS[0]]
    model = Surrogate(recorded, residuals_of(recorded))
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


def test_a_cell_with_few_repeats_borrows_those_of_its_setting() -> None:
    whole = recording()
    alone = whole[(whole["cell"] != CELLS[2]) | (whole["seed"] == 0)]
    models = surrogates(alone)
    assert len(models[SETTING, CELLS[2]].residuals) == sum(len(models[SETTING, c].residuals) for c in CELLS[:2])


def test_another_recording_is_another_landscape() -> None:
    other = THREE.assign(test_score=THREE["test_score"].where(THREE.index != 3, 0.71))
    digests = {Surrogate(each, NO_RESIDUALS).digest for each in (THREE, other, THREE.sample(frac=1, random_state=0))}
    assert len(digests) == 2


def test_a_curve_with_a_gap_is_refused() -> None:
    message = (
        r"^each curve must have the epochs 1 to 2 once, but seed 0 of .*'beta': 10.0.* has \[2\]: record it again$"
    )
    with pytest.raises(ValueError, match=message):
        Surrogate(THREE.drop(index=2), NO_RESIDUALS)
    with pytest.raises(ValueError, match=r"has \[1, 1, 2, 2\]"):
        Surrogate(pd.concat([THREE, THREE]), NO_RESIDUALS)
