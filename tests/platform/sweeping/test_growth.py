"""A finished sweep is given more trials, repeats or cells: nothing runs twice, and nothing that was asked changes."""

from __future__ import annotations

import copy

import pytest

from platform.sweeping.standing import standing_of
from platform.sweeping.studies import make_studies
from search_spaces.retina import SPACE
from tests.platform.sweeping.test_plan import CELLS, finish, make_plan, run_to_the_end


def keys(plan):
    return [record.spec.key for record in run_to_the_end(plan)]


@pytest.mark.parametrize("num_trials", [2, 12, 40, 100])
@pytest.mark.parametrize("cell", CELLS)
def test_what_a_search_asks_for_does_not_depend_on_its_budget(cell, num_trials):
    asked = []
    for budget in (60, num_trials):
        (study,) = make_studies(SPACE.narrowed([cell]), "optuna", budget, seed=0)
        for number in range(min(num_trials, 14)):
            study.ask()
            study.tell(number, (number % 5) / 10)
        asked.append(dict(list(study.asked.items())[: min(num_trials, 14)]))
    assert asked[0] == asked[1]


def test_a_joint_search_does_not_depend_on_its_budget_either():
    asked = []
    for budget in (2, 20):
        (study,) = make_studies(SPACE.narrowed(["*/densenet40/*"]), "joint", budget, seed=0)
        for number in range(6):
            study.ask()
            study.tell(number, number / 10)
        asked.append(study.asked)
    assert asked[0] == asked[1]


def test_a_joint_search_tries_a_cell_that_is_added_once_at_the_papers_choice():
    (small,) = make_studies(SPACE.narrowed(CELLS), "joint", 3, seed=0)
    for number in range(6):
        small.ask()
        small.tell(number, 0.5)
    added = SPACE.narrowed(["attention/mimic-cxr/densenet40/all"]).cells[0]
    (large,) = make_studies(SPACE.narrowed([*CELLS, added.name]), "joint", 3, seed=0)
    large.asked, large.scores = dict(small.asked), dict(small.scores)
    assert large.ask()[1] == {"cell": added.name, **SPACE.first(added)}


@pytest.mark.parametrize(
    ("larger", "num_new"),
    [
        ({"num_trials": 8}, 2 * 3),
        ({"num_repeats": 5}, 2 * 3),
        ({"patterns": [*CELLS, "attention/mimic-cxr/densenet40/all"]}, 5 + 2),
        ({"fractions": (0.5, 1.0), "patterns": [f"{cell}*" for cell in CELLS]}, 2 * (5 + 2)),
    ],
    ids=["trials", "repeats", "cells", "fractions"],
)
def test_only_what_is_new_is_trained_and_as_if_it_had_been_asked_for_at_once(larger, num_new):
    small = make_plan()
    done = keys(small)
    grown = make_plan(small.records.values(), **larger)
    new = run_to_the_end(grown)
    searched = {record.spec.key for record in new if record.spec.config.phase == "search"}
    replaced = sum(not study.is_fixed and study.best[0] >= 5 for study in grown.studies.values())
    assert not set(done) & {record.spec.key for record in new}
    assert len(new) == num_new + (2 * replaced if "num_trials" in larger else 0)
    at_once = make_plan(**larger)
    assert searched < set(keys(at_once)) and set(at_once.records) <= set(grown.records)


def grown_to_another_choice():
    """A plan whose second trial is better than the first one, which was confirmed before it ran."""
    small = make_plan(patterns=CELLS[:1], num_trials=1)
    for record in iter(small.next, None):
        finish(small, record)
        record.best_scores, record.test_auc = [0.5], 0.6
    grown = make_plan(small.records.values(), patterns=CELLS[:1], num_trials=2)
    second = grown.next()
    second.status, second.best_scores = "FINISHED", [0.9]
    grown.settle(second)
    return grown


def test_a_choice_that_changes_is_confirmed_anew():
    plan = grown_to_another_choice()
    assert plan.num_open_trials == 2 and not plan.finished
    new = run_to_the_end(plan)
    assert [(record.spec.config.phase, record.spec.config.seed) for record in new] == [("confirm", 1), ("confirm", 2)]
    (study,) = plan.studies.values()
    assert plan.confirmed(study) == new
    assert len([record for record in plan.records.values() if record.spec.config.phase == "confirm"]) == 4


def test_the_standing_is_that_of_the_new_choice_alone():
    plan = grown_to_another_choice()
    (study,) = plan.studies.values()
    standing = standing_of(study, plan)
    assert (standing.confirmed, standing.num_scored, standing.test_auc) == (0, 0, None)
    for record in iter(plan.next, None):
        finish(plan, record)
        record.test_auc = 0.8
    standing = standing_of(study, plan)
    assert (standing.confirmed, standing.num_scored) == (2, 2)
    assert standing.test_auc == pytest.approx(0.8)


def test_a_smaller_command_takes_nothing_back():
    large = make_plan()
    run_to_the_end(large)
    records = copy.deepcopy(list(large.records.values()))
    assert make_plan(records, num_trials=2, num_repeats=1).finished


def test_a_joint_search_goes_on_with_some_of_its_cells_and_then_with_all_again():
    whole = make_plan(mode="joint", num_trials=3)
    run_to_the_end(whole)
    records = copy.deepcopy(list(whole.records.values()))
    others = [record for record in records if record.spec.cell.name != CELLS[1]]
    part = make_plan(records, mode="joint", patterns=CELLS[1:], num_trials=5)
    new = run_to_the_end(part)
    assert {record.spec.cell.name for record in new} == {CELLS[1]} and part.finished
    assert not set(part.records) & {record.spec.key for record in others}
    numbers = [(r.study, r.number) for r in [*records, *new] if r.spec.config.phase == "search"]
    assert len(numbers) == len(set(numbers)) > 6
    again = make_plan([*records, *copy.deepcopy(new)], mode="joint", num_trials=3)
    assert len(again.studies["joint"].asked) == len(numbers)
