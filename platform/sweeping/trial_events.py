"""Ray's events of a sweep, as they reach the plan, the ledger and the person who watches."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from platform.cluster.starting import address_of, check_alive
from platform.command_line.stopping import acknowledge_ctrl_c
from platform.sweeping.packs import forget_end, is_pack, keys_of, note_end, results_of
from platform.sweeping.plan import Plan
from platform.sweeping.progress import Progress
from platform.sweeping.records import TrialRecord, out_of_memory
from platform.sweeping.schedulers import DEFAULT_SCHEDULER
from platform.sweeping.tuning import MAX_RETRIES, restarted
from platform.tracking.clearing import files_of
from platform.tracking.sweep_page import SearchProgress
from platform.tracking.tracker import Tracker
from trainables.atomic import FULL, no_room
from trainables.stuck_steps import LOOK_EVERY_S, NOTE


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
        self._ends_with: ValueError | OSError | None = None
        self._named_at_s: dict[Path, float] = {}  # when a note was written that its trial was named for

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Ray has installed its handler of Ctrl-C by now, which says nothing for some seconds: ours answers first.

        Raises what `check` and `check_alive` do.
        """
        if not self._answers_ctrl_c:
            self._answers_ctrl_c = True
            acknowledge_ctrl_c("stopping: finished epochs are saved; Ctrl-C again stops at once")
        self.check()
        if time.monotonic() - self._looked_at_s > LOOK_EVERY_S:
            self._looked_at_s = time.monotonic()
            check_alive()
            self._name_the_stuck()

    def check(self) -> None:
        """Raises what has to end the sweep, if there is something.

        Raises:
            ValueError: the prepared images are not those that a trial is to read.
            OSError: the journal's disk stays full.
            ConnectionError: MLflow lacks what it was sent.
        """
        if self._ends_with:
            raise self._ends_with
        self._tracker.check()

    def _name_the_stuck(self) -> None:
        """Says which workers wait for room on the disk, or are in a step that takes far too long; once per note."""
        running = [record for record in self._plan.records.values() if record.status == "RUNNING"]
        for record, name in product(running, (NOTE, FULL)):
            with suppress(OSError):
                note = self._folder_of(record.spec.key) / name
                at_s = note.stat().st_mtime
                if self._named_at_s.get(note) != at_s:
                    self._named_at_s[note] = at_s
                    self._progress.warn(record, note.read_text() or no_room("its files", note.parent))

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        """Takes up an epoch's result; where that fails, or no trial can go on, the sweep's next step ends it."""
        try:
            for key, own in results_of(trial, result):
                self._take_up(self._plan.records[key], own)
                if is_pack(trial) and self._plan.records[key].status != "RUNNING":
                    note_end(self._folder_of(key))  # which its worker sees before the next epoch
        except (ValueError, OSError) as error:  # raised in here, Ray would make an error of its own of it
            self._ends_with = self._ends_with or error

    def _take_up(self, record: TrialRecord, result: dict[str, Any]) -> None:
        """Logs each epoch once, even where a restarted trial repeats it; settles the trial after its last epoch."""
        if record.status != "RUNNING":
            return
        record.node, record.hardware = address_of(str(result.get("node_ip", ""))), str(result.get("hardware", ""))
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
            if epoch not in record.behind_gap:
                self._tracker.log(record, metrics, epoch)
        if stopped:
            record.stopped = self._scheduler
        if last:
            record.test_auc = result["metrics"].get("test_auc")
        if last or stopped:
            self._settle(record, "FINISHED", out_of_memory=out_of_memory(record, result["metrics"]))

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Lets go of Ray's statistics of an ended trial, some 70 kB until the sweep ends; ours are MLflow's."""
        trial.metric_analysis.clear()
        trial.metric_n_steps.clear()
        self._forget_ends(trial)

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Says that a worker failed, and that nobody need do anything; first what it wrote of its last step, before the
        next worker clears it away."""
        self._name_the_stuck()
        for record in self._running(trial):
            self._progress.warn(record, restarted(trial.num_failures, trial.error_file))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Settles a trial whose worker failed more often than it may be restarted."""
        for record in self._running(trial):
            self._settle(record, "FAILED", f"its worker failed {MAX_RETRIES + 1} times; see {trial.error_file}")
        self._forget_ends(trial)

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Ray pickles callbacks with its snapshots; ours belong to this process

    def _forget_ends(self, trial: Trial) -> None:
        """Clears the notes on the members of a pack that has ended."""
        for key in keys_of(trial) if is_pack(trial) else ():
            forget_end(self._folder_of(key))

    def _running(self, trial: Trial) -> list[TrialRecord]:
        """The trials of the plan that have not ended in it."""
        records = [self._plan.records[key] for key in keys_of(trial)]
        return [record for record in records if record.status == "RUNNING"]

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
