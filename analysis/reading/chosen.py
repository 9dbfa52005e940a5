"""One confirming repeat from MLflow: by its run's id, or the best repeat of a cell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run

from analysis.reading import artifacts
from analysis.reading.tracking_uri import is_bundle, require_store, without_password
from analysis.reading.trials import Runs, runs
from trainables.cell import ITSELF, Cell
from trainables.pasting import command_line
from trainables.trial import RECIPE_VERSION


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A confirming repeat, with the runs that share a table with it."""

    runs: Runs
    run: pd.Series  # a row of `runs.confirm`
    by_validation: bool  # whether it is the best of its cell's repeats, and not named by its id

    @property
    def why(self) -> str:
        """How it was chosen, in words."""
        if self.by_validation:
            return f"the best of its cell's {len(self.repeats)} repeats by the score on the validation set"
        return "named by its id"

    @property
    def repeats(self) -> pd.DataFrame:
        """Every confirming repeat of its cell, this one among them."""
        return self.runs.confirm[self.runs.confirm["tags.cell"] == self.run["tags.cell"]]

    @property
    def weights_file(self) -> Path:
        """The safetensors file of its best epoch.

        Raises:
            FileNotFoundError: it is not among the run's files.
        """
        file = artifacts.weights_of(self.runs.tracking_uri, self.run)
        if file is None:
            raise FileNotFoundError(
                f"run {self.run['run_id']} has no model/*.safetensors among its files in MLflow, so there is no "
                "student to use; was the artifacts' folder moved or deleted?"
            )
        return file


def chosen(tracking_uri: str, wanted: str, dataset: str | None = None, sweep: str | None = None) -> Chosen:
    """The repeat that `wanted` names: a run's id, its beginning, or a cell.

    For a cell it is the repeat with the best score on the validation set, and of two equals the first: choosing by the
    test set would make the chosen test score too good.

    Raises:
        FileNotFoundError: there is no MLflow file.
        LookupError: there is no such run or cell, several ids begin like this, or the run is not a confirming repeat
            of the present recipe.
        ValueError: a cell is named without its data set.
    """
    require_store(tracking_uri)
    return _by_cell(tracking_uri, wanted, dataset, sweep) if "/" in wanted else _by_id(tracking_uri, wanted)


def _by_cell(tracking_uri: str, cell: str, dataset: str | None, sweep: str | None) -> Chosen:
    if dataset is None:
        raise ValueError(f"a cell needs its data set, but got {cell!r} alone; add --dataset, such as --dataset retina")
    recorded = runs(tracking_uri, dataset, sweep)
    repeats = recorded.confirm[recorded.confirm["tags.cell"] == cell]
    if repeats.empty:
        cells = sorted(map(Cell.parse, recorded.confirm["tags.cell"].unique()), key=lambda each: each.sort_key)
        known = ", ".join(each.name for each in cells) or "none"
        raise LookupError(f"no finished confirming repeat of {cell!r} on {dataset} (cells that have one: {known})")
    return _checked(Chosen(runs=recorded, run=best_of(repeats), by_validation=True))


def best_of(repeats: pd.DataFrame) -> pd.Series:
    """The repeat with the best score on the validation set; of two equals, the one with the smaller seed."""
    order = ["metrics.best_score", "params.seed"]
    return repeats.sort_values(order, ascending=[False, True], kind="stable").iloc[0]


def _by_id(tracking_uri: str, wanted: str) -> Chosen:
    if not re.fullmatch(r"[0-9a-f]{1,32}", wanted):
        raise LookupError(
            f"RUN must be a run's id (32 hexadecimal digits, or their beginning) or a cell's name such as "
            f"attention/imagenet/densenet40/all, but got {wanted!r}"
        )
    if is_bundle(tracking_uri):
        raise LookupError(f"in a bundle RUN must be a cell, with its data set (--dataset), but got {wanted!r}")
    client = MlflowClient(tracking_uri)
    places = [experiment.experiment_id for experiment in client.search_experiments()]
    matching = client.search_runs(places, f"attributes.run_id LIKE '{wanted}%'", max_results=10)
    if not matching:
        ui = command_line("platform.ui", "--tracking-uri", without_password(tracking_uri))
        raise LookupError(f"no run whose id begins with {wanted} in this MLflow; `{ui}` lists all runs")
    if len(matching) > 1:
        ids = ", ".join(sorted(run.info.run_id for run in matching))
        raise LookupError(f"the id must belong to one run, but several begin with {wanted}: {ids}; give more digits")
    tags = _tags_of_a_repeat(matching[0])
    run_id, recorded = matching[0].info.run_id, runs(tracking_uri, tags["dataset"], tags["sweep"])
    rows = recorded.confirm[recorded.confirm["run_id"] == run_id]
    if rows.empty:
        reasons = recorded.left_out.loc[recorded.left_out["run_id"] == run_id, "reason"].tolist()
        reasons = reasons or ["it draws one source of variance alone, and is no repeat of its cell"]
        raise LookupError(f"the run must be in the tables, but {run_id} is left out: {', '.join(reasons)}")
    return _checked(Chosen(runs=recorded, run=rows.iloc[0], by_validation=False))


def _tags_of_a_repeat(run: Run) -> dict[str, str]:
    tags: dict[str, str] = run.data.tags
    if tags.get("phase") != "confirm":
        kind = f"is of the phase {tags['phase']!r}" if "phase" in tags else "is no trial"
        raise LookupError(
            f"only confirming repeats can be used, since they alone were scored on the test set, but "
            f"{run.info.run_id} {kind}; `{command_line('analysis.runs', 'DATASET')}` counts them"
        )
    _check_recipe(run.info.run_id, tags.get("recipe", ""))
    return tags


def _checked(repeat: Chosen) -> Chosen:
    _check_recipe(str(repeat.run["run_id"]), str(repeat.run["tags.recipe"]))
    if repeat.run["params.method"] == ITSELF:
        raise LookupError(
            f"a trained student is needed, but in {repeat.run['tags.cell']} nothing was trained: the teacher "
            f"{repeat.run['params.teacher']} itself lies under the results' teachers/"
        )
    return repeat


def _check_recipe(run_id: str, recipe: str) -> None:
    if recipe != str(RECIPE_VERSION):
        raise LookupError(
            f"a run of this code's recipe {RECIPE_VERSION} is needed, but {run_id} is of recipe {recipe or 'unknown'}; "
            "use it with the version of the code that made it"
        )
