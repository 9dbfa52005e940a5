"""A pack's results: each member is judged, recorded and ended as a trial by itself, and the pack ends with its last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray._private.dict import flatten_dict

from platform.sweeping.fair_scheduler import FairScheduler
from platform.sweeping.packs import forget_end, keys_of, results_of
from platform.sweeping.schedulers import asha
from platform.sweeping.search import BESIDE, KEY
from platform.sweeping.trial_events import TrialEvents
from tests.platform.sweeping.scheduled import CONTINUE, MAX_EPOCHS, STOP, STRONG, make_plan, report, trial_of
from tests.platform.sweeping.watched import Watched
from trainables.pack import note_of


class Ledger:
    """In the place of the tracker."""

    def __init__(self) -> None:
        self.logged: list[tuple[str, int]] = []
        self.ended: list[tuple[str, str, str]] = []

    def log(self, record: Any, metrics: Any, epoch: int) -> None:
        self.logged.append((record.spec.key, epoch))

    def progress(self, metrics: Any, step: int) -> None:
        pass

    def close(self, record: Any, files: Any, outcome: dict[str, str]) -> None:
        self.ended.append((record.spec.key, record.status, record.stopped))


class Running:
    """Three trials of one cell in a pack, and what Ray's controller does with their worker's results."""

    def __init__(self, folder: Path) -> None:
        self.watched, self.ledger = Watched(make_plan(cells=[STRONG])), Ledger()
        self.plan = self.watched.plan
        self.records = [self.plan.next() for _ in range(3)]
        first, *others = self.records
        self.folder_of: Callable[[str], Path] = lambda key: folder / "trials" / key
        beside = {each.spec.key: {KEY: each.spec.key} for each in others}
        self.trial: Any = SimpleNamespace(
            config={KEY: first.spec.key, BESIDE: beside}, error_file="/e.txt", num_failures=1
        )
        self.trial.metric_analysis, self.trial.metric_n_steps = {}, {}
        tracker: Any = self.ledger
        self.events = TrialEvents(self.plan, tracker, self.watched.progress, self.folder_of, "asha")
        self.scheduler: Any = FairScheduler(self.plan, asha(grace_epochs=1, reduction_factor=3))

    def reports(self, epoch: int, scores: dict[int, float | str]) -> str:
        """As Ray processes a result: `scores` are the members' by their places, or why one ends."""
        members = []
        for place, score in scores.items():
            key, last = self.records[place].spec.key, epoch == MAX_EPOCHS
            facts = {"epoch": epoch, "best_score": score, "metrics": {"score": score}, "done": last}
            members.append({"key": key, **(facts if isinstance(score, float) else {"error": score, "done": True})})
        over = [each.status != "RUNNING" for each in self.records]
        ends = sum(bool(each["done"]) for each in members)
        left = len(self.records) - sum(over) - ends
        result = {
            "members": members,
            "num_left": left,
            "done": left == 0,
            "time_this_iter_s": 6.0,
            "node_ip": "10.0.0.7",
        }
        flat = flatten_dict(result)
        decision = STOP if result["done"] else self.scheduler.on_trial_result(None, self.trial, flat)
        self.events.on_trial_result(1, [], self.trial, result)
        if decision == STOP:
            self.scheduler.on_trial_complete(None, self.trial, flatten_dict(result))
            self.events.on_trial_complete(1, [], self.trial)
        return str(decision)

    def is_noted(self) -> list[bool]:
        return [note_of(self.folder_of(each.spec.key)).exists() for each in self.records]


@pytest.fixture
def pack(tmp_path: Path) -> Running:
    running = Running(tmp_path)
    running.scheduler.on_trial_add(None, running.trial)
    return running


def statuses(records: Sequence[Any]) -> list[tuple[str, str]]:
    return [(each.status, each.stopped) for each in records]


