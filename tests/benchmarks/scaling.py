"""What the driver bears: a whole search with simulated trials, through our own plan, search, brackets and ledger.

`python -m tests.benchmarks.scaling` runs the driver's code as Ray Tune calls it, one event at a time, with scores that
are drawn and no training: `--concurrent` trials at once, `--trials` in all. So what it takes is what a real sweep's
driver takes beside Ray itself. `--tracking-uri none` leaves MLflow out; any number of addresses may be given.
"""

from __future__ import annotations

import os

os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")

import argparse
import io
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from platform.sweeping import fair_scheduler, progress, schedulers, search, studies
from platform.sweeping.plan import Plan
from platform.sweeping.trial_events import TrialEvents
from platform.tracking.journal import Journal
from platform.tracking.ledger import Ledger
from platform.tracking.tracker import Tracker
from search_spaces.retina import SPACE
from search_spaces.space import Space
from tests.benchmarks.question_times import print_questions
from trainables.config import TrialConfig
from trainables.trial import TrialSpec

MAX_EPOCHS = 16
NUM_METRICS = 23  # that an epoch of a trial on chest X-rays logs


class NoLedger:
    """Takes everything and keeps nothing."""

    parent_id = ""
    file = SimpleNamespace(check=lambda: None)  # which nobody replaces

    def __init__(self) -> None:
        self.num_opened = 0

    def open(self, record: Any, tags: Mapping[str, str], at_ms: int, inputs: Any) -> None:
        self.num_opened += 1
        record.run_id = str(self.num_opened)

    def log(self, *_: Any) -> None:
        pass

    def close(self, *_: Any) -> None:
        pass


class Simulation:
    """A driver whose trials are drawn; `seconds` holds what each kind of call took."""

    def __init__(self, mode: str, num_trials: int, num_concurrent: int, ledger: Any, folder: Path) -> None:
        space = cells(SPACE)
        per_cell = max(1, num_trials // len(space.cells))
        base = TrialConfig(dataset="retina", method="transfer", max_epochs=MAX_EPOCHS)
        drawn_studies = studies.make_studies(space, mode, per_cell, seed=0)
        self.plan = Plan(
            drawn_studies, base, lambda config: TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s"), 0
        )
        self.tracker = Tracker(ledger, Journal(folder / "journal.jsonl"))
        self.search = search.PlannedSearch(self.plan, self._start, num_concurrent)
        self.scheduler = fair_scheduler.FairScheduler(self.plan, schedulers.asha(grace_epochs=1, reduction_factor=3))
        watched = progress.Progress(self.plan, stream=io.StringIO())
        self.events = TrialEvents(self.plan, self.tracker, watched, lambda key: Path("nowhere"))
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.longest_queue = 0
        self._rng = random.Random(0)

    def run(self) -> float:
        """Plays all trials; the seconds until the last record was written."""
        started_s = time.perf_counter()
        running: list[tuple[Any, list[int]]] = []
        while True:
            asked_s = time.perf_counter()
            config = self.search.suggest("")
            if isinstance(config, dict):
                self.seconds["ask"].append(time.perf_counter() - asked_s - self.seconds["open"][-1])
                trial: Any = SimpleNamespace(config=config, error_file="")
                self.scheduler.on_trial_add(None, trial)
                running.append((trial, [0]))
                continue
            if not running:
                break
            self._epoch(running, self._rng.randrange(len(running)))
        self.tracker.flush()
        return time.perf_counter() - started_s

    def _epoch(self, running: list[tuple[Any, list[int]]], which: int) -> None:
        trial, epochs = running[which]
        epochs[0] += 1
        record = self.plan.records[trial.config[search.KEY]]
        best = max([self._rng.random(), *record.best_scores])
        metrics = {f"metric_{number}": self._rng.random() for number in range(NUM_METRICS)} | {"score": best}
        result = {"epoch": epochs[0], "best_score": best, "metrics": metrics, "done": False, "node_ip": "10.0.0.1"}
        result["time_this_iter_s"] = 1.0
        with self._timed("ASHA"):
            decision = self.scheduler.on_trial_result(None, trial, result)
        result["done"] = decision == "STOP"
        with self._timed("event"):
            self.events.on_trial_result(0, [], trial, result)
        self.longest_queue = max(self.longest_queue, self.tracker._waiting.qsize())
        if result["done"]:
            self.scheduler.on_trial_complete(None, trial, result)
            running.pop(which)

    def _start(self, record: Any) -> dict[str, Any]:
        with self._timed("open"):
            self.tracker.open(record, {"data": "simulated"})
        return {search.KEY: record.spec.key}

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        started_s = time.perf_counter()
        yield
        self.seconds[what].append(time.perf_counter() - started_s)


def cells(space: Space) -> Space:
    """The seven cells of Table V at one size of the data."""
    return space


def lines(simulation: Simulation, total_s: float) -> list[str]:
    """What is printed of one simulation."""
    seconds = simulation.seconds
    figures = [f"  {len(seconds['open'])} trials, {len(seconds['event'])} epochs, {total_s:.1f} s in all"]
    parts = {"ask": seconds["ask"], "open": seconds["open"], "ASHA": seconds["ASHA"], "event": seconds["event"]}
    for what, values in parts.items():
        late = values[-max(1, len(values) // 10) :]
        figures.append(
            f"  {what:6} median {1e3 * statistics.median(values):8.2f} ms, of the last tenth "
            f"{1e3 * statistics.median(late):8.2f} ms, longest {1e3 * max(values):8.1f} ms"
        )
    busy_s = sum(map(sum, parts.values()))
    figures.append(
        f"  the driver's thread: {1e3 * busy_s / len(seconds['event']):.2f} ms an epoch of a trial, opens included"
    )
    figures.append(
        f"  written: {len(seconds['event']) / total_s:.0f} epochs/s; longest queue: {simulation.longest_queue} records"
    )
    return figures


def resume_s(ledger: Any) -> tuple[int, float]:
    """How many runs there are, and the seconds that a sweep that is started again takes to read them."""
    started_s = time.perf_counter()
    num_runs = len(ledger.records())
    return num_runs, time.perf_counter() - started_s


def main() -> None:
    """Prints a block a store."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.scaling", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--trials", type=int, default=400, help="default: %(default)s")
    parser.add_argument("--concurrent", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--search", choices=("optuna", "joint"), default="optuna", help="default: %(default)s")
    parser.add_argument(
        "--tracking-uri", nargs="*", default=["none", "sqlite"], metavar="URI", help="default: %(default)s"
    )
    parser.add_argument("--no-questions", action="store_true", help="leave out the times of single questions")
    typed = parser.parse_args()
    if not typed.no_questions:
        print_questions()
    for uri in typed.tracking_uri:
        print(f"{uri.partition('@')[0]}, {typed.search}, {typed.concurrent} at once", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            address = f"sqlite:///{folder}/mlflow.db" if uri == "sqlite" else uri
            name = f"simulated-{time.time_ns()}"
            ledger = (
                NoLedger()
                if uri == "none"
                else Ledger(address, "simulated", name, {}, Path(folder) if uri == "sqlite" else None)
            )
            simulation = Simulation(typed.search, typed.trials, typed.concurrent, ledger, Path(folder))
            print("\n".join(lines(simulation, simulation.run())), flush=True)
            if uri != "none":
                num_runs, seconds = resume_s(ledger)
                each_ms = 1e3 * seconds / num_runs
                print(
                    f"  read again when resumed: {num_runs} runs in {seconds:.1f} s, {each_ms:.1f} ms a run", flush=True
                )


if __name__ == "__main__":
    main()
