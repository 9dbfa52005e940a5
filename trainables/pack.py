"""Several trials of one cell on a worker, trained together: `trainables.job.Job` for more than one student.

Each member has a folder, checkpoints, results and costs of its own, as if it were alone, and may have come as far as it
has: those behind train together until they are level with the others, which repeat what they had reported. A member
that has ended, or that others have ended, leaves; the rest goes on.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import torch

from trainables.job import GpuFullError, Job
from trainables.judging import NonFiniteLossError, UndefinedScoreError
from trainables.lockstep import ENDINGS, train_together
from trainables.meter import Meter
from trainables.stuck_steps import Watch, watching
from trainables.training import EpochResult, Training

Ending = NonFiniteLossError | UndefinedScoreError | GpuFullError
Reports = dict[str, EpochResult | Ending]  # by `TrialSpec.key`

OVER = "over"  # the folder of the notes, in the sweep's own

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class _Member:
    job: Job
    training: Training

    @property
    def key(self) -> str:
        return self.job.spec.key


def note_of(folder: str | Path) -> Path:
    """Where it is noted that the trial with this folder trains no further: beside the trials' folders, which come and
    go."""
    return Path(folder).parents[1] / OVER / Path(folder).name


class Pack:
    """Jobs that are trained together.

    Args:
        jobs: their specs may share a pack (`TrialSpec.why_apart`), and all else but their folders is the same.
        is_over: asked of each member before each epoch; True for one that shall train no further.

    Raises:
        ValueError: the jobs cannot be trained together.
    """

    def __init__(self, jobs: Sequence[Job], is_over: Callable[[Job], bool] = lambda job: False) -> None:
        for one, other in combinations(jobs, 2):
            if reason := one.spec.why_apart(other.spec):
                raise ValueError(reason)
        self._jobs, self._is_over = list(jobs), is_over
        self._reported = {job.spec.key: 0 for job in jobs}  # the last epoch of each
        self._ended: set[str] = set()

    def run(self) -> Iterator[Reports]:
        """What the members report, epoch by epoch: each its result, or why it ends; saved before it is reported.

        Where the GPU has no room for all of them, they go on one by one from their last checkpoints: with fewer images
        at once their numbers would not be those of trials by themselves.
        """
        try:
            for reports in self._together():
                yield self._noted(reports)
            return
        except torch.OutOfMemoryError:
            logger.warning("the GPU has no room for %d students: their trials go on one by one", len(self._jobs))
        # Out here nothing holds the broken trainings any more, so their memory goes back to the device.
        gc.collect()
        torch.cuda.empty_cache()
        for job in self._left():
            for reports in self._alone(job):
                yield self._noted(reports)

    def num_left(self) -> int:
        """How many members have not ended, as far as they have reported."""
        return len(self._left())

    def _left(self) -> list[Job]:
        return [job for job in self._jobs if job.spec.key not in self._ended and not self._is_over(job)]

    def _noted(self, reports: Reports) -> Reports:
        for key, report in reports.items():
            if isinstance(report, EpochResult):
                self._reported[key] = report.epoch
            if not isinstance(report, EpochResult) or report.last:
                self._ended.add(key)
        return reports

    def _alone(self, job: Job) -> Iterator[Reports]:
        key = job.spec.key
        try:
            with closing(job.run()) as results:
                for result in results:
                    if result.epoch > self._reported[key]:
                        yield {key: result}
                    if self._is_over(job):
                        return
        except (*ENDINGS, GpuFullError) as error:
            yield {key: error}

    def _together(self) -> Iterator[Reports]:
        jobs = self._left()
        if not jobs:
            return
        meter = jobs[0].meter()
        members = _begun(jobs)
        watch = Watch("", Path(jobs[0].folder), jobs[0].step_timeout_s)
        with watching(watch):
            for epoch in range(1, jobs[0].spec.config.max_epochs + 1):
                left = {job.spec.key for job in self._left()}
                members = [member for member in members if member.key in left]
                if not members:
                    return
                names = f"{members[0].job.spec.cell.name}, {len(members)} trials together"
                watch.name, watch.folder = names, Path(members[0].job.folder)
                endings = _through(members, epoch, meter)
                yield {each.key: endings.get(each.key) or each.training.history[epoch - 1] for each in members}


def _begun(jobs: Sequence[Job]) -> list[_Member]:
    """The trainings after their last saved epochs, with one store, and one teacher, for all."""
    members: list[_Member] = []
    store = jobs[0].opened_store()
    for job in jobs:
        beside = members[0].training.guide if members else None
        members.append(_Member(job, job.resumed(store, beside)))
    return members


def _through(members: Sequence[_Member], epoch: int, meter: Meter) -> dict[str, Ending]:
    """Brings all members through `epoch`, and saves them; those for whom there is no further one, each with the reason.

    What it took is divided equally, so that the members' costs add up to what was spent.
    """
    behind = [member for member in members if len(member.training.history) < epoch]
    results: list[tuple[_Member, EpochResult]] = []
    endings: dict[str, Ending] = {}
    for group in _by_size(behind):
        outcomes = train_together([member.training for member in group], epoch)
        for member, outcome in zip(group, outcomes, strict=True):
            try:
                if not isinstance(outcome, EpochResult):
                    endings[member.key] = outcome
                else:
                    results.append((member, member.job.tested(member.training, outcome)))
            except ENDINGS as error:  # of the test set
                endings[member.key] = error
    used = meter.take(_work(behind))
    share = {name: value / len(behind) for name, value in used.items()} if behind else {}
    for member, result in results:
        member.job.save(member.training, member.job.with_costs(member.training, result, meter, share))
    return endings


def _by_size(members: Sequence[_Member]) -> list[list[_Member]]:
    """Those who take a batch in parts of one size; a trial that once ran out of memory keeps its smaller ones."""
    groups: dict[int | None, list[_Member]] = {}
    for member in members:
        groups.setdefault(member.training.micro_batch_size, []).append(member)
    return list(groups.values())


def _work(members: Sequence[_Member]) -> dict[str, float]:
    """What the teacher has done for all of them."""
    sums: dict[str, float] = {}
    for member in members:
        work = member.training.guide.take_work() if member.training.guide else {}
        for name, value in work.items():
            sums[name] = sums.get(name, 0.0) + value
    return sums
