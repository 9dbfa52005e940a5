"""Beyond the paper: what the search tried, what it cost, and the score against beta."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.ticker import MaxNLocator

from analysis.figures import drawing
from analysis.figures.drawing import Picture
from analysis.reading import origins
from analysis.reading.history import history
from analysis.reading.trials import Runs

SCORE = "best_score"
KNOBS = {"params.learning_rate": "learning rate", "params.weight_decay": "weight decay", "params.beta": "beta"}


def trials(runs: Runs) -> pd.DataFrame:
    """One row per trial of the search, in the order in which they began: cell, learning_rate, weight_decay, beta (NaN
    without a teacher), score (best on the validation set, percent), stopped (early), run_id.
    """
    search = runs.search.reindex(columns=["tags.cell", *KNOBS, f"metrics.{SCORE}", "tags.stopped", "run_id"])
    names = ["cell", "learning_rate", "weight_decay", "beta", "score", "stopped", "run_id"]
    frame = search.set_axis(names, axis=1).reset_index(drop=True)
    knobs = ["learning_rate", "weight_decay", "beta", "score"]
    frame[knobs] = frame[knobs].astype(float)
    return frame.assign(score=100 * frame["score"], stopped=frame["stopped"].notna())


def spent(runs: Runs, frame: pd.DataFrame) -> pd.DataFrame:
    """From `trials`: for each cell the best score so far: cell, num_trials, num_epochs (spent until then), best."""
    logged = history(runs.tracking_uri, frame["run_id"].tolist(), [SCORE])
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
    """Parallel coordinates: one line per trial over the knobs and the score; darker is better."""
    names = ["learning_rate", "weight_decay", "beta", "score"]
    scaled = pd.DataFrame({name: _unit(frame[name], name != "score") for name in names})
    rank = frame["score"].rank(pct=True).fillna(0).to_numpy()
    teachers = drawing.teachers_of(frame["cell"].tolist())
    lines_T42 = np.stack([np.tile(np.arange(4.0), (len(frame), 1)), scaled.to_numpy()], axis=2)
    # A trial without a teacher has no beta: its line passes from weight decay to the score.
    lines = [line[np.isfinite(line[:, 1])] for line in lines_T42]
    colours = [
        (*to_rgb(drawing.style(cell, teachers)["color"]), 0.1 + 0.7 * share)
        for cell, share in zip(frame["cell"], rank, strict=True)
    ]
    is_large = len(frame) > drawing.MAX_VECTORS
    ax.add_collection(LineCollection(lines, colors=colours, linewidths=0.5 + rank, rasterized=is_large))
    ax.set_xlim(-0.1, len(names) - 0.9)
    ax.set_ylim(-0.05, 1.05)
    ax.set_xticks(range(len(names)), [name.replace("_", " ") for name in names])
    ax.set_yticks([0, 1], ["lowest", "highest"])
    ax.set_title("what the search tried (knobs on log scales; stronger lines: better)")


def _unit(values: pd.Series, log: bool) -> pd.Series:
    numbers = np.log10(values.where(values > 0)) if log else values
    low, high = numbers.min(), numbers.max()
    return (numbers - low) / (high - low) if high > low else numbers * 0 + 0.5


def draw_spent(frame: pd.DataFrame, ax: Axes, across: str) -> None:
    """The best score so far, one line per cell; `across` is "num_trials" or "num_epochs"."""
    teachers = drawing.teachers_of(frame["cell"].tolist())
    for cell, line in frame.groupby("cell"):
        look = {**drawing.style(str(cell), teachers), "marker": ""}
        ax.step(line[across], line["best"], where="post", label=str(cell), **look)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel({"num_trials": "trials", "num_epochs": "epochs spent"}[across])
    ax.set_ylabel("best score so far (%)")


def draw_beta(frame: pd.DataFrame, ax: Axes) -> None:
    """The validation score of each trial with a teacher against its beta."""
    with_teacher = frame[frame["beta"].notna() & frame["score"].notna()]
    is_large = len(with_teacher) > drawing.MAX_VECTORS
    teachers = drawing.teachers_of(frame["cell"].tolist())
    for cell, points in with_teacher.groupby("cell"):
        look = {**drawing.style(str(cell), teachers), "linestyle": "", "rasterized": is_large}
        ax.plot(points["beta"], points["score"], label=str(cell), markersize=5, fillstyle="none", **look)
    ax.set_xscale("log")
    ax.set_xlabel("beta (small: much attention)")
    ax.set_ylabel("best validation score (%)")


def pictures(runs: Runs) -> list[Picture]:
    """The figures of the search; none where there was no search."""
    frame = trials(runs)
    if frame.empty:
        return []
    costs = spent(runs, frame)
    phantom = origins.of_cells(runs.search)
    parallel, (ax,) = drawing.empty_figure()
    draw_parallel(frame, ax)
    budget, axes = drawing.empty_figure(num_columns=2)
    for ax, across in zip(axes, ("num_trials", "num_epochs"), strict=True):
        draw_spent(costs, ax, across)
    drawing.mark_phantoms(budget, axes, phantom)
    drawing.legend(budget, axes)
    ends = costs.groupby("cell")[["num_trials", "num_epochs"]].max()
    spending = "; ".join(
        f"{origins.marked(str(row.Index), phantom[str(row.Index)])}: {row.num_trials} trials, {row.num_epochs:g} epochs"
        for row in ends.itertuples()
    )
    drawn = [
        ("search_parallel", "What the search tried", "Each trial's knobs and its score.", parallel, frame),
        ("search_budget", "Was the budget equal?", f"Best score so far. Spent: {spending}.", budget, costs),
    ]
    if frame["beta"].notna().any():
        beta, (ax,) = drawing.empty_figure()
        draw_beta(frame, ax)
        drawing.mark_phantoms(beta, [ax], phantom)
        drawing.legend(beta, [ax])
        drawn.append(("search_beta", "Score against beta", "Validation score of each trial by beta.", beta, frame))
    for *_, figure, _ in drawn:
        drawing.announce_phantom(figure, origins.union(phantom.values()))
    return [
        Picture(name=name, title=title, alternative=alternative, figure=figure, frame=data)
        for name, title, alternative, figure, data in drawn
    ]
