"""Suggestions are pure functions of what is known, within their ranges, and learn."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from platform.sweeping.studies import make_studies
from search_spaces.retina import SPACE
from search_spaces.space import PAPER_BETAS
from trainables.cell import Cell

ATTENTION = "attention/imagenet/densenet40/all"


def study_of(cell=ATTENTION, mode="optuna", num_trials=30, seed=0):
    return make_studies(SPACE.narrowed([cell]), mode, num_trials, seed)[0]


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


def joint_studies(fractions=(0.25, 1.0), policies=("zeros",)):
    space = SPACE.crossed({"data_fraction": fractions, "uncertainty": policies}).narrowed(["*/densenet40/*"])
    return space, make_studies(space, "joint", 6, seed=0)


def test_a_joint_search_chooses_within_each_fraction_and_each_policy():
    space, studies = joint_studies(policies=("zeros", "ones"))
    assert [study.name for study in studies] == [
        "joint@data_fraction=0.25",
        "joint@data_fraction=0.25,uncertainty=ones",
        "joint",
        "joint@uncertainty=ones",
    ]
    questions = [(0.25, "zeros"), (0.25, "ones"), (1, "zeros"), (1, "ones")]
    for study, (fraction, policy) in zip(studies, questions, strict=True):
        assert study.num_trials == 6 * 3  # as many for each question, whatever the others' scores
        cells = {study.cell(study.ask()[1]) for _ in range(study.num_trials)}
        assert len(cells) == 3 and {(cell.data_fraction, cell.uncertainty) for cell in cells} == {(fraction, policy)}
    assert sum(len(study.space.cells) for study in studies) == len(space.cells)


def suggestions(study, num_trials=8):
    """Without the cell's name, which is what a test changes."""
    asked = []
    for _ in range(num_trials):
        number, params = study.ask()
        study.tell(number, params["learning_rate"])
        asked.append({name: value for name, value in params.items() if name != "cell"})
    return asked


@pytest.mark.parametrize("mode", ["optuna", "joint"])
def test_a_cell_called_otherwise_is_searched_alike(monkeypatch, mode):
    before = suggestions(study_of(mode=mode))
    monkeypatch.setattr(Cell, "name", property(lambda cell: f"{cell.student} learns from {cell.teacher}"))
    after = suggestions(make_studies(replace(SPACE, cells=(SPACE.cells[4],)), mode, 30, 0)[0])
    assert before == after


def test_a_field_of_cells_that_comes_later_changes_no_older_search():
    @dataclass(frozen=True, kw_only=True)
    class LaterCell(Cell):
        crop: str = "centre"

    def suggestions_for(cell):
        return suggestions(make_studies(replace(SPACE, cells=(cell,)), "optuna", 30, 0)[0])

    facts: dict[str, Any] = {"method": "attention", "teacher": "imagenet", "student": "densenet40"}
    assert suggestions_for(LaterCell(**facts)) == suggestions_for(Cell(**facts))
    assert suggestions_for(Cell(**facts)) != suggestions_for(LaterCell(**facts, crop="corner"))


def test_other_cells_and_questions_are_asked_otherwise():
    def second(study):
        return [study.ask() for _ in range(study.num_trials)][-1][1]["learning_rate"]

    small, whole = joint_studies()[1]
    cells = [study_of(cell.name) for cell in SPACE.cells]
    rates = [second(study) for study in (small, whole, *cells)]
    assert len(set(rates)) == len(rates)


def test_of_two_equal_scores_the_earlier_trial_is_the_best():
    study = study_of()
    for number in range(3):
        study.ask()
        study.tell(number, 0.5)
    assert study.best == (0, 0.5)


def test_an_unknown_kind_of_search_is_named():
    with pytest.raises(ValueError, match=r"one of optuna, grid, joint, but got 'random'"):
        make_studies(SPACE, "random", 1, 0)


def test_a_joint_search_carries_what_one_teacher_taught_it_to_the_next() -> None:
    """With the score a matter of beta alone, the betas that it tries with a teacher close in on the best, whichever
    teacher had shown it."""
    space = SPACE.narrowed(["attention/*/densenet40/*"])
    (study,) = make_studies(space, "joint", 30, seed=3)
    distances = []
    for number in range(study.num_trials):
        _, params = study.ask()
        distance = abs(math.log10(params["beta"]) - math.log10(1500))
        study.tell(number, -distance if study.cell(params).teacher == "imagenet" else None)
        if study.cell(params).teacher == "mimic-cxr":  # whose trials all fail, and so teach nothing
            distances.append(distance)
    assert len(distances) > 5
    assert np.mean(distances[-5:]) < 0.5 < abs(math.log10(30) - math.log10(1500))


@pytest.mark.parametrize("mode", ["optuna", "joint"])
def test_a_gap_in_the_numbers_is_filled_with_what_was_asked_for_there(mode: str) -> None:
    whole, again = study_of(mode=mode), study_of(mode=mode)
    for number in range(14):
        whole.ask()
        whole.tell(number, number / 20)
    asked = dict(whole.asked)
    for number in (*range(11), 13):  # a backup without the last ones, and a journal with the very last
        again.take_up(number, {name: value for name, value in asked[number].items() if name != "cell"}, ATTENTION)
        again.tell(number, number / 20)
    assert [again.ask()[0] for _ in range(3)] == [11, 12, 14]
    assert again.asked[11] == asked[11]
