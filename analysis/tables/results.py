"""The body of Tables IV and V: for each cell the paper's number, and ours below it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

import trainables.cell
from analysis import published
from analysis.published import CELL
from analysis.reading import origins
from analysis.reading.averages import PAPERS_RULE, averages
from analysis.reading.repeats import SEED_ALONE
from analysis.reading.sizes import COLUMNS as SIZES
from analysis.reading.sizes import sizes, words
from analysis.reading.trials import Runs
from analysis.scores.cells import MARKS, UNTRAINED, differ, eligible, interval_note, mark_notes, score, summary
from analysis.stats.intervals import NORMAL_NAME
from analysis.tables.rendering import MISSING, Cell, Table, number, ranks
from trainables import titles
from trainables.cell import ITSELF, NO_STUDENT, NO_TEACHER
from trainables.models.stages import ALL, LAST_34

METRIC_NAMES = {"auc": "AUC", "f1_weighted": "F1", "accuracy": "accuracy", "kappa": "kappa"}
COLUMN = [*CELL, "init", "varied"]  # identifies a column of a table
PAPERS = {"init": "imagenet", "varied": ""}  # in every column of the paper's
FACT_NAMES = [*CELL, "init", "data_fraction", "uncertainty"]
FACTS = [*[f"params.{name}" for name in FACT_NAMES], "tags.num_trainable"]
SCORES = ["mean", "half_width", "half_width_normal"]
AVERAGED = {  # the same cell's AUC over the labels that the sweep averages, where that is another number
    "mean": "averaged_mean", "half_width": "averaged_half_width", "n": "averaged_n",
    "is_n_too_small": "averaged_is_n_too_small", "is_constant": "averaged_is_constant",
}  # fmt: skip
OURS = [
    "trainable", *SCORES, "n", "num_undefined", *AVERAGED.values(), "averaged", "averages", "warning", *SIZES, *MARKS,
    "data", "interval", "run_ids",
]  # fmt: skip

NOTES = [
    "in percent; -: missing; n: finished repeats of the cell's best configuration, each tested once",
    f"± normal: the same in the {NORMAL_NAME}, to compare with the paper's ±; none where test sets differ",
    f"AUC of ours: by the paper's rule, the mean over {PAPERS_RULE}, unless the row names its labels",
]


def beside_paper(recorded: Sequence[Runs], table: str, metrics: Sequence[str], datasets: Sequence[str]) -> pd.DataFrame:
    """The numbers of the paper's `table` ("IV" or "V") joined with ours, one row per pair; NaN where one is missing.

    Columns: dataset, metric, COLUMN's, trainable_paper, paper_mean, paper_half_width, and OURS. Scores are in percent.
    An AUC of ours in `mean` is by the paper's rule, every label that is defined on the test set; `averaged_mean` is
    that over the labels that the sweep averages, NaN where the two are the same in all cells.
    """
    paper = published.results()
    keys = ["dataset", "metric", *COLUMN]
    names = [name for dataset in datasets for name in published.rows_of(dataset)]
    paper = paper[(paper["table"] == table) & paper["metric"].isin(metrics) & paper["dataset"].isin(names)]
    paper = paper.rename(columns={"mean": "paper_mean", "half_width": "paper_half_width"})
    ours = [_ours(runs, metric) for runs in recorded for metric in metrics if len(runs.confirm)]
    own = pd.concat(ours, ignore_index=True) if ours else pd.DataFrame(columns=[*keys, *OURS])
    paper = paper.rename(columns={"trainable": "trainable_paper"}).drop(columns="table").assign(**PAPERS)
    frame = paper.merge(own, on=keys, how="outer", sort=False)
    counts = ["n", "num_undefined"]
    frame[counts] = frame[counts].astype(float).fillna(0).astype(int)
    texts = ["phantom", "averaged", "averages", "warning"]
    frame[texts] = frame[texts].astype(object).fillna("")
    return _in_order(frame, metrics)[[*keys, "trainable_paper", "paper_mean", "paper_half_width", *OURS]]


def _ours(runs: Runs, metric: str) -> pd.DataFrame:
    confirm = runs.confirm
    frame = summary(confirm, "test_auc_defined" if metric == "auc" else f"test_{metric}")
    frame[SCORES] = 100 * frame[SCORES]
    facts = confirm.drop_duplicates("tags.cell").set_index("tags.cell").reindex(columns=FACTS)
    run_ids = confirm.groupby("tags.cell")["run_id"].agg(" ".join).rename("run_ids")
    frame = frame.join(facts.set_axis([*FACT_NAMES, "trainable"], axis=1), on="cell").join(run_ids, on="cell")
    frame["varied"] = [", ".join(trainables.cell.Cell.parse(name).variations) for name in frame["cell"]]
    frame = frame.join(sizes(runs), on="cell")
    parts = frame[["data_fraction", "uncertainty"]].itertuples(index=False)
    frame["dataset"] = [published.row_name(runs.dataset, float(fraction), policy) for fraction, policy in parts]
    frame = _with_averages(frame, runs, metric)
    facts_of_all = {"data": runs.data, "interval": interval_note(runs.design)}
    return frame.assign(metric=metric, **facts_of_all, trainable=pd.to_numeric(frame["trainable"]))


def _with_averages(frame: pd.DataFrame, runs: Runs, metric: str) -> pd.DataFrame:
    """The columns of AVERAGED; averaged (``3 of 5 labels``), averages (which, and why), warning (that they are few)."""
    known = averages(runs)
    warning = "; ".join(known.warnings) if known else ""
    if metric != "auc" or not differ(runs.confirm):
        which = f"{known.which}, {known.why}" if known and metric == "auc" else ""
        return frame.assign(**dict.fromkeys(AVERAGED.values(), np.nan), averaged="", averages=which, warning=warning)
    own = summary(runs.confirm, "test_auc").set_index("cell")[list(AVERAGED)]
    own[["mean", "half_width"]] *= 100
    which = f"{known.which}, {known.why}" if known else "the labels that the sweep averages"
    count = known.count if known else "averaged labels"
    return frame.join(own.rename(columns=AVERAGED), on="cell").assign(averaged=count, averages=which, warning=warning)


def _in_order(frame: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """The paper's rows and columns first and in its order, ours after them by name."""
    cells = list(published.cells().assign(**PAPERS)[COLUMN].itertuples(index=False, name=None))
    datasets = published.splits()["dataset"].tolist()
    ranked = frame.assign(
        _dataset=[datasets.index(name) if name in datasets else len(datasets) for name in frame["dataset"]],
        _metric=[list(metrics).index(name) for name in frame["metric"]],
        _cell=[cells.index(row) if row in cells else 99 for row in frame[COLUMN].itertuples(index=False, name=None)],
    )
    return ranked.sort_values(["_dataset", "dataset", "_metric", "_cell", *COLUMN], ignore_index=True)


