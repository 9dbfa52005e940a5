"""The body of Tables IV and V: for each cell the paper's number, and ours below it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis import published
from analysis.cells import UNTRAINED, summary
from analysis.published import CELL
from analysis.rendering import MISSING, Cell, Table, number, ranks
from analysis.runs import Runs
from analysis.statistics import NORMAL_NAME, T_NAME
from trainables.config import ITSELF

METRIC_NAMES = {"auc": "AUC", "f1_weighted": "F1", "accuracy": "accuracy", "kappa": "kappa"}
STUDENT_NAMES = {"densenet121": "DenseNet-121", "densenet40": "DenseNet-40"}
FACTS = [*[f"params.{name}" for name in CELL], "params.data_fraction", "params.uncertainty", "tags.num_trainable"]
FACT_NAMES = [*CELL, "data_fraction", "uncertainty", "trainable"]


def beside_paper(found: Sequence[Runs], table: str, metrics: Sequence[str], datasets: Sequence[str]) -> pd.DataFrame:
    """One row a number of the paper's `table` ("IV" or "V") and a number of ours, joined; NaN where one is missing.

    Columns: dataset, metric, CELL's, trainable_paper, trainable, paper_mean, paper_half_width, mean, half_width,
    half_width_normal, n, num_undefined, data, run_ids. Scores are in percent.
    """
    paper = published.results()
    keys = ["dataset", "metric", *CELL]
    names = [name for dataset in datasets for name in published.rows_of(dataset)]
    paper = paper[(paper["table"] == table) & paper["metric"].isin(metrics) & paper["dataset"].isin(names)]
    paper = paper.rename(columns={"mean": "paper_mean", "half_width": "paper_half_width"})
    ours = [_ours(one, metric) for one in found for metric in metrics if len(one.confirm)]
    columns = ["trainable", "mean", "half_width", "half_width_normal", "n", "num_undefined", "data", "run_ids"]
    own = pd.concat(ours, ignore_index=True) if ours else pd.DataFrame(columns=[*keys, *columns])
    paper = paper.rename(columns={"trainable": "trainable_paper"}).drop(columns="table")
    frame = paper.merge(own, on=keys, how="outer", sort=False)
    frame["n"] = frame["n"].fillna(0).astype(int)
    frame["num_undefined"] = frame["num_undefined"].fillna(0).astype(int)
    return _in_order(frame, metrics)[[*keys, "trainable_paper", "paper_mean", "paper_half_width", *columns]]


def _ours(found: Runs, metric: str) -> pd.DataFrame:
    confirm = found.confirm
    frame = summary(confirm, f"test_{metric}")
    scores = ["mean", "half_width", "half_width_normal"]
    frame[scores] = 100 * frame[scores]
    facts = confirm.drop_duplicates("tags.cell").set_index("tags.cell").reindex(columns=FACTS)
    run_ids = confirm.groupby("tags.cell")["run_id"].agg(" ".join).rename("run_ids")
    frame = frame.join(facts.set_axis(FACT_NAMES, axis=1), on="cell").join(run_ids, on="cell")
    parts = frame[["data_fraction", "uncertainty"]].itertuples(index=False)
    frame["dataset"] = [published.row_name(found.dataset, float(fraction), policy) for fraction, policy in parts]
    return frame.assign(metric=metric, data=found.data, trainable=pd.to_numeric(frame["trainable"]))


def _in_order(frame: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """The paper's rows and columns first and in its order, ours after them by name."""
    cells = ["/".join(row) for row in published.cells()[CELL].itertuples(index=False)]
    datasets = published.splits()["dataset"].tolist()
    ranked = frame.assign(
        _dataset=[datasets.index(name) if name in datasets else len(datasets) for name in frame["dataset"]],
        _metric=[list(metrics).index(name) for name in frame["metric"]],
        _cell=[cells.index(c) if (c := "/".join(row)) in cells else 99 for row in frame[CELL].itertuples(index=False)],
    )
    return ranked.sort_values(["_dataset", "dataset", "_metric", "_cell", *CELL], ignore_index=True)


def results_table(frame: pd.DataFrame, name: str, title: str, notes: list[str]) -> Table:
    """The layout of Tables IV and V: a column a cell, and for each score the paper's row above ours."""
    columns = list(dict.fromkeys(frame[CELL].itertuples(index=False, name=None)))
    head = [
        ["", *[method for method, *_ in columns]],
        ["teacher", *[teacher for _, teacher, *_ in columns]],
        ["student", *[STUDENT_NAMES.get(student, student) for _, _, student, _ in columns]],
        ["trainable, paper", *[_first(frame, column, "trainable_paper") for column in columns]],
        ["trainable, ours", *[_first(frame, column, "trainable") for column in columns]],
    ]
    body: list[list[Cell]] = []
    for (dataset, metric), block in frame.groupby(["dataset", "metric"], sort=False):
        by_cell = block.set_index(CELL).reindex(columns)
        body += _block(f"{dataset} {METRIC_NAMES.get(metric, metric)}", by_cell)
    notes = [
        "in percent; -: missing; n: finished repeats of the cell's best configuration, each tested once",
        f"ours ±: half-width of the 95% interval over n repeats, {T_NAME}; none where n < 2",
        f"± normal: the same in the {NORMAL_NAME}, to compare with the paper's ±",
        *notes,
    ]
    if (frame["method"] == ITSELF).any():
        notes.append(UNTRAINED)
    undefined = int(frame["num_undefined"].sum())
    if undefined:
        notes.append(f"{undefined} scores were not defined in a repeat (one class only) and stand in no mean")
    is_phantom = bool((frame["data"] == "phantom").any())
    return Table(
        name=name, title=title, head=head, body=body, frame=frame, notes=notes, is_phantom=is_phantom, is_sortable=False
    )


def _block(label: str, by_cell: pd.DataFrame) -> list[list[Cell]]:
    paper = [number(row.paper_mean, row.paper_half_width) for row in by_cell.itertuples()]
    ours = [number(row.mean, row.half_width) for row in by_cell.itertuples()]
    normal = [f"±{number(value)}" if np.isfinite(value) else MISSING for value in by_cell["half_width_normal"]]
    ids = [tuple(value.split()) if isinstance(value, str) else () for value in by_cell["run_ids"]]
    return [
        [Cell(f"{label}: paper"), *map(Cell, paper, ranks(by_cell["paper_mean"].tolist()))],
        [Cell("  ours"), *map(Cell, ours, ranks(by_cell["mean"].tolist()), ids)],
        [Cell("  ± normal"), *map(Cell, normal)],
        [Cell("  n"), *[Cell(f"{n:g}" if n > 0 else MISSING) for n in by_cell["n"]]],
    ]


def _first(frame: pd.DataFrame, cell: tuple[str, ...], column: str) -> str:
    found = frame.loc[(frame[CELL] == list(cell)).all(axis=1), column].dropna()
    if found.empty:
        return MISSING
    return found.iloc[0] if isinstance(found.iloc[0], str) else f"{found.iloc[0]:,.0f}"
