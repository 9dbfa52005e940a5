"""Beyond the paper: what the search tried, what it cost, and the score against beta."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.figures import drawing, figure_importance
from analysis.figures.drawing import Picture
from analysis.reading import origins
from analysis.reading.history import history
from analysis.reading.repeats import design_of
from analysis.reading.tracking_uri import without_password
from analysis.reading.trials import Runs, runs
from analysis.scores import importances
from trainables import titles
from trainables.atomic import write_bytes

SCORE = "best_score"
WHAT_IS_TRIED = (
    "Parallel coordinates, one line per trial: its knobs, on log scales, and its best score on the validation set, "
    "which is also the line's colour. Each axis runs from the least to the greatest value that was tried; a trial "
    "without a teacher has no beta, and its line passes over that axis."
)
PARALLEL = {  # the axes of the parallel coordinates, and what they are called
    "learning_rate": "learning rate", "weight_decay": "weight decay", "beta": "beta", "score": "validation score (%)",
}  # fmt: skip
LOG = ("learning_rate", "weight_decay", "beta")
KNOBS = {"params.learning_rate": "learning rate", "params.weight_decay": "weight decay", "params.beta": "beta"}


def trials(recorded: Runs) -> pd.DataFrame:
    """One row per trial of the search, in the order in which they began: cell, learning_rate, weight_decay, beta (NaN
    without a teacher), score (best on the validation set, percent), stopped (early), run_id.
    """
    search = recorded.search.reindex(columns=["tags.cell", *KNOBS, f"metrics.{SCORE}", "tags.stopped", "run_id"])
    names = ["cell", "learning_rate", "weight_decay", "beta", "score", "stopped", "run_id"]
    frame = search.set_axis(names, axis=1).reset_index(drop=True)
    knobs = ["learning_rate", "weight_decay", "beta", "score"]
    frame[knobs] = frame[knobs].astype(float)
    return frame.assign(score=100 * frame["score"], stopped=frame["stopped"].notna())


def spent(recorded: Runs, frame: pd.DataFrame) -> pd.DataFrame:
    """From `trials`: for each cell the best score so far: cell, num_trials, num_epochs (spent until then), best."""
    logged = history(recorded.tracking_uri, frame["run_id"].tolist(), [SCORE])
    epochs = logged.groupby("run_id")["step"].max().rename("epochs")
    joined = frame.join(epochs, on="run_id").fillna({"epochs": 0})
    by_cell = joined.groupby("cell")
    return pd.DataFrame(
        {
            "cell": joined["cell"],
            "num_trials": by_cell.cumcount() + 1,
            "num_epochs": by_cell["epochs"].cumsum(),
            "best": by_cell["score"].cummax(),
        }
    )


def draw_parallel(frame: pd.DataFrame, ax: Axes) -> None:
    """Parallel coordinates: one line per trial over the knobs and the score, which is also its colour."""
    names = [name for name in PARALLEL if frame[name].notna().any()]
    scaled = pd.DataFrame({name: _unit(frame[name], name in LOG) for name in names})
    lines_TA2 = np.stack([np.tile(np.arange(float(len(names))), (len(frame), 1)), scaled.to_numpy()], axis=2)
    # A trial without a teacher has no beta: its line passes from weight decay to the score.
    lines = [line[np.isfinite(line[:, 1])] for line in lines_TA2]
    is_large = len(frame) > drawing.MAX_VECTORS
    drawn = LineCollection(lines, cmap="viridis_r", linewidths=1.2, alpha=0.8, rasterized=is_large)
    drawn.set_array(frame["score"].to_numpy(dtype=float))
    ax.add_collection(drawn)
    for place, name in enumerate(names):
        ax.axvline(place, color="#666666", linewidth=0.8)
        for height, text in _ticks(frame[name], name in LOG):
            ax.plot([place - 0.02, place], [height, height], color="#666666", linewidth=0.8)
            ax.text(place - 0.03, height, text, fontsize=7, ha="right", va="center", bbox=drawing.BLANK)
    ax.set_xlim(-0.35, len(names) - 0.9)
    ax.set_ylim(-0.05, 1.05)
    ax.set_xticks(range(len(names)), [PARALLEL[name] for name in names])
    ax.set_yticks([])
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.figure.colorbar(drawn, ax=ax, label=PARALLEL["score"], fraction=0.05, pad=0.02)


def _unit(values: pd.Series, log: bool) -> pd.Series:
    numbers = np.log10(values.where(values > 0)) if log else values
    low, high = numbers.min(), numbers.max()
    return (numbers - low) / (high - low) if high > low else numbers * 0 + 0.5


def _ticks(values: pd.Series, log: bool) -> list[tuple[float, str]]:
    """The places on an axis of length 1, and their texts: the least value, the greatest, and the middle between."""
    numbers = np.log10(values[values > 0]) if log else values.dropna()
    low, high = float(numbers.min()), float(numbers.max())
    if not high > low:
        return [(0.5, _written(10**low if log else low))] if np.isfinite(low) else []
    places = [(share, low + share * (high - low)) for share in (0.0, 0.5, 1.0)]
    return [(share, _written(10**value if log else value)) for share, value in places]


def _written(value: float) -> str:
    """Two digits: ``0.00021``, ``5e-05``, ``120``."""
    return f"{float(f'{value:.2g}'):g}"


def draw_spent(frame: pd.DataFrame, ax: Axes, across: str, phantom: Mapping[str, str]) -> None:
    """The best score so far, one line per cell; `across` is "num_trials" or "num_epochs"."""
    teachers = drawing.teachers_of(frame["cell"].tolist())
    for cell, line in frame.groupby("cell"):
        look = drawing.style(str(cell), teachers) | ({"marker": ""} if len(line) > 1 else {})  # one trial makes no step
        ax.step(line[across], line["best"], where="post", label=drawing.key(str(cell), phantom.get(str(cell))), **look)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel({"num_trials": "trials", "num_epochs": "epochs spent"}[across])
    ax.set_ylabel("best score so far (%)")


def draw_beta(frame: pd.DataFrame, ax: Axes, phantom: Mapping[str, str]) -> None:
    """The validation score of each trial with a teacher against its beta."""
    with_teacher = frame[frame["beta"].notna() & frame["score"].notna()]
    is_large = len(with_teacher) > drawing.MAX_VECTORS
    teachers = drawing.teachers_of(frame["cell"].tolist())
    for cell, points in with_teacher.groupby("cell"):
        look = {**drawing.style(str(cell), teachers), "linestyle": "", "rasterized": is_large}
        label = drawing.key(str(cell), phantom.get(str(cell)))
        ax.plot(points["beta"], points["score"], label=label, markersize=5, fillstyle="none", **look)
    ax.set_xscale("log")
    ax.set_xlabel("beta (small: much attention)")
    ax.set_ylabel("best validation score (%)")


def write(uri: str, dataset: str, sweep: str | None, out: Path) -> list[Path]:
    """Writes each figure to the folder `out`, as PNG and SVG, and its frame as CSV; returns the paths of the PNGs.

    Raises:
        FileNotFoundError, LookupError, ValueError: as `analysis.reading.trials.runs`, or there was no search.
    """
    recorded = runs(uri, dataset, sweep)
    importance = figure_importance.picture(importances.rows_of(recorded, joint_alone=False), recorded)
    drawn = [*pictures(recorded), *([importance] if importance else [])]
    if not drawn:
        raise LookupError(f"no finished trial of a search on {dataset} in {without_password(uri)}")
    paths = []
    for picture in drawn:
        paths.append(out / f"{picture.name}.png")
        write_bytes(paths[-1], drawing.png(picture.figure))
        write_bytes(out / f"{picture.name}.svg", drawing.svg(picture.figure))
        write_bytes(out / f"{picture.name}.csv", picture.frame.to_csv(index=False, lineterminator="\n").encode())
    return paths


def pictures(recorded: Runs) -> list[Picture]:
    """The figures of the search; none where there was no search.

    What the best score so far was is left out of a cross-validation, in which each fold has a search of its own, with
    other validation images.
    """
    frame = trials(recorded)
    if frame.empty:
        return []
    phantom = origins.of_cells(recorded.search)
    parallel, (ax,) = drawing.empty_figure()
    draw_parallel(frame, ax)
    drawn = [("search_parallel", "What the search tried", WHAT_IS_TRIED, parallel, frame)]
    if not design_of(recorded.search).num_folds:
        drawn.append(_budget(recorded, frame, phantom))
    if frame["beta"].notna().any():
        beta, (ax,) = drawing.empty_figure()
        draw_beta(frame, ax, phantom)
        drawing.legend(beta, [ax])
        drawn.append(("search_beta", "Score against beta", "Validation score of each trial by beta.", beta, frame))
    for *_, figure, _ in drawn:
        drawing.announce_phantom(figure, origins.union(phantom.values()))
    return [
        Picture(name=name, title=title, alternative=alternative, figure=figure, frame=data)
        for name, title, alternative, figure, data in drawn
    ]


def _budget(
    recorded: Runs, frame: pd.DataFrame, phantom: Mapping[str, str]
) -> tuple[str, str, str, Figure, pd.DataFrame]:
    costs = spent(recorded, frame)
    budget, axes = drawing.empty_figure(num_columns=2)
    for ax, across in zip(axes, ("num_trials", "num_epochs"), strict=True):
        draw_spent(costs, ax, across, phantom)
    drawing.legend(budget, axes)
    ends = costs.groupby("cell")[["num_trials", "num_epochs"]].max()
    spending = "; ".join(
        f"{origins.marked(titles.of_name(str(row.Index)), phantom[str(row.Index)])}: "
        f"{row.num_trials} trials, {row.num_epochs:g} epochs"
        for row in ends.itertuples()
    )
    return "search_budget", "Was the budget equal?", f"Best score so far. Spent: {spending}.", budget, costs