def results_table(frame: pd.DataFrame, name: str, title: str, notes: list[str]) -> Table:
    """The layout of Tables IV and V: one column per cell, and for each score the paper's row above ours."""
    columns = list(dict.fromkeys(frame[COLUMN].itertuples(index=False, name=None)))
    head = [
        ["", *[method for method, *_ in columns]],
        ["teacher", *[teacher for _, teacher, *_ in columns]],
        ["student", *[titles.student(student) for _, _, student, *_ in columns]],
        ["trainable, paper", *[_first(frame, column, "trainable_paper") for column in columns]],
        ["trainable, ours", *[_first(frame, column, "trainable") for column in columns]],
    ]
    has_paper = bool(frame["paper_mean"].notna().any())
    if not has_paper:  # a data set that the paper does not have
        head[3:] = [["trainable", *head[4][1:]]]
    if any(_is_at_own_depth(method, depth) for method, _, _, depth, *_ in columns):
        head.insert(3, ["depth", *[depth for _, _, _, depth, *_ in columns]])
    inits, varied = [init for *_, init, _ in columns], [text for *_, text in columns]
    if any(varied):
        head.insert(3, ["varied", *varied])
    if set(inits) - {"imagenet", NO_STUDENT}:
        head.insert(3, ["first weights", *inits])
    teachers = [titles.teacher(name) if name != NO_TEACHER else "no teacher" for _, name, *_ in columns]
    titled_head = [["", *[titles.method(method) for method, *_ in columns]], ["", *teachers], *head[2:]]
    body: list[list[Cell]] = []
    for (dataset, metric), block in frame.groupby(["dataset", "metric"], sort=False):
        by_cell = block.set_index(COLUMN).reindex(columns)
        body += _block(str(dataset), METRIC_NAMES.get(str(metric), str(metric)), by_cell, is_beside_paper=has_paper)
    return Table(
        name=name,
        title=title,
        head=head,
        titled_head=titled_head,
        has_paper=has_paper,
        body=body,
        frame=frame,
        notes=[NOTES[0], *_intervals(frame, has_paper), *NOTES[1:][: 2 * has_paper], *notes, *_notes_of_ours(frame)],
        phantom=origins.union(frame["phantom"]),
        is_sortable=False,
    )


def _is_at_own_depth(method: str, depth: str) -> bool:
    """Whether it is trained at a depth that the paper does not have there, so that a column has to name it."""
    return depth not in (ALL, NO_STUDENT) and (method, depth) != ("transfer", LAST_34)


def _intervals(frame: pd.DataFrame, has_paper: bool) -> list[str]:
    """What our ± is; for each data set where that differs."""
    ours = frame.loc[frame["n"].gt(0), ["dataset", "interval"]].drop_duplicates()
    notes = ours["interval"].unique().tolist() or [interval_note(SEED_ALONE)]
    start = "ours ±" if has_paper else "±"
    if len(notes) == 1:
        return [f"{start}: {notes[0]}; none where n is too small"]
    return [
        f"{start} of {dataset}: {note}; none where n is too small" for dataset, note in ours.itertuples(index=False)
    ]


