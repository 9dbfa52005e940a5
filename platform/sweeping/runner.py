"""Runs a plan on Ray Tune, on the machines that `platform.cluster.machines` found."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # the ledger has it all
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "3600")  # Ray's own snapshots are never read

from ray import tune
from ray.tune.experiment import Trial

from platform.cluster.machines import Machines, machines
from platform.command_line.stopping import acknowledge_ctrl_c
from platform.sweeping.fair_scheduler import FairScheduler
from platform.sweeping.forecast import Forecast
from platform.sweeping.plan import Plan
from platform.sweeping.progress import Progress
from platform.sweeping.records import TrialRecord, out_of_memory, trial_folder
from platform.sweeping.schedulers import DEFAULT_SCHEDULER
from platform.sweeping.search import KEY, PlannedSearch
from platform.sweeping.standing import Standing
from platform.tracking.clearing import clear, files_of
from platform.tracking.data_inputs import Facts
from platform.tracking.journal import Journal
from platform.tracking.ledger import Ledger
from platform.tracking.sweep_page import SearchProgress
from platform.tracking.tracker import Tracker
from trainables.checkpoint import newest_epoch
from trainables.energy import WATTS_PER_CORE
from trainables.job import Job
from trainables.stuck_steps import LOOK_EVERY_S, NOTE
from trainables.student import StudentTrial

MAX_RETRIES = 3  # of a trial whose worker died, within one run of the command


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What one trial takes, and how many run at once (None: as many as fit)."""

    cpus: float = 1.0
    gpus: float = 0.0
    num_slots: int | None = None
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


class TrialEvents(tune.Callback):
    """Passes Ray's events on to the plan, the ledger and the person who watches."""

    def __init__(
        self,
        plan: Plan,
        tracker: Tracker,
        progress: Progress,
        folder_of: Callable[[str], Path],
        scheduler: str = DEFAULT_SCHEDULER,
    ) -> None:
        self._plan, self._tracker, self._progress, self._folder_of = plan, tracker, progress, folder_of
        self._scheduler = scheduler
        self._search = SearchProgress(plan.records.values())
        self._answers_ctrl_c = False
        self._looked_at_s = 0.0
        self._named_at_s: dict[str, float] = {}  # when the note was written that a trial was last named for

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Ray has installed its handler of Ctrl-C by now, which says nothing for some seconds: ours answers first."""
        if not self._answers_ctrl_c:
            self._answers_ctrl_c = True
            acknowledge_ctrl_c("stopping: finished epochs are saved; Ctrl-C again stops at once")
        self._tracker.check()
        if time.monotonic() - self._looked_at_s > LOOK_EVERY_S:
            self._looked_at_s = time.monotonic()
            self._name_the_stuck()

    def _name_the_stuck(self) -> None:
        """Says which trials' workers are in a step that takes far too long, once for each step."""
        running = [record for record in self._plan.records.values() if record.status == "RUNNING"]
        for record in running:
            with suppress(OSError):
                note = self._folder_of(record.spec.key) / NOTE
                at_s = note.stat().st_mtime
                if self._named_at_s.get(record.spec.key) != at_s:
                    self._named_at_s[record.spec.key] = at_s
                    self._progress.warn(record, note.read_text())

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        """Logs each epoch once, even where a restarted trial repeats it; settles the trial after its last epoch."""
        record = self._plan.records[trial.config[KEY]]
        if record.status != "RUNNING":
            return
        record.node, record.hardware = str(result.get("node_ip", "")), str(result.get("hardware", ""))
        record.seconds += result["time_this_iter_s"]
        if refused := result.get("refused"):
            raise ValueError(refused)
        if error := result.get("error"):
            self._settle(record, "FAILED", error)
            return
        epoch, last = result["epoch"], result["epoch"] == record.spec.config.num_reports
        stopped = bool(result["done"]) and not last
        metrics = {**result["metrics"], "best_score": result["best_score"], "rung": float(not stopped)}
        metrics |= {"epoch_s": result["time_this_iter_s"], **result.get("costs", {})}
        self._progress.note(record, epoch, metrics)
        if epoch > len(record.best_scores):
            record.best_scores.append(result["best_score"])
            self._progress.epoch(record, epoch, metrics)
        if epoch > record.num_judged:
            record.num_judged = epoch
            self._tracker.log(record, metrics, epoch)
        if stopped:
            record.stopped = self._scheduler
        if last:
            record.test_auc = result["metrics"].get("test_auc")
        if last or stopped:
            self._settle(record, "FINISHED", out_of_memory=out_of_memory(record, result["metrics"]))

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """A worker has died: what it wrote of its last step is read before the next worker clears it away."""
        self._name_the_stuck()

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Settles a trial whose worker failed more often than it may be restarted."""
        record = self._plan.records[trial.config[KEY]]
        if record.status == "RUNNING":
            self._settle(record, "FAILED", f"its worker failed {MAX_RETRIES + 1} times; see {trial.error_file}")

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Ray pickles callbacks with its snapshots; ours belong to this process

    def _settle(self, record: TrialRecord, status: str, error: str = "", out_of_memory: str = "") -> None:
        record.status, record.error = status, error
        self._plan.settle(record)
        outcome = {"stopped": record.stopped, "node": record.node, "error": error, "out_of_memory": out_of_memory}
        outcome["hardware"] = record.hardware
        self._tracker.close(record, files_of(self._folder_of(record.spec.key)), outcome)
        metrics, step = self._search.ended(record)
        if metrics:
            self._tracker.progress(metrics, step)
        self._progress.end(record)


def run(
    plan: Plan, trials: Trials, ledger: Ledger, journal: Journal, resources: Resources, *, verbose: bool = False
) -> None:
    """Runs all that the plan still has to run; returns when it is done, or after Ctrl-C.

    Errors of trials are in the ledger.

    Raises:
        ValueError: the prepared images are not those that a trial is to read.
        ConnectionError: MLflow does not answer at the end, or lacks what it was sent.
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
    # Ray insists on writing down its own state, which nothing reads. On the disk of the results, a full one would end
    # the sweep, which waits for room in all else that it writes there.
    with TemporaryDirectory(prefix="ray-state-", ignore_cleanup_errors=True) as unread:
        tuner = tune.Tuner(
            tune.with_resources(StudentTrial, {"cpu": resources.cpus, "gpu": resources.gpus}),
            tune_config=_tune_config(PlannedSearch(plan, start, num_slots), FairScheduler(plan, trials.scheduler)),
            run_config=_run_config(unread, events, verbose=verbose),
        )
        try:
            tuner.fit()
        finally:
            progress.close()
            tracker.flush()


def _seconds_left(plan: Plan, trials: Trials) -> float | None:
    return trials.forecast.left(plan).likely_s if trials.forecast else None


def _tune_config(search: PlannedSearch, scheduler: FairScheduler) -> tune.TuneConfig:
    return tune.TuneConfig(search_alg=search, scheduler=scheduler, num_samples=-1, reuse_actors=True)


def _run_config(storage: str, events: TrialEvents, *, verbose: bool) -> tune.RunConfig:
    return tune.RunConfig(
        name="sweep",
        storage_path=storage,
        verbose=2 if verbose else 0,
        callbacks=[events],
        failure_config=tune.FailureConfig(max_failures=MAX_RETRIES),
        checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
    )
