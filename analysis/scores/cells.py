"""A cell's score: the mean over the repeats of its best configuration, with its intervals, and whether it is ranked.

Repeats on one test set have Student's t; repeats on splits drawn anew and folds the corrected resampled t, with folds'
own repeats averaged first (`analysis.stats.resampled`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.reading import origins
from analysis.reading.averages import PAPERS_RULE, Averages
from analysis.reading.repeats import Design, design_of
from analysis.stats.intervals import MIN_REPEATS, N_TOO_SMALL, T_NAME, normal_interval, shown_half_width
from analysis.stats.resampled import RESAMPLED_NAME, mean_over
from analysis.tables.rendering import CONSTANT, MISSING, TOO_SMALL, Cell, Table, number, ranks, text
from trainables.cell import ITSELF

UNTRAINED = f"{ITSELF}: the teacher's own score, without training; nothing in it is random"
COLUMNS = ["cell", "mean", "half_width", "half_width_normal", "n", "num_undefined"]
MARKS = ["phantom", "num_repeats", "num_constant", "is_multiclass", "is_constant", "is_n_too_small"]
DECISIONS = ("f1_weighted", "accuracy", "kappa")  # they judge the answer, not its probability


def summary(confirm_runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """One row per cell: COLUMNS and MARKS.

    Args:
        confirm_runs: one row per repeat, with ``tags.cell``, ``metrics.<metric>`` and, where there is any, ``phantom``,
            ``params.method``, and what `analysis.reading.repeats` adds.
        metric: a metric's name, for example ``test_auc``; a fraction stays a fraction.

    Cells are in the order of the frame. A repeat without a finite value counts in `num_undefined`, never in the mean.
    half_width is Student's t, or the corrected resampled t's, and then n counts parts, and there is no normal form;
    both half-widths are NaN where n is too small for them (`shown_half_width`), and then `is_n_too_small`, but not of a
    teacher itself. `phantom`: which parts of the cell are phantoms. `num_constant`: in how many of the
    `num_repeats` the student predicts one class only, or a label's probabilities do not vary; `is_constant`: whether
    that makes this metric meaningless.
    """
    is_multiclass = bool(confirm_runs.reindex(columns=["metrics.test_f1_weighted"]).notna().any(axis=None))
    phantom = origins.of_cells(confirm_runs)
    names = [
        "tags.cell",
        f"metrics.{metric}",
        "metrics.test_num_constant",
        "params.method",
        "test_part",
        "test_to_train",
    ]
    values = confirm_runs.reindex(columns=names).set_axis(
        ["cell", "value", "num_constant", "method", "part", "to_train"], axis=1
    )
    values["part"] = values["part"].astype(object).fillna("")
    rows = []
    for cell, group in values.groupby("cell", sort=False):
        constant = group["num_constant"].to_numpy(dtype=float) > 0
        row = {"cell": cell, **_scores(group, metric)}
        row |= {"phantom": phantom[str(cell)], "num_repeats": len(group), "num_constant": int(constant.sum())}
        flat = _no_score(group["value"].to_numpy(dtype=float), constant, metric, is_multiclass=is_multiclass)
        row |= {"is_multiclass": is_multiclass, "is_constant": flat}
        is_small = row["n"] > 0 and np.isnan(row["half_width"]) and not group["method"].eq(ITSELF).any()
        rows.append({**row, "is_n_too_small": is_small})
    frame = pd.DataFrame(rows, columns=[*COLUMNS, *MARKS])
    return frame.astype({"mean": float, "half_width": float, "half_width_normal": float})


def _scores(group: pd.DataFrame, metric: str) -> dict[str, float | None]:
    finite = group[np.isfinite(group["value"].to_numpy(dtype=float))]
    row: dict[str, float | None] = {"mean": np.nan, "half_width": np.nan, "half_width_normal": np.nan}
    to_train = float(group["to_train"].iloc[0])
    interval = mean_over(finite["value"].to_numpy(dtype=float), finite["part"].tolist(), to_train)
    if interval is not None:
        half_width = shown_half_width(interval, low=-1.0 if metric.endswith("kappa") else 0.0, high=1.0)
        has_normal = np.isfinite(half_width) and interval.kind == T_NAME
        normal = normal_interval(finite["value"].to_numpy(dtype=float)).half_width if has_normal else np.nan
        row |= {"mean": interval.mean, "half_width": half_width, "half_width_normal": normal}
    return {**row, "n": interval.n if interval else 0, "num_undefined": len(group) - len(finite)}


def interval_note(design: Design) -> str:
    """What the half-width of an interval over repeats is, and which spread it holds.

    >>> interval_note(Design(sources=("seed",)))
    "half-width of the 95% interval, Student's t: spread of seed over n repeats"
    """
    name = T_NAME if design.is_on_one_split else RESAMPLED_NAME
    after = "" if design.is_on_one_split else f", for {design.parts} that share images"
    return f"half-width of the 95% interval, {name}{after}: {design.holds}"


def _no_score(values: np.ndarray, constant: np.ndarray, metric: str, *, is_multiclass: bool) -> bool:
    """Whether the score comes from a constant answer; with one class predicted, an AUC may still order the images."""
    if is_multiclass and not metric.endswith(DECISIONS):
        return bool((constant & (values == 0.5)).any())  # then no class's probability varies
    return bool(constant.any())


def eligible(frame: pd.DataFrame, *, beside_paper: bool = False) -> list[bool]:
    """Which rows of a `summary` may be ranked against each other.

    Ranked are cells with three repeats or more and answers that vary, and no phantoms where any real number is beside.

    Args:
        beside_paper: whether the same row of the table has numbers of the paper, which never rest on a phantom.
    """
    parts = frame["phantom"].fillna("")
    has_real = beside_paper or bool((parts.eq("") & frame["n"].gt(0)).any())
    may = frame["n"].ge(MIN_REPEATS) & ~frame["is_constant"].eq(True) & (parts.eq("") | (not has_real))
    return [bool(value) for value in may]


def score(mean: float, half_width: float, *, is_n_too_small: object, num_constant: object) -> str:
    """``84.46±0.52``, with the signs that its notes explain; in percent."""
    plain = number(mean, half_width)
    if plain == MISSING:
        return plain
    is_constant = not pd.isna(num_constant) and float(str(num_constant)) > 0
    return plain + (TOO_SMALL if is_n_too_small is True else "") + (CONSTANT if is_constant else "")


def mark_notes(frame: pd.DataFrame) -> list[str]:
    """What the signs of these rows mean; none where no row has one."""
    scored = frame[frame["n"].gt(0)]
    notes = [f"{TOO_SMALL}: {N_TOO_SMALL}"] if scored["is_n_too_small"].eq(True).any() else []
    return [*notes, *(f"{CONSTANT}: {note}" for note in constant_notes(scored))]


def constant_notes(frame: pd.DataFrame) -> list[str]:
    """Which cells give a constant answer, and in how many of their repeats; none where no cell does."""
    flat = frame[frame["num_constant"].fillna(0).gt(0)].drop_duplicates("cell")
    if flat.empty:
        return []
    is_multiclass = flat["is_multiclass"].iloc[0]
    what = "answers one class only" if is_multiclass else "a label's probabilities do not vary"
    cells = ", ".join(f"{row.cell} in {row.num_constant:g} of {row.num_repeats:g} repeats" for row in flat.itertuples())
    unranked = "F1, accuracy and kappa are no scores there and are not ranked" if is_multiclass else "it is not ranked"
    return [f"{what}: {cells}; {unranked}"]


def closing_table(confirm: pd.DataFrame, metric: str, averages: Averages | None = None) -> str:
    """What a sweep prints at its end: a `summary`, in percent, with the best cell first and unranked cells last.

    Args:
        confirm: the confirming repeats.
        metric: ``test_auc`` (which has the paper's rule beside it where that gives other numbers), or another one.
        averages: the labels that ``test_auc`` averages.
    """
    frame = summary(confirm, metric)
    may = pd.Series(eligible(frame), index=frame.index, dtype=bool)
    ordered = frame.assign(may=may).sort_values(
        ["may", "mean"], ascending=False, kind="stable", na_position="last", ignore_index=True
    )
    is_auc = metric == "test_auc"
    papers = _papers_rule(confirm, ordered["cell"]) if is_auc else None
    phantom = origins.union(ordered["phantom"])
    head = ["cell", metric, *["paper's rule"] * (papers is not None), "n", *[origins.PHANTOM] * bool(phantom)]
    body = []
    for row, mark in zip(ordered.itertuples(), ranks(ordered["mean"].tolist(), ordered["may"].tolist()), strict=True):
        line = [Cell(row.cell), Cell(_percent(row), mark)]
        line += [Cell(papers[row.Index])] if papers is not None else []
        body.append([*line, Cell(str(row.n)), *([Cell(row.phantom or MISSING)] * bool(phantom))])
    design = design_of(confirm)
    notes = [f"mean over n {design.repeats} {design.on_what}, in percent; ±: {interval_note(design)}"]
    notes += averages.notes if averages and is_auc else []
    notes += [f"paper's rule: the mean over {PAPERS_RULE}"] if papers is not None else []
    has_untrained = bool(confirm["params.method"].eq(ITSELF).any())
    notes += [*mark_notes(ordered), *[untrained_note(design)] * has_untrained]
    title = f"{metric} by cell"
    return text(Table(name="closing", title=title, head=[head], body=body, frame=frame, phantom=phantom, notes=notes))


def untrained_note(design: Design) -> str:
    """What the score of a teacher itself is."""
    return f"{UNTRAINED}{', so that n = 1' if design.is_on_one_split else ' but what it is tested on'}"


def differ(confirm: pd.DataFrame) -> bool:
    """Whether the sweep's average and the paper's rule give other AUCs in any of these repeats.

    False where no repeat has an AUC by the paper's rule, since there is nothing to show beside.
    """
    both = confirm.reindex(columns=["metrics.test_auc", "metrics.test_auc_defined"]).astype(float)
    if both.iloc[:, 1].isna().all():
        return False
    return not np.allclose(both.iloc[:, 0], both.iloc[:, 1], rtol=0, atol=1e-9, equal_nan=True)


def _papers_rule(confirm: pd.DataFrame, cells: pd.Series) -> list[str] | None:
    if not differ(confirm):
        return None
    frame = summary(confirm, "test_auc_defined").set_index("cell", drop=False)
    return [_percent(row) for row in frame.loc[cells].itertuples()]


def _percent(row: object) -> str:
    return score(
        100 * row.mean,  # type: ignore[attr-defined]
        100 * row.half_width,  # type: ignore[attr-defined]
        is_n_too_small=row.is_n_too_small,  # type: ignore[attr-defined]
        num_constant=row.num_constant,  # type: ignore[attr-defined]
    )
