"""A sweep's order and budgets, and that a plan rebuilt from the records continues as the old plan would have."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from platform.sweeping.plan import Plan
from platform.sweeping.records import TrialRecord
from platform.sweeping.studies import make_studies
from search_spaces.retina import SPACE
from search_spaces.space import controls_of
from trainables.cell import Cell
from trainables.config import TrialConfig
from trainables.trial import TrialSpec

BASE = TrialConfig(dataset="retina", method="transfer", max_epochs=2)
CELLS = ["transfer/none/densenet40/all", "attention/imagenet/densenet40/all"]


def spec_of(config):
    return TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s")


def make_plan(records=(), mode="optuna", num_trials=5, num_repeats=2, patterns=CELLS, fractions=(1.0,)):
    studies = make_studies(SPACE.crossed({"data_fraction": fractions}).narrowed(patterns), mode, num_trials, seed=7)
    return Plan(studies, BASE, spec_of, num_repeats, copy.deepcopy(list(records)))


def outcome(config):
    """A score that depends on the configuration alone, as a deterministic training's does."""
    return int(hashlib.sha256(repr(config).encode()).hexdigest()[:8], 16) / 2**32


def finish(plan, record, failed=False):
    record.status = "FAILED" if failed else "FINISHED"
    record.best_scores = [outcome(record.spec.config)]
    plan.settle(record)


def run_to_the_end(plan, limit=1000):
    order: list[TrialRecord] = []
    while (record := plan.next()) is not None and len(order) < limit:
        order.append(record)
        finish(plan, record)
    return order


def test_every_cell_has_the_same_budget_and_they_take_turns():
    order = run_to_the_end(plan := make_plan())
    search = [record.spec.config.cell.name for record in order if record.spec.config.phase == "search"]
    assert search == CELLS * 5
    assert plan.finished


def test_the_first_trial_of_a_cell_is_the_papers_choice():
    plan = make_plan()
    first, second = plan.next().spec.config, plan.next().spec.config
    assert (first.learning_rate, first.beta) == (5e-5, None)
    assert (second.learning_rate, second.beta) == (5e-5, 60.0)


def test_the_best_configuration_of_each_cell_is_confirmed_with_new_seeds():
    order = run_to_the_end(make_plan())
    for cell in CELLS:
        search = [r.spec.config for r in order if r.spec.config.phase == "search" and r.spec.config.cell.name == cell]
        confirm = [r.spec.config for r in order if r.spec.config.phase == "confirm" and r.spec.config.cell.name == cell]
        best = max(search, key=outcome)
        assert [config.seed for config in confirm] == [1, 2]
        assert {(c.learning_rate, c.weight_decay, c.beta) for c in confirm} == {
            (best.learning_rate, best.weight_decay, best.beta)
        }


@pytest.mark.parametrize("mode", ["optuna", "joint", "grid"])
@pytest.mark.parametrize("num_done", [0, 1, 3, 7, 10, 11])
def test_a_plan_rebuilt_from_the_records_continues_as_the_old_plan_would_have(mode, num_done):
    whole = [record.spec.key for record in run_to_the_end(make_plan(mode=mode))]
    interrupted = make_plan(mode=mode)
    for _ in range(num_done):
        finish(interrupted, interrupted.next())
    interrupted.next()  # begun, and never ended
    resumed = make_plan(interrupted.records.values(), mode=mode)
    assert [record.spec.key for record in run_to_the_end(resumed)] == whole[num_done:]
    assert sorted(resumed.records) == sorted(whole)


def test_a_joint_search_confirms_one_choice_for_each_fraction_and_resumes():
    patterns, fractions = [f"{cell}*" for cell in CELLS], (0.25, 1.0)
    order = run_to_the_end(make_plan(mode="joint", patterns=patterns, fractions=fractions))
    confirm = [record.spec.config for record in order if record.spec.config.phase == "confirm"]
    assert [(config.data_fraction, config.seed) for config in confirm] == [(0.25, 1), (0.25, 2), (1, 1), (1, 2)]
    for fraction in fractions:
        search = [r.spec.config for r in order if r.spec.config.phase == "search"]
        best = max((config for config in search if config.data_fraction == fraction), key=outcome)
        assert {config.cell.name for config in confirm if config.data_fraction == fraction} == {best.cell.name}
    interrupted = make_plan(mode="joint", patterns=patterns, fractions=fractions)
    for _ in range(9):
        finish(interrupted, interrupted.next())
    resumed = make_plan(interrupted.records.values(), mode="joint", patterns=patterns, fractions=fractions)
    assert [r.spec.key for r in run_to_the_end(resumed)] == [r.spec.key for r in order[9:]]


def test_without_a_teacher_every_epoch_has_labels():
    studies = make_studies(SPACE.narrowed(CELLS), "optuna", 1, seed=7)
    plan = Plan(studies, replace(BASE, unlabelled_epochs=1), spec_of, 1)
    assert [plan.num_labelled(plan.studies[cell]) for cell in CELLS] == [2, 1]


def test_repeats_that_the_ledger_calls_finished_are_the_confirmed_ones():
    plan = make_plan()
    for record in run_to_the_end(plan):
        record.status = json.loads(json.dumps(record.status))  # a word that was read, and not the program's own
    assert [[each.number for each in plan.confirmed(plan.studies[cell])] for cell in CELLS] == [[1, 2], [1, 2]]


