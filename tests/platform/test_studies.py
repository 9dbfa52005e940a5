"""Suggestions are pure functions of what is known, within their ranges, and learn."""

from __future__ import annotations

import importlib
import math

import pytest

from search_spaces.retina import SPACE
from search_spaces.space import PAPER_BETAS

studies = importlib.import_module("platform.studies")
ATTENTION = "attention/imagenet/densenet40/all"


def study_of(cell=ATTENTION, mode="optuna", num_trials=30, seed=0):
    return studies.make_studies(SPACE.narrowed([cell]), mode, num_trials, seed)[0]


def test_beta_exists_only_where_there_is_a_teacher():
    with_teacher, without = study_of(), study_of("transfer/none/densenet40/all")
    for _ in range(5):
        assert set(with_teacher.ask()[1]) == {"learning_rate", "weight_decay", "beta"}
        assert set(without.ask()[1]) == {"learning_rate", "weight_decay"}


def test_suggestions_stay_within_the_ranges_of_the_space():
    study = study_of()
    for number in range(30):
        _, params = study.ask()
        study.tell(number, params["beta"] / 2000)
        assert 1 <= params["beta"] <= 2000
        assert 1e-5 <= params["learning_rate"] <= 1e-3
        assert 1e-6 <= params["weight_decay"] <= 1e-2


def test_the_same_question_has_the_same_answer_and_another_seed_another():
    answers = []
    for seed in (0, 0, 1):
        study = study_of(seed=seed)
        for number in range(4):
            study.ask()
            study.tell(number, number / 10)
        answers.append(study.ask())
    assert answers[0] == answers[1] != answers[2]


def test_two_running_trials_are_not_the_same():
    study = study_of()
    asked = [study.ask()[1] for _ in range(6)]
    assert len({params["beta"] for params in asked}) == 6


def test_the_search_learns_where_the_good_values_are():
    study = study_of(num_trials=60)
    for _ in range(60):
        number, params = study.ask()
        study.tell(number, -abs(math.log10(params["beta"]) - 1))  # best at beta = 10
    late = [abs(math.log10(study.asked[number]["beta"]) - 1) for number in range(40, 60)]
    early = [abs(math.log10(study.asked[number]["beta"]) - 1) for number in range(1, 11)]
    assert sum(late) / len(late) < 0.5 * sum(early) / len(early)


def test_the_grid_is_the_papers_beta_with_the_papers_learning_rate():
    study = study_of(mode="grid")
    asked = [study.ask()[1] for _ in range(study.num_trials)]
    assert [params["beta"] for params in asked] == list(PAPER_BETAS)
    assert {params["learning_rate"] for params in asked} == {5e-5}
    assert study_of("transfer/none/densenet40/all", mode="grid").num_trials == 1


def test_the_joint_study_tries_each_cell_and_then_the_better_ones():
    study = study_of("*", mode="joint", num_trials=6)
    assert study.num_trials == 42
    cells = []
    for _ in range(42):
        number, params = study.ask()
        cells.append(params["cell"])
        study.tell(number, 0.9 if params["cell"] == ATTENTION else 0.1)
        assert ("beta" in params) == (study.cell(params).teacher != "none")
    assert set(cells[:7]) == {cell.name for cell in SPACE.cells}
    assert cells[21:].count(ATTENTION) > 21 / 7 * 2


def test_of_two_equal_scores_the_earlier_trial_is_the_best():
    study = study_of()
    for number in range(3):
        study.ask()
        study.tell(number, 0.5)
    assert study.best == (0, 0.5)


def test_an_unknown_kind_of_search_is_named():
    with pytest.raises(ValueError, match=r"one of optuna, grid, joint, but got 'random'"):
        studies.make_studies(SPACE, "random", 1, 0)
