"""Fig. 4: validation curves of transfer against attention, and how much each loses from its best epoch to its last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.figures import drawing
from analysis.figures.drawing import Picture
from analysis.reading import origins
from analysis.reading.averages import averages
from analysis.reading.history import history
from analysis.reading.trials import Runs
from analysis.scores.cells import interval_note
from analysis.stats.intervals import shown_half_width
from analysis.stats.resampled import mean_over, resampled_interval
from trainables import titles
from trainables.cell import Cell

METRIC = "val_auc"
COLUMNS = ["cell", "run_id", "epoch", "auc", "part", "to_train"]


def curves(runs: Runs) -> pd.DataFrame:
    """Every repeat's validation AUC: cell, run_id, epoch, auc, part and to_train (the part of the images that the
    repeat was tested on, and its validation images over its training images: 0 where all repeats have the same).
    Percent; in the order of the runs, by epoch.

    Not in the order of the runs' ids, which are random: two equal sweeps would then differ in the last bit of a sum.
    """
    confirm = runs.trained
    logged = history(runs.tracking_uri, confirm["run_id"].tolist(), [METRIC]) if len(confirm) else pd.DataFrame()
    if logged.empty:
        return pd.DataFrame(columns=COLUMNS)
    of_run = confirm.set_index("run_id")
    names = {"cell": "tags.cell", "part": "test_part", "to_train": "validation_to_train"}
    facts = {name: logged["run_id"].map(of_run[column]) for name, column in names.items()}
    frame = logged.assign(**facts, auc=100 * logged["value"], epoch=logged["step"])
    place = {run_id: number for number, run_id in enumerate(confirm["run_id"])}
    frame = frame.sort_values("run_id", key=lambda ids: ids.map(place), kind="stable", ignore_index=True)
    return frame[COLUMNS]


def rows(every: pd.DataFrame) -> pd.DataFrame:
    """One row per cell and epoch, from `curves`: cell, epoch, auc (mean over repeats), half_width, n.

    half_width is Student's t, or the corrected resampled t's for validation sets that differ and may overlap; n then
    counts them. Only epochs that every repeat of the cell has reached count; otherwise the mean would jump where a
    repeat ends.
    """
    num_repeats = every.groupby("cell")["run_id"].transform("nunique")
    reached = every.groupby(["cell", "epoch"])["run_id"].transform("nunique")
    shared = every[reached == num_repeats]
    share = {"to_train": ("to_train", "first")}
    if shared["part"].ne("").any():
        by_part = shared.groupby(["cell", "epoch", "part"], as_index=False)
        shared = by_part.agg(auc=("auc", "mean"), **share)
    grouped = shared.groupby(["cell", "epoch"])
    frame = grouped.agg(auc=("auc", "mean"), n=("auc", "size"), sd=("auc", "std"), **share).reset_index()
    # One t-quantile per number of repeats instead of one per point: there are cells x epochs points.
    scales = [_scale(n, to_train) for n, to_train in zip(frame["n"], frame["to_train"], strict=True)]
    frame["half_width"] = frame["sd"] * scales
    return frame[["cell", "epoch", "auc", "half_width", "n"]]


@cache
def _scale(n: int, to_train: float) -> float:
    """The half-width over the standard deviation of n values; NaN where n is too small."""
    return shown_half_width(resampled_interval(_unit_spread(n), to_train)) if n > 1 else float("nan")


def _unit_spread(n: int) -> np.ndarray:
    """n values with a sample standard deviation of 1."""
    values = np.arange(n, dtype=float)
    return values / values.std(ddof=1)


def drops(every: pd.DataFrame) -> pd.DataFrame:
    """One row per cell: cell, drop (AUC at the best epoch minus that at the last, mean over repeats), half_width, n,
    best_epoch (mean). In numbers, "delays overfitting" means a small drop.
    """
    lines = []
    for cell, block in every.groupby("cell"):
        by_run = block.sort_values("epoch", kind="stable").groupby("run_id", sort=False)
        lost = (by_run["auc"].max() - by_run["auc"].last()).to_numpy()
        best_epoch = block.loc[by_run["auc"].idxmax(), "epoch"].mean()
        parts = by_run["part"].first().tolist()
        interval = mean_over(lost, parts, float(block["to_train"].iloc[0]))
        assert interval is not None  # each cell has a curve
        lines.append((cell, interval.mean, shown_half_width(interval), interval.n, best_epoch))
    return pd.DataFrame(lines, columns=["cell", "drop", "half_width", "n", "best_epoch"])


def _panel(frame: pd.DataFrame) -> pd.Series:
    """The panel of each row, named by student, departures from the paper and fraction of the data."""
    return frame["cell"].map({name: _panel_of(Cell.parse(name)) for name in frame["cell"].unique()})


def _panel_of(cell: Cell) -> str:
    """For example ``DenseNet-121, from-random, 25% of the training data``."""
    amount = [titles.fraction(cell.data_fraction)] if cell.has_less_data else []
    return ", ".join([titles.student(cell.student), *cell.departures, *amount])


def draw(frame: pd.DataFrame, axes: Sequence[Axes], parts: Mapping[str, str]) -> None:
    """One panel per student and amount of training data; a dot marks the best epoch of each mean curve.

    `parts`: which parts of each cell are phantoms.
    """
    lines = drawing.line_keys(parts)
    teachers = drawing.teachers_of(frame["cell"].tolist())
    for ax, (name, block) in zip(axes, frame.groupby(_panel(frame)), strict=False):
        for cell, curve in block.groupby("cell"):
            look = {**drawing.style(str(cell), teachers), "marker": "", "alpha": 1.0}
            epoch, auc = curve["epoch"].to_numpy(dtype=float), curve["auc"].to_numpy(dtype=float)
            band = curve["half_width"].fillna(0).to_numpy(dtype=float)
            ax.plot(epoch, auc, label=lines[Cell.parse(str(cell)).short], linewidth=1.2, **look)
            ax.fill_between(epoch, auc - band, auc + band, color=look["color"], alpha=0.15, linewidth=0)
            ax.plot(epoch[auc.argmax()], auc.max(), "o", color=look["color"], markersize=5)
        ax.set_title(str(name))
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_ylabel("AUC, validation set (%)")


def picture(runs: Runs) -> Picture | None:
    """The whole figure; None where no repeat has a curve."""
    every = curves(runs)
    if every.empty:
        return None
    frame = rows(every)
    num_panels = _panel(frame).nunique()
    num_columns = min(num_panels, 2)
    num_rows = -(-num_panels // num_columns)
    figure, axes = drawing.empty_figure(num_columns=num_columns, num_rows=num_rows, sharey=True)
    parts = {name: part for name, part in origins.of_cells(runs.trained).items() if name in set(frame["cell"])}
    draw(frame, axes, parts)
    for ax in axes[num_panels:]:
        ax.set_visible(False)
    drawing.announce_phantom(figure, origins.union(parts.values()))
    drawing.legend(figure, axes)
    lost = "; ".join(
        f"{origins.marked(titles.of_name(r.cell), parts[r.cell])} {r.drop:.2f}" for r in drops(every).itertuples()
    )
    averaged, design = averages(runs), runs.design
    which = "".join(f" {note}." for note in (averaged.notes if averaged else []))
    alternative = (
        f"Validation AUC by epoch, mean over {design.repeats}, bands: {interval_note(design)}; a dot marks the best "
        "epoch."
        f"{which} "
        f"Points lost from the best epoch to the last: {lost}."
    )
    title = "Fig. 4: does it regularise"
    return Picture(name="figure_4", title=title, alternative=alternative, figure=figure, frame=frame)
