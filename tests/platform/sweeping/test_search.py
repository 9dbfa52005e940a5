"""The searcher hands out no more trials than there are slots, waits for what must end first, and says when it ends."""

from __future__ import annotations

import pickle
import threading
from typing import Any

from ray.tune.search import Searcher

from platform.sweeping.records import TrialRecord
from platform.sweeping.search import BESIDE, KEY, PlannedSearch
from tests.platform.sweeping.scheduled import STRONG, WEAK, make_plan


def searcher(plan: Any, num_slots: int, started: list[Any], pack_size: int = 1) -> Any:
    def start(record: Any) -> dict[str, Any]:
        started.append(record)
        return {KEY: record.spec.key}

    return PlannedSearch(plan, start, num_slots, pack_size)


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


def keys_of(config: dict[str, Any]) -> list[str]:
    return [config[KEY], *config.get(BESIDE, {})]


def played(planned: Any, plan: Any, started: list[Any]) -> list[list[Any]]:
    """All packs of a plan with one slot, each ended before the next."""
    packs: list[list[Any]] = []
    while isinstance(config := planned.suggest(f"ray-{len(packs)}"), dict):
        packs.append([plan.records[key] for key in keys_of(config)])
        assert started[-len(packs[-1]) :] == packs[-1]
        assert planned.suggest("while it runs") is None
        for record in packs[-1]:
            end(plan, record)
    return packs


def test_a_pack_has_trials_of_one_cell_and_none_is_lost() -> None:
    plan = make_plan(num_trials=5)
    started: list[TrialRecord] = []
    packs = played(searcher(plan, 1, started, pack_size=3), plan, started)
    assert [[(each.study, each.number) for each in pack] for pack in packs[:4]] == [
        [(STRONG, 0), (STRONG, 1), (STRONG, 2)],
        [(WEAK, 0), (WEAK, 1), (WEAK, 2)],
        [(STRONG, 3), (STRONG, 4)],
        [(WEAK, 3), (WEAK, 4)],
    ]
    assert [len(pack) for pack in packs[4:]] == [1, 1]  # the repeats
    assert len({each.spec.key for pack in packs for each in pack}) == plan.num_trials and plan.finished


def test_a_pack_holds_its_slot_until_its_last_member_ends() -> None:
    plan = make_plan(num_trials=2, cells=[STRONG])
    started: list[TrialRecord] = []
    planned = searcher(plan, 1, started, pack_size=2)
    assert len(keys_of(planned.suggest("a"))) == 2
    end(plan, started[1])
    assert planned.suggest("b") is None
    end(plan, started[0])
    assert planned.suggest("c") is not None


def test_what_may_not_share_a_pack_is_the_next_to_run() -> None:
    plan = make_plan(num_trials=12, mode="joint")
    started: list[TrialRecord] = []
    packs = played(searcher(plan, 1, started, pack_size=4), plan, started)
    asked = [each for pack in packs for each in pack if each.spec.config.phase == "search"]
    assert [each.number for each in asked] == list(range(len(asked))) and plan.finished
    assert {len({each.spec.cell.name for each in pack}) for pack in packs} == {1}
    assert max(len(pack) for pack in packs) > 1 and len({each.spec.cell.name for each in asked}) == 2


def test_unfinished_trials_share_a_pack_first() -> None:
    plan = make_plan(num_trials=4)
    started: list[TrialRecord] = []
    searcher(plan, 2, started, pack_size=2).suggest("a")
    left = list(plan.records.values()) + [plan.next() for _ in range(2)]
    again = make_plan(left, num_trials=4)
    resumed: list[TrialRecord] = []
    packs = played(searcher(again, 1, resumed, pack_size=3), again, resumed)
    began = [each.spec.key for each in left]
    assert [each.study for each in packs[0]] == [packs[0][0].study] * 3
    assert {each.spec.key for each in packs[0][:2] if each.study == STRONG} <= {*began}
    assert len({each.spec.key for pack in packs for each in pack}) == again.num_trials


def test_trials_that_share_nothing_are_handed_out_one_by_one() -> None:
    plan = make_plan(num_trials=2, cells=[STRONG], compiled=True)
    started: list[TrialRecord] = []
    assert [len(pack) for pack in played(searcher(plan, 1, started, pack_size=4), plan, started)] == [1, 1, 1]


def test_rays_snapshots_carry_nothing_of_the_driver() -> None:
    plan = make_plan(num_trials=1)
    plan.lock = threading.Lock()  # what pickle would refuse
    assert pickle.loads(pickle.dumps(searcher(plan, 1, []))).__dict__ == {}
