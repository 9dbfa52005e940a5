"""Runs a plan on Ray Tune, on the machines that `platform.cluster.machines` found."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # the ledger has it all
os.environ.setdefault("TUNE_DISABLE_STRICT_METRIC_CHECKING", "1")  # a trial that fails has no score to report
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "3600")  # Ray's own snapshots are never read

from ray import tune
from ray.tune.execution import class_cache

from platform.cluster.machines import Machines, machines
from platform.sweeping.fair_scheduler import FairScheduler
from platform.sweeping.forecast import Forecast
from platform.sweeping.plan import Plan
from platform.sweeping.progress import Progress
from platform.sweeping.records import TrialRecord, trial_folder
from platform.sweeping.schedulers import DEFAULT_SCHEDULER
from platform.sweeping.search import KEY, PlannedSearch
from platform.sweeping.standing import Standing
from platform.sweeping.trial_events import TrialEvents
from platform.sweeping.tuning import fit, run_config
from platform.tracking.clearing import clear
from platform.tracking.data_inputs import Facts
from platform.tracking.journal import Journal
from platform.tracking.ledger import Ledger
from platform.tracking.tracker import Tracker
from trainables.checkpoint import newest_epoch
from trainables.energy import WATTS_PER_CORE
from trainables.job import Job
from trainables.student import StudentTrial

# A variable for PyTorch Lightning, on whose account Ray would start new workers and leave the prepared ones unused.
class_cache.DEFAULT_ENV_VARS.pop("PL_DISABLE_FORK", None)


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What one trial, or one pack of them, takes, and how many run at once (None: as many as fit)."""

    cpus: float = 1.0
    gpus: float = 0.0
    num_slots: int | None = None
    pack_size: int = 1  # how many trials of one cell a worker trains together
    watts_per_core: float = WATTS_PER_CORE  # for an estimate of the CPU's energy
    step_timeout_s: float | None = None  # of a step that hangs, before its worker is ended

    def slots(self, available: Machines) -> int:
        """How many trials can run at once on the available machines, and on those that are added as trials wait.

        Raises:
            ValueError: not even one trial fits.
        """
        if available.is_cluster and self.num_slots is not None:
            return self.num_slots  # it may grow by rules that cannot be seen from here, such as Kubernetes'
        slots = available.slots(self.cpus, self.gpus)
        if slots < 1:
            raise ValueError(
                f"a trial must fit into one of the machines at hand ({available}), but asks for {self.cpus:g} CPUs and "
                f"{self.gpus:g} GPUs: lower --cpus-per-trial or --gpus-per-trial"
            )
        return slots if self.num_slots is None else min(slots, self.num_slots)


@dataclass(frozen=True, kw_only=True)
class Trials:
    """What the trials of a plan have in common, and what each needs to run."""

    folder: Path  # the sweep's own
    job_of: Callable[[TrialRecord], Job]  # what a worker needs for a trial
    tags_of: Callable[[TrialRecord], dict[str, str]]  # of its run in MLflow, beyond its configuration
    scheduler: str = DEFAULT_SCHEDULER  # the name of the rule by which weak ones end early
    forecast: Forecast | None = None  # None where no step could be timed
    # Kept in a file, for those who look in; from the plan and what gives the seconds left.
    standing: Callable[[Plan, Callable[[], float | None]], Standing] | None = None
    inputs_of: Callable[[TrialRecord], list[Facts]] = lambda record: []  # the images that it reads

    def folder_of(self, key: str) -> Path:
        """Where the trial with that `TrialSpec.key` keeps its state."""
        return trial_folder(self.folder, key)


def run(
    plan: Plan, trials: Trials, ledger: Ledger, journal: Journal, resources: Resources, *, verbose: bool = False
) -> None:
    """Runs what the plan still has to run, until it is done or Ctrl-C; errors of trials are in the ledger.

    Raises what `TrialEvents.check` and `Tracker.flush` do.
    """
    num_slots = resources.slots(machines())
    # All that may run together are asked for together, so that a cluster grows at once and not node by node.
    os.environ.setdefault("TUNE_MAX_PENDING_TRIALS_PG", str(num_slots))
    standing = trials.standing(plan, partial(_seconds_left, plan, trials)) if trials.standing else None
    progress = Progress(plan, trials.forecast, standing)
    tracker = Tracker(ledger, journal, lambda key, run_id: clear(trials.folder_of(key), ledger, run_id))

    def start(record: TrialRecord) -> dict[str, Any]:
        tracker.open(record, trials.tags_of(record), trials.inputs_of(record))
        progress.start(record, has_state=newest_epoch(trials.folder_of(record.spec.key)) > 0)
        job = replace(
            trials.job_of(record),
            gpus=resources.gpus,
            watts_per_core=resources.watts_per_core,
            step_timeout_s=resources.step_timeout_s,
        )
        return {KEY: record.spec.key, "job": job.as_dict()}

    events = TrialEvents(plan, tracker, progress, trials.folder_of, trials.scheduler)
    search = PlannedSearch(plan, start, num_slots, resources.pack_size)
    # Ray insists on writing down its own state, which nothing reads. On the disk of the results, a full one would end
    # the sweep, which waits for room in all else that it writes there.
    with TemporaryDirectory(prefix="ray-state-", ignore_cleanup_errors=True) as unread:
        tuner = tune.Tuner(
            tune.with_resources(StudentTrial, {"cpu": resources.cpus, "gpu": resources.gpus}),
            tune_config=_tune_config(search, FairScheduler(plan, trials.scheduler)),
            run_config=run_config(unread, events, verbose=verbose),
        )
        try:
            fit(tuner, events)
        finally:
            progress.close()
            tracker.flush()


def _seconds_left(plan: Plan, trials: Trials) -> float | None:
    return trials.forecast.left(plan).likely_s if trials.forecast else None


def _tune_config(search: PlannedSearch, scheduler: FairScheduler) -> tune.TuneConfig:
    return tune.TuneConfig(search_alg=search, scheduler=scheduler, num_samples=-1, reuse_actors=True)
