"""Fair search: each study has an ASHA bracket of its own, and the ledger's records put the rungs back as they were."""

from __future__ import annotations

import copy
import hashlib
import pickle
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from platform.sweeping.plan import Plan
from platform.sweeping.records import TrialRecord
from platform.sweeping.search import KEY, FairAsha, PlannedSearch
from platform.sweeping.studies import make_studies
from search_spaces.retina import SPACE
from trainables.config import TrialConfig
from trainables.trial import TrialSpec

STRONG, WEAK = "transfer/none/densenet40/all", "attention/imagenet/densenet40/all"
MAX_EPOCHS = 9  # with a grace of one epoch and a factor of three, the rungs are at epochs 1, 3 and 9
BASE = TrialConfig(dataset="retina", method="transfer", max_epochs=MAX_EPOCHS)
CONTINUE, STOP = TrialScheduler.CONTINUE, TrialScheduler.STOP


def spec_of(config: TrialConfig) -> TrialSpec:
    return TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s")


def make_plan(
    records: Iterable[Any] = (), num_trials: int = 6, cells: Iterable[str] = (STRONG, WEAK), mode: str = "optuna"
) -> Any:
    studies = make_studies(SPACE.narrowed(cells), mode, num_trials, seed=7)
    return Plan(studies, BASE, spec_of, 1, copy.deepcopy(list(records)))


def asha_of(plan: Any) -> Any:
    return FairAsha(plan, lambda max_epochs: (1, 3))


def trial_of(record: Any) -> Any:
    """As Ray makes it: with an id that is another one in each process."""
    return SimpleNamespace(trial_id=f"ray-{id(record)}", config={KEY: record.spec.key})


def report(asha: Any, record: Any, epoch: int, score: float) -> str:
    return str(asha.on_trial_result(None, trial_of(record), {"epoch": epoch, "best_score": score}))


def begin(plan: Any, asha: Any) -> Any:
    record = plan.next()
    asha.on_trial_add(None, trial_of(record))
    return record


def test_at_a_rung_the_best_third_of_what_was_seen_continues() -> None:
    plan = make_plan(cells=[STRONG])
    asha = asha_of(plan)
    scores = [0.5, 0.4, 0.6, 0.52, 0.56]
    # Cutoffs at the upper third of 0.5; 0.4, 0.5; 0.4 to 0.6; ...: none, 0.5, 0.467, 0.533, 0.52
    records = [begin(plan, asha) for _ in scores]
    assert [report(asha, r, 1, s) for r, s in zip(records, scores, strict=True)] == [
        CONTINUE,
        STOP,
        CONTINUE,
        STOP,
        CONTINUE,
    ]
    assert report(asha, records[0], 2, 0.0) == CONTINUE  # between rungs nobody is judged
    assert report(asha, records[2], 3, 0.7) == CONTINUE
    assert report(asha, records[0], 3, 0.6) == STOP
    assert report(asha, records[2], MAX_EPOCHS, 0.7) == STOP  # the end


def test_a_weak_study_is_judged_among_its_own() -> None:
    plan = make_plan()
    asha = asha_of(plan)
    records = [begin(plan, asha) for _ in range(8)]
    strong = [r for r in records if r.study == STRONG]
    weak = [r for r in records if r.study == WEAK]
    assert [report(asha, r, 1, 0.9) for r in strong] == [CONTINUE] * 4
    assert report(asha, weak[0], 1, 0.1) == CONTINUE
    assert report(asha, weak[1], 1, 0.2) == CONTINUE
    assert report(asha, weak[2], 1, 0.15) == STOP  # by its own study's 0.1 and 0.2
    assert report(asha, strong[0], 3, 0.9) == CONTINUE


FAILURES = {(STRONG, 0): 2, (WEAK, 0): 4}  # the epoch in which a trial fails, by study and number


def outcome(record: Any, *more: int) -> float:
    """A number in [0, 1) that depends on the trial alone."""
    name = f"{record.study} {record.number} {record.spec.config.phase} {more}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little") / 2**32


