"""Which dimensions of a search mattered: shares with known answers, conditional parameters, recorded searches."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from analysis.figures import figure_importance
from analysis.reading.optuna_studies import RecordedStudy
from analysis.reading.trials import runs
from analysis.scores import importances
from analysis.tables import what_mattered
from tests.recorded_search import ATTENTION, TRANSFER, sweep_in

RANGES: dict[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(1e-5, 1e-1, log=True),
    "student": CategoricalDistribution(["densenet121", "densenet40"]),
    "depth": IntDistribution(1, 4),
    "beta[imagenet]": FloatDistribution(1.0, 1000.0, log=True),
}


def study(
    score: Callable[[Mapping[str, Any]], float],
    names: list[str],
    num_trials: int = 60,
    state: TrialState = TrialState.COMPLETE,
) -> RecordedStudy:
    """Trials drawn at random; "beta[imagenet]" is only in those of densenet121."""
    rng = np.random.default_rng(0)
    trials = []
    for _ in range(num_trials):
        point: dict[str, Any] = {
            "learning_rate": float(10 ** rng.uniform(-5, -1)),
            "student": ("densenet121", "densenet40")[rng.integers(2)],
            "depth": int(rng.integers(1, 5)),
            "beta[imagenet]": float(10 ** rng.uniform(0, 3)),
        }
        mine = {name: value for name, value in point.items() if name in names}
        if point["student"] == "densenet40":
            mine.pop("beta[imagenet]", None)
        distributions = {name: RANGES[name] for name in mine}
        trials.append(create_trial(params=mine, distributions=distributions, value=score(mine), state=state))
    return RecordedStudy(sweep="s", study="joint", metric="auc", trials=trials, num_open=0, facts={})


@pytest.fixture
def few_shuffles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importances, "NUM_SHUFFLES", 3)


@pytest.mark.usefixtures("few_shuffles")
def test_two_equal_parts_of_a_sum_have_half_of_the_variance_each() -> None:
    # Uniform on log10 from -5 to -1: variance 16/12; a student's +-h has the variance h^2, so h = sqrt(4/3) is as much.
    half = math.sqrt(4 / 3)

    def score(point: Mapping[str, Any]) -> float:
        return math.log10(point["learning_rate"]) + (half if point["student"] == "densenet40" else -half)

    frame = importances.rows(study(score, ["learning_rate", "student", "depth"], num_trials=120)).set_index("parameter")
    assert frame.loc["learning_rate", "share"] == pytest.approx(0.5, abs=0.08)  # on the linear scale: 0.12
    assert frame.loc["student", "share"] == pytest.approx(0.5, abs=0.08)
    assert frame.loc["depth", "share"] < 0.02 and 0 < frame.loc["student", "by_chance"] < 0.3
    assert frame.index.tolist()[-1] == "depth"


def test_scores_at_random_are_no_more_than_chance_gives() -> None:
    noise = np.random.default_rng(7)
    frame = importances.rows(study(lambda _: float(noise.normal()), ["learning_rate", "student", "depth"]))
    assert (frame["share"] <= 1.6 * frame["by_chance"]).all() and frame["by_chance"].min() > 0


@pytest.mark.usefixtures("few_shuffles")
def test_a_conditional_parameter_is_judged_among_the_trials_that_have_it() -> None:
    def score(point: Mapping[str, Any]) -> float:
        return math.log10(point.get("beta[imagenet]", 1.0)) + 10 * (point["student"] == "densenet40")

    frame = importances.rows(study(score, ["student", "beta[imagenet]"])).set_index("parameter")
    assert frame.index.tolist() == ["student", "beta[imagenet]"]  # whatever the shares
    beta, student = frame.loc["beta[imagenet]"], frame.loc["student"]
    assert beta["share"] > 0.9 and beta["num_trials"] < beta["num_in_study"] == 60  # of the variance among its own
    assert student["share"] > 0.9 and student["num_trials"] == 60
    assert what_mattered.CONDITIONAL in what_mattered.notes(frame)


@pytest.mark.usefixtures("few_shuffles")
def test_trials_that_were_stopped_early_count() -> None:
    stopped = importances.rows(
        study(lambda p: math.log10(p["learning_rate"]), ["learning_rate"], 20, TrialState.PRUNED)
    )
    assert stopped["share"].iloc[0] == pytest.approx(1, abs=0.05) and stopped["num_stopped"].tolist() == [20]


@pytest.mark.parametrize(("num_trials", "slope"), [(9, 1.0), (30, 0.0)], ids=["too few", "all equal"])
def test_what_cannot_be_told(num_trials: int, slope: float) -> None:
    frame = importances.rows(study(lambda p: slope * p["learning_rate"], ["learning_rate"], num_trials))
    assert frame["share"].isna().all() and frame["by_chance"].isna().all()
    assert what_mattered.FEW in what_mattered.notes(frame)


@pytest.mark.usefixtures("few_shuffles")
def test_a_parameter_with_one_value_is_none() -> None:
    one = study(lambda p: p["learning_rate"], ["learning_rate", "student"])
    for trial in one.trials:
        trial.params["student"], trial.distributions["student"] = "densenet40", CategoricalDistribution(["densenet40"])
    assert importances.rows(one)["parameter"].tolist() == ["learning_rate"]


@pytest.mark.usefixtures("few_shuffles")
def test_a_recorded_search_has_rows_and_a_report_only_those_of_a_joint_one(tmp_path: Path, empty_mlflow: Path) -> None:
    rng = np.random.default_rng(0)
    for search in ("joint", "optuna"):
        sweep = sweep_in(tmp_path, empty_mlflow, name=search, search=search)
        for number in range(24):
            rate = float(10 ** rng.uniform(-4, -2.8))
            cell = ATTENTION if number % 2 else TRANSFER
            config: dict[str, Any] = {"beta": float(10 ** rng.uniform(0, 3))} if number % 2 else {}
            study_name: dict[str, Any] = {"study": "joint"} if search == "joint" else {}
            curve = [0.5 + 0.1 * math.log10(rate / 1e-4)]
            sweep.trial(cell, number, curve, learning_rate=rate, **config, **study_name)
    joint = importances.rows_of(runs(sweep.uri, "retina", "joint"), joint_alone=True)
    assert joint["study"].unique().tolist() == ["joint"] and joint["parameter"].iloc[0] == "learning_rate"
    assert joint["share"].iloc[0] > 0.8
    assert importances.rows_of(runs(sweep.uri, "retina", "optuna"), joint_alone=True).empty
    recorded = runs(sweep.uri, "retina", "optuna")
    both = importances.rows_of(recorded, joint_alone=False)
    assert both["study"].unique().tolist() == [TRANSFER.name, ATTENTION.name]
    picture = figure_importance.picture(both, recorded)
    assert picture is not None and len(picture.figure.axes) == 2
    table = what_mattered.table(both, recorded)
    assert table.head == [["study", "parameter", "share (%)", "by chance (%)", "trials", "stopped early"]]
    assert len(table.body) == len(both) and table.phantom == "images"
    untold = both.assign(share=math.nan)
    assert figure_importance.picture(untold, recorded) is None
    assert [cell.text for cell in what_mattered.table(untold, recorded).body[0]][2] == "-"