def test_each_member_is_judged_in_its_own_bracket_and_the_pack_goes_on_without_it(pack: Running) -> None:
    assert pack.reports(1, {0: 0.5, 1: 0.4, 2: 0.6}) == CONTINUE
    assert statuses(pack.records) == [("RUNNING", ""), ("FINISHED", "asha"), ("RUNNING", "")]
    assert pack.is_noted() == [False, True, False]
    assert pack.reports(2, {0: 0.5, 2: 0.6}) == CONTINUE
    assert [each.seconds for each in pack.records] == [2.0 + 3.0, 2.0, 2.0 + 3.0]  # equal parts of six seconds
    plan = make_plan(cells=[STRONG])  # as the same trials would be judged by themselves
    alone: Any = FairScheduler(plan, asha(grace_epochs=1, reduction_factor=3))
    singles = [plan.next() for _ in range(3)]
    for record in singles:
        alone.on_trial_add(None, trial_of(record))
    scores = (0.5, 0.4, 0.6)
    assert [report(alone, *each) for each in zip(singles, (1, 1, 1), scores, strict=True)] == [CONTINUE, STOP, CONTINUE]


def test_a_pack_of_which_all_are_stopped_stops(pack: Running) -> None:
    assert pack.reports(1, {0: 0.6, 1: 0.4, 2: 0.5}) == CONTINUE
    assert statuses(pack.records)[1:] == [("FINISHED", "asha")] * 2
    assert pack.reports(MAX_EPOCHS, {0: 0.7}) == STOP
    assert statuses(pack.records)[0] == ("FINISHED", "")
    assert pack.is_noted() == [False] * 3 and pack.ledger.ended[-1] == (pack.records[0].spec.key, "FINISHED", "")


def test_stopping_the_last_that_is_left_stops_the_pack(pack: Running) -> None:
    other = pack.plan.next()
    pack.scheduler.on_trial_add(None, trial_of(other))
    report(pack.scheduler, other, 1, 0.9)
    assert pack.reports(1, {0: 0.5, 1: 0.4, 2: 0.6}) == STOP
    assert statuses(pack.records) == [("FINISHED", "asha")] * 3


def test_a_member_that_fails_is_named_and_the_rest_goes_on(pack: Running) -> None:
    assert pack.reports(1, {0: "the loss must be finite", 1: 0.4, 2: 0.3}) == CONTINUE
    assert statuses(pack.records) == [("FAILED", ""), ("RUNNING", ""), ("FINISHED", "asha")]
    assert pack.is_noted() == [True, False, True]
    assert "FAILED: the loss must be finite" in pack.watched.stream.getvalue()
    assert pack.reports(MAX_EPOCHS, {1: 0.6}) == STOP


def test_a_member_whose_note_was_not_seen_in_time_changes_nothing(pack: Running) -> None:
    pack.reports(1, {0: 0.5, 1: 0.4, 2: 0.6})
    logged = list(pack.ledger.logged)
    assert pack.reports(2, {1: 0.9}) == CONTINUE
    assert pack.ledger.logged == logged and pack.records[1].best_scores == [0.4] and pack.is_noted()[1]


def test_a_pack_whose_worker_died_enters_again_what_is_left_of_it(pack: Running) -> None:
    pack.reports(1, {0: 0.5, 1: 0.4, 2: 0.6})
    pack.scheduler.on_trial_error(None, pack.trial)
    pack.events.on_trial_recover(1, [], pack.trial)
    pack.scheduler.on_trial_add(None, pack.trial)
    assert pack.watched.stream.getvalue().count("its worker failed") == 2
    assert pack.reports(1, {0: 0.5, 2: 0.6}) == CONTINUE  # repeated by the new worker
    assert pack.ledger.logged.count((pack.records[0].spec.key, 1)) == 1
    pack.events.on_trial_error(1, [], pack.trial)
    assert statuses(pack.records) == [("FAILED", ""), ("FINISHED", "asha"), ("FAILED", "")]
    assert pack.is_noted() == [False] * 3


def test_images_that_are_not_the_sweeps_end_it(pack: Running) -> None:
    pack.events.on_trial_result(1, [], pack.trial, {"done": True, "refused": "other images", "time_this_iter_s": 1.0})
    with pytest.raises(ValueError, match="other images"):
        pack.events.check()


def test_a_trial_by_itself_is_a_pack_of_one(pack: Running, tmp_path: Path) -> None:
    trial, result = trial_of(pack.records[0]), {"epoch": 1, "time_this_iter_s": 1.0}
    assert keys_of(trial) == [pack.records[0].spec.key]
    assert results_of(trial, result) == [(pack.records[0].spec.key, result)]
    forget_end(tmp_path / "trials" / "no note")
