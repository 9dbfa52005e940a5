"""Runs a plan on Ray Tune, on the machines that `platform.cluster.machines` found."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # the ledger has it all
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "3600")  # Ray's own snapshots are never read

from ray import tune
from ray.tune.experiment import Trial

from platform.cluster.machines import Machines, machines
from platform.sweeping.plan import Plan
from platform.sweeping.progress import Progress
from platform.sweeping.records import TrialRecord
from platform.sweeping.search import KEY, FairAsha, PlannedSearch
from platform.tracking.journal import Journal
from platform.tracking.ledger import Ledger
from platform.tracking.tracker import Tracker
from trainables.job import PREDICTIONS_FILE, Job
from trainables.student import StudentTrial

MAX_RETRIES = 3  # of a trial whose worker died, within one run of the command
REDUCTION_FACTOR = 3
GRACE_FRACTION = 1 / 16  # of a trial's length; 8 epochs of 128


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What one trial takes, and how many run at once (None: as many as fit)."""

    cpus: float = 1.0
    gpus: float = 0.0
    num_slots: int | None = None

    def slots(self, there: Machines) -> int:
        """How many trials can run at once on the machines that are there, or come as trials wait.

        Raises:
            ValueError: not even one fits.
        """
        if there.is_cluster and self.num_slots is not None:
            return self.num_slots  # it may grow by rules that cannot be seen from here, such as Kubernetes'
        slots = there.slots(self.cpus, self.gpus)
        if slots < 1:
            raise ValueError(
                f"a trial must fit into one of the machines at hand ({there}), but asks for {self.cpus:g} CPUs and "
                f"{self.gpus:g} GPUs: see --cpus-per-trial and --gpus-per-trial"
            )
        return slots if self.num_slots is None else min(slots, self.num_slots)


class TrialEvents(tune.Callback):
    """Ray's events, told to the plan, the ledger and the person who watches."""

    def __init__(self, plan: Plan, tracker: Tracker, progress: Progress, folder_of: Callable[[str], Path]) -> None:
        self._plan, self._tracker, self._progress, self._folder_of = plan, tracker, progress, folder_of

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        """Logs an epoch once, also where a trial that began anew repeats it; settles the trial at its last."""
        record = self._plan.records[trial.config[KEY]]
        if record.status != "RUNNING":
            return
        record.node = str(result.get("node_ip", ""))
        if error := result.get("error"):
            self._settle(record, "FAILED", error)
            return
        epoch, last = result["epoch"], result["epoch"] == record.spec.config.num_reports
        stopped = bool(result["done"]) and not last
        metrics = {**result["metrics"], "best_score": result["best_score"], "rung": float(not stopped)}
        self._progress.note(record, metrics)
        if epoch > len(record.best_scores):
            record.best_scores.append(result["best_score"])
            self._progress.epoch(record, epoch, metrics)
        if epoch > record.num_judged:
            record.num_judged = epoch
            self._tracker.log(record, metrics, epoch)
        if stopped:
            record.stopped = "asha"
        if last or stopped:
            self._settle(record, "FINISHED", out_of_memory=_out_of_memory(record, result["metrics"]))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """A trial whose worker failed more often than it is tried again."""
        record = self._plan.records[trial.config[KEY]]
        if record.status == "RUNNING":
            self._settle(record, "FAILED", f"its worker failed {MAX_RETRIES + 1} times; see {trial.error_file}")

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Ray pickles callbacks with its snapshots; ours belong to this process

    def _settle(self, record: TrialRecord, status: str, error: str = "", out_of_memory: str = "") -> None:
        record.status = status
        self._plan.settle(record)
        folder = self._folder_of(record.spec.key)
        files = [(path, "model") for path in sorted(folder.glob("best-*.safetensors"))[-1:]]
        outcome = {"stopped": record.stopped, "node": record.node, "error": error, "out_of_memory": out_of_memory}
        self._tracker.close(record, [*files, (folder / PREDICTIONS_FILE, "")], outcome)
        self._progress.end(record, error)


def _out_of_memory(record: TrialRecord, metrics: Mapping[str, float]) -> str:
    """Where the GPU was too small for a batch, how the trial went on; else ""."""
    if "micro_batch_size" not in metrics:
        return ""
    size = int(metrics["micro_batch_size"])
    return f"ended with at most {size} of the batch's {record.spec.config.batch_size} images at once"


def run(
    plan: Plan,
    ledger: Ledger,
    journal: Journal,
    job_of: Callable[[TrialRecord], Job],
    tags_of: Callable[[TrialRecord], dict[str, str]],
    resources: Resources,
    folder: Path,
    max_epochs: int,
    metric: str,
    *,
    verbose: bool = False,
) -> None:
    """Runs all that the plan still has to run; returns when it is done, or after Ctrl-C.

    Errors of trials are in the ledger.
    """
    num_slots = resources.slots(machines())
    # All that may run together are asked for together, so that a cluster grows at once and not node by node.
    os.environ.setdefault("TUNE_MAX_PENDING_TRIALS_PG", str(num_slots))
    progress = Progress(plan, max_epochs, metric)

    def folder_of(key: str) -> Path:
        return folder / "trials" / key

    def forget(key: str) -> None:
        """A long search would fill the storage with states; the few confirm runs, and a teacher's, stay."""
        if plan.records[key].spec.config.phase == "search":
            shutil.rmtree(folder_of(key), ignore_errors=True)

    for record in plan.records.values():
        if record.status == "FINISHED":  # but the process may have died before it was forgotten
            forget(record.spec.key)
    tracker = Tracker(ledger, journal, forget)

    def start(record: TrialRecord) -> dict[str, Any]:
        tracker.open(record, tags_of(record))
        progress.start(record)
        return {KEY: record.spec.key, "job": job_of(record).as_dict()}

    ray_folder = folder / "ray"
    shutil.rmtree(ray_folder, ignore_errors=True)  # of an earlier run; nothing in it is ever read
    trainable = tune.with_resources(StudentTrial, {"cpu": resources.cpus, "gpu": resources.gpus})
    tuner = tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=PlannedSearch(plan, start, num_slots),
            scheduler=FairAsha(
                plan,
                max_epochs=max_epochs,
                grace_epochs=max(1, round(max_epochs * GRACE_FRACTION)),
                reduction_factor=REDUCTION_FACTOR,
            ),
            num_samples=-1,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name="ray",
            storage_path=str(folder),
            verbose=2 if verbose else 0,
            callbacks=[TrialEvents(plan, tracker, progress, folder_of)],
            failure_config=tune.FailureConfig(max_failures=MAX_RETRIES),
            checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
        ),
    )
    try:
        tuner.fit()
    finally:
        progress.close()
        tracker.flush()
