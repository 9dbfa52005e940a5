"""The plan as Ray Tune sees it: a searcher that hands out its trials.

Ray's own restore is not used, since it forgets what a scheduler has seen: a sweep that is started again rebuilds plan
and brackets (`platform.sweeping.fair_scheduler`) from the ledger, and a trial that had begun resumes from its last
checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ray.tune.search import Searcher

from platform.sweeping.plan import Plan
from platform.sweeping.records import TrialRecord
from platform.sweeping.stopping_rules import METRIC

KEY = "key"  # the entry of a Ray trial's config that holds `TrialSpec.key`
BESIDE = "beside"  # the entry of a pack's config that holds those of its other members, by their keys


class PlannedSearch(Searcher):
    """Hands Ray Tune the plan's trials: one at a time, or in packs that one worker trains together.

    Args:
        plan: what to run.
        start: notes in the ledger that the trial starts, and returns what the worker needs (the trial's config).
        num_slots: how many trials, or packs of them, run at once; Ray itself would ask for more in advance, before the
            running ones have taught the search anything.
        pack_size: how many trials a pack has at most.
    """

    def __init__(
        self, plan: Plan, start: Callable[[TrialRecord], dict[str, Any]], num_slots: int, pack_size: int = 1
    ) -> None:
        super().__init__(metric=METRIC, mode="max")
        self._plan, self._start, self._num_slots, self._pack_size = plan, start, num_slots, pack_size
        self._handed_out: list[list[TrialRecord]] = []

    def suggest(self, trial_id: str) -> Any:
        """The next trial's config, or a pack's; None while others must end first; `FINISHED` at the end."""
        self._handed_out = [pack for pack in self._handed_out if any(each.status == "RUNNING" for each in pack)]
        if len(self._handed_out) >= self._num_slots:
            return None
        first = self._plan.next()
        if first is None:
            return Searcher.FINISHED if self._plan.finished else None
        pack = [first]
        while len(pack) < self._pack_size and (another := self._plan.next_beside(first)) is not None:
            pack.append(another)
        self._handed_out.append(pack)
        config, *others = [self._start(record) for record in pack]
        return {**config, BESIDE: {each[KEY]: each for each in others}} if others else config

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Nothing: the tracking callback settles a trial, with its whole history at hand."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the ledger is the memory."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore: the ledger is the memory."""

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Ray pickles the searcher with its snapshots; the plan stays with the driver
