"""Plans of two studies, and a sweep that is played event by event as Ray's controller would, without training."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any

from ray.tune.schedulers import TrialScheduler

from platform.sweeping.fair_scheduler import FairScheduler
from platform.sweeping.plan import Plan
from platform.sweeping.search import KEY
from platform.sweeping.studies import GridStudy, make_studies
from platform.sweeping.study import Study
from search_spaces.retina import SPACE
from trainables.config import TrialConfig
from trainables.trial import TrialSpec

STRONG, WEAK = "transfer/none/densenet40/all", "attention/imagenet/densenet40/all"
MAX_EPOCHS = 9  # with a grace of one epoch and a factor of three, the rungs are at epochs 1 and 3
CONTINUE, STOP = TrialScheduler.CONTINUE, TrialScheduler.STOP
FAILURES = {(STRONG, 0): 2, (WEAK, 2): 2}  # the epoch in which a trial fails, by study and number


def spec_of(config: TrialConfig) -> TrialSpec:
    return TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s")


def base_of(max_epochs: int = MAX_EPOCHS, **more: Any) -> TrialConfig:
    return TrialConfig(dataset="retina", method="transfer", max_epochs=max_epochs, **more)


def make_plan(
    records: Iterable[Any] = (),
    num_trials: int = 6,
    cells: Iterable[str] = (STRONG, WEAK),
    mode: str = "optuna",
    **base: Any,
) -> Any:
    studies = make_studies(SPACE.narrowed(cells), mode, num_trials, seed=7)
    return Plan(studies, base_of(**base), spec_of, 1, copy.deepcopy(list(records)))


def trial_of(record: Any) -> Any:
    """As Ray makes it: with an id that is another one in each process."""
    return SimpleNamespace(trial_id=f"ray-{id(record)}", config={KEY: record.spec.key})


def report(scheduler: Any, record: Any, epoch: int, score: float) -> str:
    return str(scheduler.on_trial_result(None, trial_of(record), {"epoch": epoch, "best_score": score}))


def begin(plan: Any, scheduler: Any) -> Any:
    record = plan.next()
    scheduler.on_trial_add(None, trial_of(record))
    return record


@cache
def drawn(name: str) -> float:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little") / 2**32


def outcome(record: Any, *more: int) -> float:
    """A number in [0, 1) that depends on the trial alone."""
    return drawn(f"{record.study} {record.number} {record.spec.config.seed} {more}")


def score_of(record: Any, epoch: int) -> float:
    """A curve that rises towards a height of its own, fast or slowly, with noise."""
    pace = 1 + 9 * outcome(record, 0, 2)
    return (0.5 + outcome(record)) * (1 - math.exp(-epoch / pace)) + 0.05 * outcome(record, epoch, 1)


@dataclass
class Sweep:
    """What the runner does with Ray's events, three trials at a time, in an order that the trials alone decide.

    Args:
        scheduler: its name, or what makes a bracket.
        records: what an earlier process left.
    """

    scheduler: str | Callable[[int], TrialScheduler]
    records: Iterable[Any] = ()
    cells: tuple[str, ...] = (STRONG, WEAK)
    max_epochs: int = MAX_EPOCHS
    num_trials: int = 6
    seed: int = 0
    decisions: list[tuple[str, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        studies = [self._study(name) for name in self.cells]
        self.plan = Plan(
            studies, base_of(self.max_epochs, seed=self.seed), spec_of, 0, copy.deepcopy(list(self.records))
        )
        self.brackets: Any = FairScheduler(self.plan, self.scheduler)
        self.running: list[Any] = []

    def run(self) -> Sweep:
        for _ in self.events():
            pass
        return self

    def events(self) -> Iterator[None]:
        """Plays the sweep, and pauses where it may be interrupted: before each epoch, and before it is judged."""
        while True:
            while len(self.running) < 3 and (record := self.plan.next()) is not None:
                self._start(record)
            if not self.running:
                return
            record = min(self.running, key=lambda r: outcome(r, r.num_judged))
            yield
            yield from self._epoch(record)

    @property
    def left(self) -> list[Any]:
        """What the ledger would hold of the trials now."""
        return list(self.plan.records.values())

    def _study(self, name: str) -> Study:
        (cell,) = SPACE.narrowed([name]).cells
        points = [SPACE.first(cell) | {"learning_rate": 1e-5 * (1 + number)} for number in range(self.num_trials)]
        return GridStudy(name=name, num_trials=self.num_trials, of_cell=cell, points=points, stops_early=True)

    def _start(self, record: Any) -> None:
        self.brackets.on_trial_add(None, trial_of(record))
        for epoch in range(1, record.num_judged + 1):  # a resumed trial repeats what it had reported
            assert report(self.brackets, record, epoch, record.best_scores[epoch - 1]) == CONTINUE
        self.running.append(record)

    def _epoch(self, record: Any) -> Iterator[None]:
        epoch = record.num_judged + 1
        if FAILURES.get((record.study, record.number)) == epoch:
            self.brackets.on_trial_complete(None, trial_of(record), {"done": True, "error": "not finite"})
            self._end(record, epoch, "FAILED")
            return
        if len(record.best_scores) < epoch:
            record.best_scores.append(max([score_of(record, epoch), *record.best_scores]))
            yield
        result, is_last = {"epoch": epoch, "best_score": record.best_scores[-1]}, epoch == self.max_epochs
        decision = STOP if is_last else report(self.brackets, record, epoch, result["best_score"])
        if decision == CONTINUE:
            record.num_judged = epoch
            self.decisions.append((record.spec.key, epoch, decision))
            return
        record.stopped = "" if is_last else "by the scheduler"
        self.brackets.on_trial_complete(None, trial_of(record), result)
        self._end(record, epoch, "FINISHED")

    def _end(self, record: Any, epoch: int, status: str) -> None:
        record.status = status
        self.decisions.append((record.spec.key, epoch, status))
        self.plan.settle(record)
        self.running.remove(record)
