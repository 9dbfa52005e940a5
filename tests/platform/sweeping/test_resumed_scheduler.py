"""A sweep that is interrupted at any event and resumed decides as if nothing had happened, whatever its scheduler."""

from __future__ import annotations

from functools import cache

import pytest

from platform.sweeping.fair_scheduler import FairScheduler
from platform.sweeping.schedulers import SCHEDULERS
from tests.platform.sweeping.scheduled import WEAK, Sweep

MAX_EPOCHS, NUM_TRIALS = 16, 18  # with the rungs 1, 3 and 9
STOPPING = [name for name in SCHEDULERS if name != "none"]


def sweep_of(name: str, *, records: list[object] | tuple[()] = (), seed: int = 1) -> Sweep:
    return Sweep(name, records, cells=(WEAK,), max_epochs=MAX_EPOCHS, num_trials=NUM_TRIALS, seed=seed)


@cache
def whole(name: str) -> Sweep:
    return sweep_of(name).run()


def test_the_undisturbed_sweeps_differ_and_end() -> None:
    decisions = {tuple(whole(name).decisions) for name in SCHEDULERS}
    assert len(decisions) == len(SCHEDULERS)
    for name in SCHEDULERS:
        searched = whole(name).plan.records.values()
        assert whole(name).plan.finished and len(searched) == NUM_TRIALS
        assert [record.status for record in searched].count("FAILED") == 1
        stopped = [record for record in searched if record.stopped]
        assert (len(stopped) == 0) if name == "none" else (len(stopped) >= 3)
        assert (len(stopped) == NUM_TRIALS - 1) == (name == "pasha")  # whose longest rung never grew to the end


def test_the_longest_rung_of_pasha_has_grown() -> None:
    lengths = {len(record.best_scores) for record in whole("pasha").plan.records.values()}
    assert lengths >= {1, 3, 9}  # it was the second one at first


@pytest.mark.parametrize("name", SCHEDULERS)
def test_an_interruption_at_any_event_changes_no_decision(name: str) -> None:
    interrupted, num_events = sweep_of(name), 0
    for _ in interrupted.events():
        num_events += 1
        resumed = sweep_of(name, records=interrupted.left).run()
        assert resumed.decisions == whole(name).decisions[len(interrupted.decisions) :]
    assert num_events > 2 * 30


@pytest.mark.parametrize("name", STOPPING)
def test_other_scores_are_judged_as_if_nothing_had_happened_too(name: str) -> None:
    """Forty sweeps, each interrupted half-way."""
    for seed in range(40):
        undisturbed, interrupted = sweep_of(name, seed=seed).run(), sweep_of(name, seed=seed)
        half = len(undisturbed.decisions) // 2
        for _ in interrupted.events():
            if len(interrupted.decisions) == half:
                break
        for records in (interrupted.left, interrupted.left[::-1]):  # whatever the order of the records
            resumed = sweep_of(name, records=records, seed=seed).run()
            assert sorted(resumed.decisions) == sorted(undisturbed.decisions[half:])


def test_another_scheduler_would_have_decided_otherwise() -> None:
    """So that the tests above compare what the brackets know, and not what any bracket would say."""
    interrupted = sweep_of("asha")
    for _ in interrupted.events():
        if len(interrupted.decisions) > 20:
            break
    resumed = sweep_of("asha", records=interrupted.left)
    resumed.brackets = FairScheduler(sweep_of("asha").plan, "asha")  # which has seen nothing
    resumed.brackets._plan = resumed.plan
    assert resumed.run().decisions != whole("asha").decisions[len(interrupted.decisions) :]