@dataclass
class Sweep:
    """What the runner does with Ray's events, two trials at a time, in an order that the trials alone decide."""

    records: Iterable[Any] = ()
    cells: tuple[str, ...] = (STRONG, WEAK)
    decisions: list[tuple[str, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.plan = make_plan(self.records, cells=self.cells)
        self.asha = asha_of(self.plan)
        self.running: list[Any] = []

    def run(self, num_epochs: int = 10_000) -> Sweep:
        while len(self.decisions) < num_epochs:
            while len(self.running) < 2 and (record := self.plan.next()) is not None:
                self._start(record)
            if not self.running:
                return self
            record = min(self.running, key=lambda r: outcome(r, len(r.best_scores)))
            self._epoch(record)
        return self

    def _start(self, record: Any) -> None:
        self.asha.on_trial_add(None, trial_of(record))
        for epoch, score in enumerate(record.best_scores, 1):  # a resumed trial repeats what it had reported
            assert report(self.asha, record, epoch, score) == CONTINUE
        self.running.append(record)

    def _epoch(self, record: Any) -> None:
        key, epoch = record.spec.key, len(record.best_scores) + 1
        is_search = record.spec.config.phase == "search"
        is_failing = is_search and FAILURES.get((record.study, record.number)) == epoch
        if is_failing:
            decision = "FAILED"
            self.asha.on_trial_complete(None, trial_of(record), {"done": True, "error": "not finite"})
        else:
            record.best_scores.append(max([outcome(record, epoch, 1), *record.best_scores]))
            result = {"epoch": epoch, "best_score": record.best_scores[-1]}
            last = epoch == MAX_EPOCHS
            decision = STOP if last else report(self.asha, record, epoch, result["best_score"])
            record.num_judged = epoch if decision == CONTINUE else record.num_judged
            if decision == STOP:
                record.stopped = "" if last else "asha"
                self.asha.on_trial_complete(None, trial_of(record), result)
        self.decisions.append((key, epoch, decision))
        if decision != CONTINUE:
            record.status = "FAILED" if is_failing else "FINISHED"
            self.plan.settle(record)
            self.running.remove(record)


@pytest.fixture(scope="module")
def whole() -> Sweep:
    return Sweep().run()


def test_the_undisturbed_sweep_stops_some_fails_some_and_ends(whole: Sweep) -> None:
    records = whole.plan.records.values()
    assert whole.plan.finished
    searched = [r for r in records if r.spec.config.phase == "search"]
    assert len(searched) == 12
    assert [r.status for r in searched].count("FAILED") == 2
    assert 3 <= [r.stopped for r in searched].count("asha") <= 9
    assert {len(r.best_scores) for r in searched} >= {1, 3}  # at both rungs


@pytest.mark.parametrize("share", [0.05, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9])
def test_rungs_rebuilt_from_the_records_decide_as_an_uninterrupted_bracket(whole: Sweep, share: float) -> None:
    num_done = round(len(whole.decisions) * share)
    interrupted = Sweep().run(num_done)
    assert interrupted.decisions == whole.decisions[:num_done]
    resumed = Sweep(interrupted.plan.records.values()).run()
    assert resumed.decisions == whole.decisions[num_done:]


def rungs(asha: Any) -> dict[str, list[tuple[float, dict[str, float]]]]:
    return {name: bracket._brackets[0]._rungs for name, bracket in asha._brackets.items()}


def test_a_failed_trials_scores_stay_at_their_rungs_as_they_did_before(whole: Sweep) -> None:
    failed = [r for r in whole.plan.records.values() if r.status == "FAILED" and r.spec.config.phase == "search"]
    rebuilt = rungs(asha_of(make_plan(whole.plan.records.values())))
    assert [len(r.best_scores) for r in failed] == [1, 3]
    for record in failed:
        first = rebuilt[record.study][-1]
        assert first[0] == 1 and first[1][record.spec.key] == record.best_scores[0]
    assert rebuilt == rungs(whole.asha)


def test_an_epoch_that_was_not_judged_before_the_interruption_is_judged_again() -> None:
    plan = make_plan(cells=[STRONG])
    asha = asha_of(plan)
    first, second = begin(plan, asha), begin(plan, asha)
    report(asha, first, 1, 0.5)
    first.best_scores, first.num_judged = [0.5], 1
    second.best_scores, second.num_judged = [0.4], 0  # reported, and the process died before it was judged
    rebuilt = make_plan(plan.records.values(), cells=[STRONG])
    asha = asha_of(rebuilt)
    first, second = begin(rebuilt, asha), begin(rebuilt, asha)
    assert report(asha, first, 1, 0.5) == CONTINUE
    assert report(asha, second, 1, 0.4) == STOP


def unlabelled_plan(records: Iterable[Any] = ()) -> Any:
    """Trials of nine epochs, of which the first four have no labels where there is a teacher."""
    studies = make_studies(SPACE.narrowed([STRONG, WEAK]), "optuna", 6, seed=7)
    base = replace(BASE, unlabelled_epochs=4)
    return Plan(studies, base, spec_of, 1, copy.deepcopy(list(records)))


def test_a_trial_is_judged_by_its_epochs_with_labels() -> None:
    plan = unlabelled_plan()
    asha = asha_of(plan)
    records = [begin(plan, asha) for _ in range(6)]
    first, second, third = (record for record in records if record.study == WEAK)
    for epoch in range(1, 5):  # without labels a score says nothing, however low it is
        assert [report(asha, first, epoch, 0.9), report(asha, second, epoch, 0.1)] == [CONTINUE] * 2
    assert report(asha, first, 5, 0.4) == CONTINUE
    assert report(asha, second, 5, 0.3) == STOP
    first.best_scores, first.num_judged = [0.9, 0.9, 0.9, 0.9, 0.4], 5
    second.best_scores, second.num_judged, second.status = [0.1, 0.1, 0.1, 0.1, 0.3], 5, "FINISHED"
    third.best_scores, third.num_judged = [0.9, 0.9], 2
    rebuilt = asha_of(unlabelled_plan(plan.records.values()))
    assert rungs(rebuilt)[WEAK] == rungs(asha)[WEAK] == [(3, {}), (1, {first.spec.key: 0.4, second.spec.key: 0.3})]
    plain = next(record for record in records if record.study == STRONG)
    assert report(asha, plain, 1, 0.9) == CONTINUE
    assert {key for _, scores in rungs(asha)[STRONG] for key in scores} == {plain.spec.key}


def test_another_study_changes_nothing() -> None:
    def decisions(others: float | None) -> list[str]:
        plan = make_plan()
        asha = asha_of(plan)
        records = [begin(plan, asha) for _ in range(12)]
        if others is not None:
            for record in records:
                if record.study == STRONG:
                    report(asha, record, 1, others)
        weak = [r for r in records if r.study == WEAK]
        return [report(asha, r, 1, s) for r, s in zip(weak, (0.2, 0.1, 0.3, 0.22, 0.15, 0.25), strict=True)]

    assert decisions(None) == decisions(0.99) == decisions(0.0)
    assert set(decisions(None)) == {CONTINUE, STOP}


def test_confirm_runs_are_never_stopped_and_count_at_no_rung() -> None:
    plan = make_plan(num_trials=2, cells=[STRONG])
    asha = asha_of(plan)
    for score in (0.8, 0.9):
        record = begin(plan, asha)
        assert report(asha, record, 1, score) == CONTINUE
        record.status, record.best_scores = "FINISHED", [score]
        plan.settle(record)
    before = copy.deepcopy(rungs(asha))
    confirm = begin(plan, asha)
    assert confirm.spec.config.phase == "confirm"
    assert [report(asha, confirm, epoch, 0.0) for epoch in range(1, MAX_EPOCHS + 1)] == [CONTINUE] * MAX_EPOCHS
    asha.on_trial_complete(None, trial_of(confirm), {"epoch": MAX_EPOCHS, "best_score": 0.0})
    asha.on_trial_error(None, trial_of(confirm))
    assert rungs(asha) == before
    confirm.best_scores = [0.0] * MAX_EPOCHS
    assert rungs(asha_of(make_plan(plan.records.values(), 2, [STRONG]))) == before


def test_a_result_without_a_score_lets_the_trial_continue() -> None:
    plan = make_plan(cells=[STRONG])
    asha = asha_of(plan)
    record = begin(plan, asha)
    assert asha.on_trial_result(None, trial_of(record), {"error": "not finite", "done": True}) == CONTINUE
    asha.on_trial_error(None, trial_of(record))
    assert begin(plan, asha).number == 1


def test_a_grace_longer_than_the_trial_stops_nobody() -> None:
    plan = make_plan(cells=[STRONG])
    asha = FairAsha(plan, lambda max_epochs: (8, 3))
    records = [begin(plan, asha) for _ in range(3)]
    assert [report(asha, r, 1, s) for r, s in zip(records, (0.9, 0.5, 0.1), strict=True)] == [CONTINUE] * 3


def test_the_papers_grid_is_trained_to_the_end() -> None:
    plan = make_plan(cells=["attention/imagenet/densenet40/all"], mode="grid")
    asha = asha_of(plan)
    records = [begin(plan, asha) for _ in range(9)]
    for record in records:
        scores = [1 - record.number / 10] * MAX_EPOCHS
        assert [report(asha, record, epoch, score) for epoch, score in enumerate(scores, 1)] == [CONTINUE] * MAX_EPOCHS
        record.best_scores, record.status = scores, "FINISHED"
        asha.on_trial_complete(None, trial_of(record), {"epoch": MAX_EPOCHS, "best_score": scores[-1]})
    asha_of(make_plan(plan.records.values(), cells=["attention/imagenet/densenet40/all"], mode="grid"))


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
    assert pickle.loads(pickle.dumps(asha_of(plan))).__dict__ == {}