def _notes_of_ours(frame: pd.DataFrame) -> list[str]:
    notes = []
    for dataset, block in frame[frame["averages"] != ""].groupby("dataset", sort=False):
        which, averaged = block["averages"].iloc[0], block["averaged"].iloc[0]
        if averaged:
            notes.append(f"{dataset}, ours, {averaged}: the AUC that the sweep averages, over {which}")
        else:
            notes.append(f"{dataset}, ours: what the sweep averages is the same AUC, over {which}")
    notes += list(dict.fromkeys(f"{row.dataset}: {row.warning}" for row in frame.itertuples() if row.warning))
    named = frame.assign(cell=frame["dataset"] + " " + _cells(frame))
    notes += mark_notes(named)
    notes += origins.by_part(named["cell"].tolist(), named["phantom"].tolist())
    if (frame["method"] == ITSELF).any():
        notes.append(UNTRAINED)
    undefined = int(frame["num_undefined"].sum())
    if undefined:
        notes.append(f"{undefined} scores were not defined in a repeat (one class only) and enter no mean")
    return notes


def _cells(frame: pd.DataFrame) -> pd.Series:
    names = [trainables.cell.Cell(**row).name for row in frame[[*CELL, "init"]].to_dict("records")]
    texts = [f"{name}, {varied}" if varied else name for name, varied in zip(names, frame["varied"], strict=True)]
    return pd.Series(texts, index=frame.index, dtype=object)


def _block(dataset: str, metric: str, by_cell: pd.DataFrame, *, is_beside_paper: bool) -> list[list[Cell]]:
    """The paper's row, ours below it with the size of our trainings, and the rows that belong to them.

    Of a table that has nothing of the paper's, ours alone, and without the form in which the paper has its ±.
    """
    paper = [number(row.paper_mean, row.paper_half_width) for row in by_cell.itertuples()]
    has_paper = bool(by_cell["paper_mean"].notna().any())
    normal = [f"±{number(value)}" if np.isfinite(value) else MISSING for value in by_cell["half_width_normal"]]
    averaged = next((name for name in by_cell["averaged"] if isinstance(name, str) and name), "")
    rule = ", paper's rule" if averaged else ""
    size = _size(dataset, by_cell)
    num_repeats = [Cell("  n"), *[Cell(f"{n:g}" if n > 0 else MISSING) for n in by_cell["n"]]]
    if is_beside_paper:
        ranked = map(Cell, paper, ranks(by_cell["paper_mean"].tolist(), [True] * len(paper)))
        lines = [[Cell(f"{dataset} {metric}: paper"), *ranked]]
        lines.append(_ours_line(f"  ours{rule}{size}", by_cell, has_paper))
        lines += [[Cell("  ± normal"), *map(Cell, normal)], num_repeats]
    else:
        lines = [_ours_line(f"{dataset} {metric}{rule}{size}", by_cell, has_paper), num_repeats]
    if averaged:
        other = by_cell.drop(columns=list(AVERAGED)).rename(columns={new: old for old, new in AVERAGED.items()})
        label = f"  ours, {averaged}" if is_beside_paper else f"  {averaged}"
        lines.insert(-1, _ours_line(label, other, has_paper))
    return lines


def _ours_line(label: str, by_cell: pd.DataFrame, beside_paper: bool) -> list[Cell]:
    texts = [
        score(r.mean, r.half_width, is_n_too_small=r.is_n_too_small, num_constant=r.num_constant)
        for r in by_cell.itertuples()
    ]
    is_there = by_cell["n"].gt(0)
    all_phantom = bool(is_there.any() and by_cell.loc[is_there, "phantom"].ne("").all())
    if all_phantom:
        label = f"{label}, {origins.PHANTOM}"
    else:
        parts = by_cell["phantom"].where(is_there, "")
        texts = [origins.marked(text, part) for text, part in zip(texts, parts, strict=True)]
    marks = ranks(by_cell["mean"].tolist(), eligible(by_cell, beside_paper=beside_paper))
    ids = [tuple(value.split()) if isinstance(value, str) else () for value in by_cell["run_ids"]]
    return [Cell(label), *map(Cell, texts, marks, ids)]


def _size(dataset: str, by_cell: pd.DataFrame) -> str:
    """The sizes of our trainings behind a row, in brackets; "" where there is none."""
    distinct = by_cell.loc[by_cell["n"].gt(0), SIZES].drop_duplicates().itertuples(index=False)
    texts = [words(dataset, *(float(value) for value in row)) for row in distinct]
    return f" ({'; '.join(texts)})" if texts else ""


def _first(frame: pd.DataFrame, cell: tuple[str, ...], column: str) -> str:
    values = frame.loc[(frame[COLUMN] == list(cell)).all(axis=1), column].dropna()
    if values.empty:
        return MISSING
    return values.iloc[0] if isinstance(values.iloc[0], str) else f"{values.iloc[0]:,.0f}"
