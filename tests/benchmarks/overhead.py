"""What a trial costs beside its training: `python -m tests.benchmarks.overhead`.

A sweep of trials that do nothing runs through our driver as any other: Ray Tune, the fair search, the journal, MLflow
in SQLite, in studies of 40 trials, as many as it takes, which take turns. The same trials are asked of Optuna alone, in
one process, by the same sampler. Seconds a trial, early and late in the sweep: medians of a hundred around it.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import ray

from platform.cluster.starting import start_ray
from platform.sweeping import runner
from platform.sweeping.plan import Plan
from platform.sweeping.records import TrialRecord
from platform.sweeping.sampled_studies import CellStudy
from platform.sweeping.study import Study
from platform.tracking.journal import Journal
from platform.tracking.ledger import Ledger
from search_spaces import space_of
from search_spaces.presets import PRESETS
from tests.benchmarks import targets
from trainables.config import TrialConfig
from trainables.job import Job
from trainables.student import StudentTrial
from trainables.trial import TrialSpec

WINDOW = 100
STUDY_TRIALS = 40


class NoTraining(StudentTrial):
    """A trial of one epoch that is over at once; its score is a function of its parameters."""

    def step(self) -> dict[str, Any]:
        config = self._job["spec"]["config"]
        score = _score(config["learning_rate"], config["weight_decay"])
        return {"epoch": 1, "metrics": {"score": score, "val_auc": score}, "best_score": score, "done": True}


def _score(learning_rate: float, weight_decay: float) -> float:
    return 1 / (1 + abs(learning_rate - 1e-4) * 1e4 + weight_decay)


def ours(num_trials: int, folder: Path) -> list[float]:
    """The time at which each trial ended, in seconds."""
    space = PRESETS["paper"].fitted(space_of("retina"))
    cell = next(cell for cell in space.cells if cell.method == "transfer")
    studies: list[Study] = [
        CellStudy(name=f"cell {number}", num_trials=STUDY_TRIALS, of_cell=cell, space=space, seed=number)
        for number in range(num_trials // STUDY_TRIALS)
    ]
    base = TrialConfig(dataset="retina", method="transfer", max_epochs=1)

    def spec_of(config: TrialConfig) -> TrialSpec:
        return TrialSpec(config=config, data_fingerprint="none", split_fingerprint="none")

    def job_of(record: TrialRecord) -> Job:
        return Job(spec=record.spec, store="", teachers="", folder=str(folder / "trial"))

    ended_s: list[float] = []

    class Timed(Plan):
        def settle(self, record: TrialRecord) -> None:
            super().settle(record)
            ended_s.append(time.perf_counter())

    plan = Timed(studies, base, spec_of, 0)
    ledger = Ledger(f"sqlite:///{folder / 'mlflow.db'}", "retina", "overhead", {}, folder / "artifacts")
    # By value, since our `platform`, which this module imports, is not there on a worker.
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    importlib.reload(runner).StudentTrial = NoTraining  # type: ignore[attr-defined]
    start_ray(verbose=False)
    resources = runner.Resources(num_slots=1)
    journal = Journal(folder / "journal.jsonl")
    trials = runner.Trials(folder=folder, job_of=job_of, tags_of=lambda record: {}, forecast=None, standing=None)
    runner.run(plan, trials, ledger, journal, resources)
    return ended_s


def alone(num_trials: int) -> list[float]:
    """The same of Optuna alone."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    studies = [
        optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=number))
        for number in range(num_trials // STUDY_TRIALS)
    ]
    ended_s = []
    for number in range(num_trials):
        study = studies[number % len(studies)]
        trial = study.ask()
        learning_rate = trial.suggest_float("learning_rate", 1e-5, 1e-3, log=True)
        study.tell(trial, _score(learning_rate, trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True)))
        ended_s.append(time.perf_counter())
    return ended_s


def _at(ended_s: list[float], number: int) -> float:
    """Median seconds from one end to the next, around trial `number`."""
    around = ended_s[max(0, number - WINDOW // 2) : number + WINDOW // 2]
    return statistics.median(after - before for before, after in itertools.pairwise(around))


@contextmanager
def silent() -> Iterator[None]:
    """Two thousand trials tell of their progress."""
    kept = os.dup(1)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            os.dup2(kept, 1)


def main() -> None:
    """Prints a row for each of some places in the sweep."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.overhead", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--trials", type=int, default=2000, help="default: %(default)s")
    typed = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, silent():
        mine = ours(typed.trials, Path(name))
    theirs = alone(typed.trials)
    print("trial | ours, ms | Optuna alone, ms | more, ms")
    for number in sorted({*targets.SHOWN_TRIALS, typed.trials}):
        if number <= typed.trials:
            a, b = 1e3 * _at(mine, number), 1e3 * _at(theirs, number)
            print(f"{number} | {a:.1f} | {b:.1f} | {a - b:.1f}", flush=True)
            targets.overhead(number).judge(a - b, min(WINDOW, number))


if __name__ == "__main__":
    main()
