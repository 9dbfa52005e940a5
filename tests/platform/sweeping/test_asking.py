"""A study suggests what a sampler suggests that is built anew, with a study of its own, from all that is known.

That was once how studies asked, and the results of sweeps rest on it: here it is the specification.
"""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Mapping
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import TrialState, create_trial

from platform.sweeping.asking import sampler_seed
from platform.sweeping.sampled_studies import CellStudy, JointStudy, SampledStudy
from platform.sweeping.studies import make_studies
from search_spaces.joint import Decide, JointSpace
from search_spaces.retina import SPACE

ATTENTION = "attention/imagenet/densenet40/all"
MODES = ("optuna", "joint")
NUM_STEPS = 60


def study_of(mode: str, searcher: str = "tpe", fold: int = 0) -> Any:
    cells = [ATTENTION] if mode == "optuna" else ["*"]
    return make_studies(SPACE.narrowed(cells), mode, 1 << 20, 0, 3 if fold else 0, searcher=searcher)[fold and fold - 1]


def as_specified(study: SampledStudy, number: int) -> dict[str, Any]:
    """The suggestion of a new sampler in a new study, to which every known trial has been added."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=sampler_seed(study.seed, identity(study), number),
            n_startup_trials=3,
            multivariate=True,
            group=isinstance(study, JointStudy),
            constant_liar=True,
        )
    question = optuna.create_study(direction="maximize", sampler=sampler)
    for known in sorted(study.asked):
        if study.scores.get(known, 0.0) is not None:  # the others have failed
            params, distributions = point(study, study.asked[known])
            state = TrialState.COMPLETE if known in study.scores else TrialState.RUNNING
            value = study.scores.get(known)
            trial = create_trial(params=params, distributions=dict(distributions), state=state, value=value)
            question.add_trial(trial)
    return answer(study, suggesting(question.ask()))


def identity(study: SampledStudy) -> dict[str, object]:
    fold = {"fold": study.fold} if study.fold else {}
    return {"cell": study.of_cell.facts, **fold} if isinstance(study, CellStudy) else {"joint": {}, **fold}


def point(study: SampledStudy, asked: dict[str, Any]) -> tuple[dict[str, Any], Mapping[str, BaseDistribution]]:
    if isinstance(study, CellStudy):
        return asked, study.space.ranges(study.of_cell)
    knobs = {name: value for name, value in asked.items() if name != "cell"}
    return JointSpace(study.space).of(study.cell(asked), knobs)


def answer(study: SampledStudy, decide: Decide) -> dict[str, Any]:
    if isinstance(study, CellStudy):
        return {name: decide(name, of) for name, of in study.space.ranges(study.of_cell).items()}
    cell, knobs = JointSpace(study.space).walk(decide)
    return {"cell": cell.name, **knobs}


def suggesting(trial: optuna.Trial) -> Decide:
    def decide(name: str, distribution: Any) -> Any:
        if isinstance(distribution, CategoricalDistribution):
            return trial.suggest_categorical(name, distribution.choices)
        return trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log)

    return decide


@pytest.mark.parametrize("fold", [0, 2])
@pytest.mark.parametrize("mode", MODES)
def test_it_suggests_what_a_sampler_built_anew_suggests(mode: str, fold: int) -> None:
    """With trials that run, that end in another order than they began, that fail, and whose scores are equal."""
    study, rng = study_of(mode, fold=fold), random.Random(fold)
    running: list[int] = []
    num_first = sum(len(study.space.openings(cell)) if mode == "optuna" else 1 for cell in study.cells)
    for _ in range(NUM_STEPS):
        if len(running) < 4:
            number, params = study.ask()
            running.append(number)
            if number >= num_first:
                at_the_time = study_of(mode, fold=fold)
                at_the_time.asked = {known: of for known, of in study.asked.items() if known != number}
                at_the_time.scores = dict(study.scores)
                assert params == as_specified(at_the_time, number)
        while running and rng.random() < 0.5:
            failed = rng.random() < 0.2
            study.tell(running.pop(rng.randrange(len(running))), None if failed else round(rng.random(), 1))
    assert None in study.scores.values() and len(study.asked) > 40


def test_points_of_a_grid_outside_a_range_widen_it_as_specified() -> None:
    study = study_of("joint")
    for number, cell in enumerate(study.cells):
        study.take_up(number, {**study.space.first(cell), "learning_rate": 0.1 / (number + 1)}, cell.name)
        study.tell(number, number / 10)
    expected = as_specified(study, len(study.cells))
    assert study.ask()[1] == expected


@pytest.mark.parametrize("mode", MODES)
def test_the_order_of_the_record_changes_nothing(mode: str) -> None:
    study = filled(mode, 40)
    shuffled = rebuilt(study, random.Random(1))
    assert list(shuffled.asked) != list(study.asked)
    assert [shuffled.ask() for _ in range(3)] == [study.ask() for _ in range(3)]


@pytest.mark.parametrize("mode", MODES)
def test_a_large_study_that_is_rebuilt_suggests_the_same(mode: str) -> None:
    """Where not every trial is shown any more: one study has asked since it was small, another is rebuilt each time."""
    study, rng = filled(mode, 1_100), random.Random(2)
    assert num_known(study) < 1_000
    for step in range(30):
        number, params = study.ask()
        if step % 5 == 4:
            at_the_time = rebuilt(study, rng)
            del at_the_time.asked[number]
            assert at_the_time.ask() == (number, params)
        study.tell(number - 3, rng.random() if step % 7 else None)  # so that three are running
    assert num_known(study) > 1_000


@pytest.mark.parametrize("mode", MODES)
def test_up_to_a_thousand_trials_are_all_shown(mode: str) -> None:
    study = filled(mode, 1_100)
    while num_known(study) <= 1_000:
        expected = as_specified(study, len(study.asked))
        assert study.ask()[1] == expected


@pytest.mark.parametrize("mode", MODES)
def test_a_question_takes_no_seconds_with_ten_thousand_known_trials(mode: str) -> None:
    """It took 2 s and more when all of them were copied for each question."""
    study = filled(mode, 10_000)
    study.ask()
    started_s = time.perf_counter()
    for _ in range(30):
        study.tell(study.ask()[0], 0.5)
    assert time.perf_counter() - started_s < 10


def filled(mode: str, num_known: int, searcher: str = "tpe") -> Any:
    """A study with that many known trials, drawn at random; every tenth has failed, and the last three are running."""
    study, rng = study_of(mode, searcher), random.Random(0)
    for number in range(num_known):
        cell = study.cells[number % len(study.cells)]
        params = {name: rng.uniform(of.low, of.high) for name, of in study.space.ranges(cell).items()}
        study.take_up(number, params, cell.name)
        if number < num_known - 3:
            study.tell(number, None if number % 10 == 9 else rng.random())
    return study


def num_known(study: SampledStudy) -> int:
    """Trials that have not failed."""
    return len(study.asked) - list(study.scores.values()).count(None)


def rebuilt(study: Any, rng: random.Random) -> Any:
    """The same study from a record in any order."""
    again = make_studies(study.space, "optuna" if isinstance(study, CellStudy) else "joint", 1 << 20, 0)[0]
    for number in rng.sample(sorted(study.asked), len(study.asked)):
        params = study.asked[number]
        cell = params.get("cell", ATTENTION)
        again.take_up(number, {name: value for name, value in params.items() if name != "cell"}, cell)
        if number in study.scores:
            again.tell(number, study.scores[number])
    return again
