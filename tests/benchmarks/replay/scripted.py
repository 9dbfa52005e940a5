"""A sweep through Ray Tune whose trials are scripted: a formula takes the place of the training."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import ray

from platform.cluster.starting import start_ray
from platform.sweeping import runner
from platform.sweeping.plan import Plan
from platform.sweeping.records import TrialRecord
from platform.tracking.journal import Journal
from platform.tracking.ledger import Ledger
from trainables.job import Job
from trainables.student import StudentTrial

NUM_EPOCHS = 9


def curve(config: Mapping[str, Any]) -> list[float]:
    """The validation score of each epoch: some configurations learn fast, others well, and epochs go up and down."""
    rate, beta = math.log10(config["learning_rate"]), math.log10(config["beta"] or 1.0)
    level = 0.8 - 0.05 * (rate + 4) ** 2 - 0.02 * (beta - 1.5) ** 2 + 0.01 * config["seed"]
    epochs = range(1, NUM_EPOCHS + 1)
    return [level - 0.3 * math.exp(epoch * (rate + 2)) + 0.01 * math.sin(7 * epoch + 90 * rate) for epoch in epochs]


class Scripted(StudentTrial):
    """A trial that takes no time."""

    def step(self) -> dict[str, Any]:
        self._epoch += 1
        scores = curve(self._job["spec"]["config"])[: self._epoch]
        return {
            "epoch": self._epoch,
            "metrics": {"score": scores[-1]},
            "best_score": max(scores),
            "done": self._epoch == NUM_EPOCHS,
        }

    def _assign(self, config: dict[str, Any]) -> None:
        super()._assign(config)
        self._epoch = 0


def run(plan: Plan, folder: Path, scheduler: str) -> None:
    """Runs the plan with the scheduler of that name, one trial at a time, with its ledger in the folder."""
    # By value, since our `platform`, which this module imports, is not there on a worker.
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])

    def job_of(record: TrialRecord) -> Job:
        return Job(spec=record.spec, store="", teachers="", folder=str(folder / "trial"))

    ledger = Ledger(f"sqlite:///{folder / 'mlflow.db'}", "retina", "scripted", {}, folder / "artifacts")
    trials = runner.Trials(folder=folder, job_of=job_of, tags_of=lambda record: {}, scheduler=scheduler)
    start_ray(verbose=False)
    try:
        # A scripted trial leaves no files, of which MLflow could have a copy.
        with mock.patch.object(runner, "StudentTrial", Scripted), mock.patch.object(runner, "clear"):
            runner.run(plan, trials, ledger, Journal(folder / "journal.jsonl"), runner.Resources(num_slots=1))
    finally:
        ray.shutdown()
