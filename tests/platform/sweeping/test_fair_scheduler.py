"""Fair early stopping, whatever the rule: a bracket per study, and none for repeats, grids and unlabelled epochs."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Iterable
from typing import Any

import pytest

from platform.sweeping.fair_scheduler import FairScheduler
from platform.sweeping.plan import Plan
from platform.sweeping.schedulers import SCHEDULERS, asha
from platform.sweeping.studies import make_studies
from search_spaces.retina import SPACE
from tests.platform.sweeping.scheduled import (
    CONTINUE,
    MAX_EPOCHS,
    STOP,
    STRONG,
    WEAK,
    base_of,
    begin,
    make_plan,
    report,
    spec_of,
    trial_of,
)

EVERY = pytest.mark.parametrize("name", SCHEDULERS)
STOPPING = pytest.mark.parametrize("name", [name for name in SCHEDULERS if name != "none"])


def asha_of(plan: Any) -> Any:
    return FairScheduler(plan, asha(grace_epochs=1, reduction_factor=3))


def seen(scheduler: Any) -> dict[str, bytes]:
    """All that the brackets remember."""
    return {name: pickle.dumps(bracket) for name, bracket in scheduler._brackets.items()}


def rungs(scheduler: Any, study: str) -> list[tuple[float, dict[str, float]]]:
    return scheduler._brackets[study]._brackets[0]._rungs


def ended(scheduler: Any, record: Any, scores: list[float]) -> Any:
    """Plays a trial of a search until it is stopped, or to its last score."""
    for epoch, score in enumerate(scores, 1):
        record.best_scores.append(score)
        if report(scheduler, record, epoch, score) == STOP:
            break
        record.num_judged = epoch
    record.status = "FINISHED"
    scheduler.on_trial_complete(None, trial_of(record), {"epoch": len(record.best_scores), "best_score": score})
    return record


def test_there_is_one_of_each_name() -> None:
    with pytest.raises(ValueError, match=r"must be one of asha, .*, none, but got 'asah'"):
        FairScheduler(make_plan(), "asah")
    assert type(FairScheduler(make_plan())._brackets[WEAK]) is type(SCHEDULERS["asha"](MAX_EPOCHS))


@EVERY
def test_another_study_changes_nothing(name: str) -> None:
    def lengths(others: float) -> list[int]:
        plan = make_plan()
        scheduler = FairScheduler(plan, name)
        records = [begin(plan, scheduler) for _ in range(12)]
        for record in records:
            if record.study == STRONG:
                ended(scheduler, record, [others] * 8)
        scores = iter((0.2, 0.1, 0.3, 0.22, 0.15, 0.05))
        weak = [ended(scheduler, r, [next(scores)] * 8) for r in records if r.study == WEAK]
        return [len(record.best_scores) for record in weak]

    assert lengths(0.99) == lengths(0.0)
    assert (min(lengths(0.0)) == 8) == (name == "none")
    if name == "asha":
        assert lengths(0.0) == [8, 1, 8, 1, 1, 1]  # cutoffs at epoch 1: none, 0.2, 0.167, 0.233, 0.22, 0.2


@EVERY
def test_confirm_runs_are_never_stopped_and_count_nowhere(name: str) -> None:
    plan = make_plan(num_trials=4, cells=[STRONG])
    scheduler = FairScheduler(plan, name)
    for score in (0.6, 0.7, 0.8, 0.9):
        record = ended(scheduler, begin(plan, scheduler), [score] * (MAX_EPOCHS - 1))
        plan.settle(record)
    before = seen(scheduler)
    confirm = begin(plan, scheduler)
    assert confirm.spec.config.phase == "confirm"
    assert [report(scheduler, confirm, epoch, 0.0) for epoch in range(1, MAX_EPOCHS + 1)] == [CONTINUE] * MAX_EPOCHS
    scheduler.on_trial_complete(None, trial_of(confirm), {"epoch": MAX_EPOCHS, "best_score": 0.0})
    scheduler.on_trial_error(None, trial_of(confirm))
    assert seen(scheduler) == before
    confirm.best_scores = [0.0] * MAX_EPOCHS
    rebuilt = FairScheduler(make_plan(plan.records.values(), 4, [STRONG]), name)
    assert set(rebuilt._brackets) == {STRONG} and b"0.0" not in seen(rebuilt)[STRONG]
    assert confirm.spec.key.encode() not in seen(rebuilt)[STRONG]


@EVERY
def test_the_papers_grid_is_trained_to_the_end(name: str) -> None:
    plan = make_plan(cells=[WEAK], mode="grid")
    scheduler = FairScheduler(plan, name)
    for record in [begin(plan, scheduler) for _ in range(9)]:
        ended(scheduler, record, [1 - record.number / 10] * MAX_EPOCHS)
        assert len(record.best_scores) == MAX_EPOCHS
    assert FairScheduler(make_plan(plan.records.values(), cells=[WEAK], mode="grid"), name)._brackets == {}


@EVERY
def test_a_result_without_a_score_lets_the_trial_continue(name: str) -> None:
    plan = make_plan(cells=[STRONG])
    scheduler = FairScheduler(plan, name)
    record = begin(plan, scheduler)
    assert scheduler.on_trial_result(None, trial_of(record), {"error": "not finite", "done": True}) == CONTINUE
    scheduler.on_trial_error(None, trial_of(record))
    assert begin(plan, scheduler).number == 1


@EVERY
def test_rays_snapshots_carry_nothing_of_the_driver(name: str) -> None:
    plan = make_plan(num_trials=1)
    plan.lock = threading.Lock()  # what pickle would refuse
    assert pickle.loads(pickle.dumps(FairScheduler(plan, name))).__dict__ == {}


def test_an_epoch_that_was_not_judged_before_the_interruption_is_judged_again() -> None:
    plan = make_plan(cells=[STRONG])
    scheduler = asha_of(plan)
    first, second = begin(plan, scheduler), begin(plan, scheduler)
    report(scheduler, first, 1, 0.5)
    first.best_scores, first.num_judged = [0.5], 1
    second.best_scores, second.num_judged = [0.4], 0  # reported, and the process died before it was judged
    rebuilt = make_plan(plan.records.values(), cells=[STRONG])
    scheduler = asha_of(rebuilt)
    first, second = begin(rebuilt, scheduler), begin(rebuilt, scheduler)
    assert report(scheduler, first, 1, 0.5) == CONTINUE
    assert report(scheduler, second, 1, 0.4) == STOP


def unlabelled_plan(records: Iterable[Any] = (), num_labelled: int = 5) -> Any:
    """Trials whose first four epochs have no labels where there is a teacher."""
    studies = make_studies(SPACE.narrowed([STRONG, WEAK]), "optuna", 6, seed=7)
    base = base_of(4 + num_labelled, unlabelled_epochs=4)
    return Plan(studies, base, spec_of, 1, copy.deepcopy(list(records)))


def test_a_trial_is_judged_by_its_epochs_with_labels() -> None:
    plan = unlabelled_plan()
    scheduler = asha_of(plan)
    records = [begin(plan, scheduler) for _ in range(6)]
    first, second, third = (record for record in records if record.study == WEAK)
    for epoch in range(1, 5):  # without labels a score says nothing, however low it is
        assert [report(scheduler, first, epoch, 0.9), report(scheduler, second, epoch, 0.1)] == [CONTINUE] * 2
    assert report(scheduler, first, 5, 0.4) == CONTINUE
    assert report(scheduler, second, 5, 0.3) == STOP
    first.best_scores, first.num_judged = [0.9, 0.9, 0.9, 0.9, 0.4], 5
    second.best_scores, second.num_judged, second.status = [0.1, 0.1, 0.1, 0.1, 0.3], 5, "FINISHED"
    third.best_scores, third.num_judged = [0.9, 0.9], 2
    rebuilt = asha_of(unlabelled_plan(plan.records.values()))
    known = [(3, {}), (1, {first.spec.key: 0.4, second.spec.key: 0.3})]
    assert rungs(rebuilt, WEAK) == rungs(scheduler, WEAK) == known
    plain = next(record for record in records if record.study == STRONG)
    assert report(scheduler, plain, 1, 0.9) == CONTINUE
    assert {key for _, scores in rungs(scheduler, STRONG) for key in scores} == {plain.spec.key}


@STOPPING
def test_the_length_of_a_study_is_that_of_its_epochs_with_labels(name: str) -> None:
    """Of 32 epochs with labels the first two (or the first half) are spared, however many there are without."""
    plan = unlabelled_plan(num_labelled=32)
    scheduler = FairScheduler(plan, name)
    guided = [record for record in (begin(plan, scheduler) for _ in range(12)) if record.study == WEAK]
    lengths = [len(ended(scheduler, record, [0.9 - record.number / 10] * 35).best_scores) for record in guided]
    assert min(lengths) == 4 + (16 if name == "early-discard" else 2)
