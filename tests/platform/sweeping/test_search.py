"""The searcher hands out no more trials than there are slots, waits for what must end first, and says when it ends."""

from __future__ import annotations

import pickle
import threading
from typing import Any

from ray.tune.search import Searcher

from platform.sweeping.records import TrialRecord
from platform.sweeping.search import KEY, PlannedSearch
from tests.platform.sweeping.scheduled import STRONG, make_plan


def searcher(plan: Any, num_slots: int, started: list[Any]) -> Any:
    def start(record: Any) -> dict[str, Any]:
        started.append(record)
        return {KEY: record.spec.key}

    return PlannedSearch(plan, start, num_slots)


def end(plan: Any, record: Any, status: str = "FINISHED") -> None:
    record.status, record.best_scores = status, [0.5]
    plan.settle(record)


def test_no_more_trials_are_handed_out_than_there_are_slots() -> None:
    plan = make_plan(num_trials=2)
    started: list[TrialRecord] = []
    planned = searcher(plan, 2, started)
    assert [planned.suggest(f"ray-{n}") for n in range(4)] == [
        {KEY: started[0].spec.key},
        {KEY: started[1].spec.key},
        None,
        None,
    ]
    end(plan, started[1], "FAILED")  # an ended trial frees its slot, whatever its end
    assert planned.suggest("ray-4") == {KEY: started[2].spec.key}
    assert planned.suggest("ray-5") is None
    assert len(started) == 3


def test_it_waits_for_the_search_to_end_and_says_when_all_is_done() -> None:
    plan = make_plan(num_trials=1, cells=[STRONG])
    started: list[TrialRecord] = []
    planned = searcher(plan, 3, started)
    assert planned.suggest("a") is not None
    assert planned.suggest("b") is None  # there is a free slot, and nothing to confirm yet
    end(plan, started[0])
    assert planned.suggest("c") is not None
    assert started[1].spec.config.phase == "confirm"
    assert planned.suggest("d") is None
    end(plan, started[1])
    assert [planned.suggest("e"), planned.suggest("f")] == [Searcher.FINISHED] * 2
    assert len(started) == 2


def test_rays_snapshots_carry_nothing_of_the_driver() -> None:
    plan = make_plan(num_trials=1)
    plan.lock = threading.Lock()  # what pickle would refuse
    assert pickle.loads(pickle.dumps(searcher(plan, 1, []))).__dict__ == {}