def test_a_larger_budget_keeps_the_finished_trials():
    small = make_plan(num_trials=3)
    done = run_to_the_end(small)
    large = make_plan(small.records.values(), num_trials=5)
    more = [record for record in run_to_the_end(large) if record.spec.config.phase == "search"]
    assert len(more) == 2 * len(CELLS)
    assert not {record.spec.key for record in more} & {record.spec.key for record in done}


def test_a_failed_trial_is_no_best_one_and_its_cell_is_confirmed_all_the_same():
    plan = make_plan(num_trials=2)
    records = [plan.next() for _ in range(4)]
    finish(plan, records[0], failed=True)
    for record in records[1:]:
        finish(plan, record)
    assert plan.studies[CELLS[0]].best[0] == 1
    assert len(run_to_the_end(plan)) == 4
    assert plan.finished


def test_a_cell_whose_trials_all_failed_has_nothing_to_confirm():
    plan = make_plan(num_trials=1)
    finish(plan, plan.next(), failed=True)
    finish(plan, plan.next())
    assert {record.spec.config.cell.name for record in run_to_the_end(plan)} == {CELLS[1]}
    assert plan.finished


def test_while_trials_run_there_is_nothing_to_confirm_yet():
    plan = make_plan(num_trials=1)
    running = [plan.next(), plan.next()]
    assert plan.next() is None
    assert not plan.finished
    finish(plan, running[1])
    assert plan.next().spec.config.phase == "confirm"


def test_a_failed_confirm_run_is_settled_too():
    plan = make_plan(num_trials=1, num_repeats=1)
    finish(plan, plan.next())
    finish(plan, plan.next())
    finish(plan, plan.next(), failed=True)
    finish(plan, plan.next())
    assert plan.finished


def test_trials_of_cells_that_the_command_leaves_out_are_left_alone():
    both = make_plan()
    run_to_the_end(both)
    narrowed = make_plan(both.records.values(), patterns=CELLS[:1])
    assert narrowed.finished
    assert {record.study for record in narrowed.records.values()} == {CELLS[0]}


def make_plan_with_the_teacher_itself(records=(), mode="optuna", patterns=(CELLS[0], "itself/mimic-cxr/*")):
    space = replace(SPACE, cells=(*SPACE.cells, *controls_of(["imagenet", "mimic-cxr"])))
    studies = make_studies(space.narrowed(patterns), mode, 3, seed=7)
    return Plan(studies, BASE, spec_of, 2, copy.deepcopy(list(records)))


@pytest.mark.parametrize("mode", ["optuna", "joint", "grid"])
def test_a_teacher_itself_is_scored_once_and_never_searched(mode):
    plan = make_plan_with_the_teacher_itself(mode=mode)
    num_searched = 1 if mode == "grid" else 3
    assert plan.num_trials == plan.num_open_trials == num_searched + 2 + 1
    of_search, of_itself = sorted(plan.studies.values(), key=lambda study: study.is_fixed)
    assert of_itself.is_fixed and (plan.num_new_seeds(of_search), plan.num_new_seeds(of_itself)) == (2, 0)
    order = [record.spec.config for record in run_to_the_end(plan)]
    assert len(order) == num_searched + 3 and plan.finished
    (itself,) = (config for config in order if config.method == "itself")
    assert (itself.cell.name, itself.phase, itself.beta) == ("itself/mimic-cxr/none/none", "confirm", None)
    assert (itself.max_epochs, itself.num_reports) == (2, 1)
    assert run_to_the_end(make_plan_with_the_teacher_itself(plan.records.values(), mode)) == []


def test_a_teacher_itself_alone_is_a_sweep():
    plan = make_plan_with_the_teacher_itself(mode="joint", patterns=["itself/mimic-cxr/*"])
    begun = plan.next()
    assert plan.next() is None and not plan.finished
    resumed = make_plan_with_the_teacher_itself([begun], patterns=["itself/mimic-cxr/*"])
    assert [record.spec.key for record in run_to_the_end(resumed)] == [begun.spec.key]
    assert resumed.finished and list(resumed.records) == [begun.spec.key]


def test_the_cells_of_a_varied_knob_have_trials_of_their_own_and_resume() -> None:
    cell = Cell.parse("attention/imagenet/densenet40/all")
    axes: dict[str, tuple[Any, ...]] = {"max_epochs": (2, 5), "beta": (60.0,)}
    space = replace(SPACE, cells=(cell,)).one_at_a_time(axes, BASE)

    def plan_of(records: Any = ()) -> Plan:
        return Plan(make_studies(space, "optuna", 2, seed=7), BASE, spec_of, 1, copy.deepcopy(list(records)))

    plan = plan_of()
    order = run_to_the_end(plan)
    longer, fixed = (f"{cell.name}@max_epochs=5", f"{cell.name}@beta=60")
    assert {record.spec.cell.name for record in order} == {cell.name, longer, fixed} == set(plan.studies)
    assert {record.spec.config.max_epochs for record in order if record.study == longer} == {5}
    assert {record.spec.config.beta for record in order if record.study == fixed} == {60.0}
    assert {record.spec.varied_from for record in order if record.study == longer} == {(("max_epochs", 2),)}
    assert [plan.max_epochs(plan.studies[name]) for name in (cell.name, longer)] == [2, 5]
    assert all("beta" not in params for params in plan.studies[fixed].asked.values())
    assert plan_of(order).finished and plan_of(order).studies[fixed].asked == plan.studies[fixed].asked
