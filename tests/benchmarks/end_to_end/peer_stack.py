"""An ablation of attention transfer with the public stack: Ray Tune, Optuna, MLflow, torchvision and torchdistill.

    python -m end_to_end.peer_stack SETTINGS.json

The configurations of each cell are tried with ASHA; the best of each cell is trained again with another seed, and
tested. A program of its own, as the libraries' documentation shows it, which shares no code with this project; what it
writes to `timings.jsonl` and `logging.json` is for whoever compares.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import ray
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler
from ray.tune.search.optuna import OptunaSearch

from .peer_student import METRIC, Student, point_of

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

GRACE_EPOCHS, REDUCTION_FACTOR = 1, 3
Point = dict[str, Any]


def asha(num_epochs: int) -> ASHAScheduler:
    """Ray's own early stopping."""
    rule: dict[str, Any] = {"grace_period": GRACE_EPOCHS, "reduction_factor": REDUCTION_FACTOR}
    return ASHAScheduler(time_attr="training_iteration", metric=METRIC, mode="max", max_t=num_epochs, **rule)


class AshaPerCell(FIFOScheduler):
    """A bracket for each cell, so that no cell is judged by another's scores, and one Tuner can run them all."""

    def __init__(self, num_epochs: int) -> None:
        super().__init__()
        self.num_epochs, self.brackets = num_epochs, {}  # type: ignore[var-annotated]

    def _of(self, trial: Trial) -> ASHAScheduler:
        return self.brackets.setdefault(trial.config["point"]["cell"], asha(self.num_epochs))

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        self._of(trial).on_trial_add(tune_controller, trial)

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        return self._of(trial).on_trial_result(tune_controller, trial, result)

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        self._of(trial).on_trial_complete(tune_controller, trial, result)


class TimedMLflow(MLflowLoggerCallback):
    """Ray's callback, with a clock."""

    seconds = 0.0

    def log_trial_start(self, trial: Trial) -> None:
        self._timed(super().log_trial_start, trial)

    def log_trial_result(self, iteration: int, trial: Trial, result: dict[str, Any]) -> None:
        self._timed(super().log_trial_result, iteration, trial, result)

    def log_trial_end(self, trial: Trial, failed: bool = False) -> None:
        self._timed(super().log_trial_end, trial, failed)

    def _timed(self, work: Any, *arguments: Any) -> None:
        started_s = time.perf_counter()
        work(*arguments)
        TimedMLflow.seconds += time.perf_counter() - started_s


def fit(settings: dict[str, Any], name: str, config: dict[str, Any], **how: Any) -> list[tuple[Point, float]]:
    """Runs trials; what each was given, and its best score on the validation set."""
    out = Path(settings["out"])
    tuner = tune.Tuner(
        tune.with_resources(Student, {"cpu": 1}),
        param_space={**settings, **config},
        tune_config=tune.TuneConfig(reuse_actors=True, max_concurrent_trials=settings["concurrent"], **how),
        run_config=tune.RunConfig(
            name=name,
            storage_path=str(out / "ray_results"),
            callbacks=[TimedMLflow(tracking_uri=f"sqlite:///{out}/mlflow.db", experiment_name="ablation")],
            checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=1, num_to_keep=2),
            verbose=1,
        ),
    )
    results = tuner.fit()
    if results.num_errors:
        raise RuntimeError(f"{results.num_errors} trials of {name} failed")
    runs = [results[number] for number in range(len(results))]
    return [(point_of(each.config or {}), (each.metrics or {})[METRIC]) for each in runs]


def space_of(cell: Point, trial: optuna.Trial) -> dict[str, Any]:
    """Suggests a point of a cell."""
    for name, (low, high) in cell["ranges"].items():
        trial.suggest_float(name, low, high, log=True)
    return {"point": cell["point"]}


def search(settings: dict[str, Any], cell: Point) -> list[tuple[Point, float]]:
    """One cell's own study."""
    sampler = optuna.samplers.TPESampler(seed=settings["seed"])
    return fit(
        settings,
        cell["point"]["cell"].replace("/", "-"),
        {},
        num_samples=cell["num_trials"],
        search_alg=OptunaSearch(partial(space_of, cell), metric=METRIC, mode="max", sampler=sampler),
        scheduler=asha(settings["epochs"]),
    )


def confirm(settings: dict[str, Any], tried: Sequence[tuple[Point, float]], num_repeats: int) -> None:
    """The best point of each cell at full length, with other seeds, and on the test set."""
    best: dict[str, tuple[Point, float]] = {}
    for point, score in tried:
        if point["cell"] not in best or score > best[point["cell"]][1]:
            best[point["cell"]] = point, score
    repeats = [
        {**point, "phase": "confirm", "seed": point["seed"] + number}
        for point, _ in best.values()
        for number in range(1, num_repeats + 1)
    ]
    fit(settings, "confirm", {"point": tune.grid_search(repeats)})


def main() -> None:
    asked = json.loads(Path(sys.argv[1]).read_text())
    settings = asked["settings"]
    ray.init(address="local", num_cpus=settings["concurrent"], include_dashboard=False)
    if asked["points"]:
        scheduler = AshaPerCell(settings["epochs"])
        tried = fit(settings, "search", {"point": tune.grid_search(asked["points"])}, scheduler=scheduler)
    else:
        tried = [each for cell in asked["searched"] for each in search(settings, cell)]
    confirm(settings, tried, asked["repeats"])
    ray.shutdown()
    (Path(settings["out"]) / "logging.json").write_text(json.dumps(TimedMLflow.seconds))


if __name__ == "__main__":
    main()
