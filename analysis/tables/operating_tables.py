"""Tables of what a clinic would see: rates at operating points, net benefit, probabilities, and grades."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.reading.origins import PHANTOM, union
from analysis.reading.trials import Runs
from analysis.scores.calibrated import SCALED
from analysis.scores.drawn_intervals import interval_notes
from analysis.stats.decision_counts import RATES
from analysis.stats.temperature import HIGHEST, LOWEST
from analysis.stats.thresholds import Rule
from analysis.tables.findings import named, phantom_of_rows
from analysis.tables.rendering import MISSING, Cell, Table, number
from trainables.data.averaging import MIN_POSITIVES

Row = dict[str, Any]
HEADS = {"sensitivity": "sensitivity", "specificity": "specificity", "ppv": "PPV", "npv": "NPV", "f1": "F1"}
NAME = "operating_points"
CHOSEN = "threshold: chosen for each repeat on its validation images, and held in the draws of test patients"
PREVALENCE = "PPV and NPV hold for the prevalence of these test images: where fewer have the finding, PPV is lower"
NO_RATE = "-: no threshold, too few images, or a rate without images in a repeat; the chapter's sentences say which"


def at_rule(runs: Runs, frame: pd.DataFrame, rule: Rule, labels: str) -> Table:
    """One row per cell: the rates at one rule's thresholds, as means over labels.

    Args:
        runs: those of the data set.
        frame: rows of `analysis.scores.operating_rates.rate_rows` of all cells, the means alone.
        rule: how the thresholds were chosen.
        labels: which labels the means are over, in words; "" where there is one alone.
    """
    columns = {HEADS[name]: bracketed(name) for name in RATES}
    columns["prevalence"] = lambda row: number(100 * row["prevalence"], digits=1)
    columns["n"] = lambda row: str(row["n"])
    notes = ["percent", *[labels] * bool(labels), CHOSEN, *interval_notes(runs.design), PREVALENCE, NO_RATE]
    title = f"Test images at the threshold of validation's {_of(rule)}"
    return _table(runs, frame, columns, name=f"{NAME}_{rule.kind}", title=title, notes=notes)


def by_label(runs: Runs, frame: pd.DataFrame) -> Table:
    """One row per cell, rule and label, with the threshold and in how many repeats there is one."""
    columns: dict[str, Callable[[Row], str]] = {
        "rule": lambda row: row["rule"],
        "label": lambda row: row["label"],
        "threshold": lambda row: number(row["threshold"], digits=3),
        "reached": lambda row: f"{row['num_reached']} of {row['n']}",
        **{HEADS[name]: bracketed(name) for name in RATES},
        "positives": lambda row: f"{row['num_positives']:,}",
        "images": lambda row: f"{row['num_images']:,}",
    }
    notes = ["percent; threshold: the mean over repeats; reached: repeats with a threshold", CHOSEN]
    notes += [*interval_notes(runs.design), PREVALENCE, NO_RATE, *runs.design.count_notes]
    title = "Operating points, label by label"
    return _table(runs, frame, columns, name=f"{NAME}_labels", title=title, notes=notes)


def net_benefit(runs: Runs, frame: pd.DataFrame, labels: str) -> Table:
    """One row per cell and rule: net benefit at the operating point beside that of treating everyone."""
    columns: dict[str, Callable[[Row], str]] = {
        "rule": lambda row: row["rule"],
        "threshold": lambda row: number(row["threshold"], digits=3),
        "net benefit": bracketed("net_benefit"),
        "treat all": lambda row: number(100 * row["treat_all"], digits=1),
        "gain": bracketed("gain"),
        "n": lambda row: str(row["n"]),
    }
    notes = [
        "true positives per 100 images, less the false positives at the exchange rate of the threshold: from a "
        "probability p on, one missed patient is as bad as (1 - p) / p treated in vain (Vickers and Elkin 2006)",
        "it takes the threshold for the probability from which a patient is to be treated, and so believes the "
        "network's probabilities; gain: over the better of treating all and treating none, which is worth 0",
        *[labels] * bool(labels),
        *interval_notes(runs.design),
        NO_RATE,
    ]
    title = "Net benefit at the operating points"
    return _table(runs, frame, columns, name=f"{NAME}_net_benefit", title=title, notes=notes)


def probabilities(runs: Runs, frame: pd.DataFrame, *, is_multiclass: bool) -> Table:
    """One row per cell of `analysis.scores.calibrated.calibration_rows`: as they come, and after scaling."""
    scores: dict[str, Callable[[Row], str]] = {}
    for form, after in (("", ""), (SCALED, ", scaled")):
        scores[f"Brier{after}"] = bracketed(f"brier{form}", digits=3, factor=1)
        scores[f"skill{after}"] = _plain(f"brier_skill{form}")
        scores[f"NLL{after}"] = bracketed(f"nll{form}", digits=3, factor=1)
        scores[f"ECE{after}"] = _plain(f"ece{form}")
    columns = {"T": _temperature, **scores, "n": lambda row: str(row["n"])}
    of = (
        "Brier: summed over classes, from 0 to 2; ECE: of the answer's probability"
        if is_multiclass
        else f"means over the averaged labels that have {MIN_POSITIVES} positives and negatives among the test images"
    )
    notes = [
        of,
        "scaled: at the temperature T that makes the validation images most likely (Guo et al. 2017), one per repeat"
        + ("" if is_multiclass else " and label")
        + "; no other number of this report is scaled, and no order of images changes",
        "T: mean (least to greatest); above 1 the network is too certain",
        "skill: 1 - the Brier score over that of a constant answer with the test images' prevalence; 0 or less: no "
        "better than that",
        "NLL: negative log-likelihood in nats; ECE: without an interval, since few images make it too large",
        *(["ECE -: a fold has too few images for its bins"] if runs.design.num_folds else []),
        *(
            [f"*: some T are at the end of what is tried, {LOWEST:g} or {HIGHEST:g}"]
            if frame["num_at_bound"].any()
            else []
        ),
        *interval_notes(runs.design),
    ]
    title = "Probabilities as they come, and after temperature scaling"
    return _table(runs, frame, columns, name=f"{NAME}_probabilities", title=title, notes=notes)


def agreement(runs: Runs, frame: pd.DataFrame) -> Table:
    """One row per cell of `analysis.scores.grades.agreement_rows`."""
    columns: dict[str, Callable[[Row], str]] = {
        "quadratic kappa": bracketed("kappa", digits=3, factor=1),
        "accuracy": bracketed("accuracy"),
        "weighted F1": bracketed("f1_weighted"),
        "images": lambda row: f"{row['num_images']:,}",
        "n": lambda row: str(row["n"]),
    }
    notes = [
        "the answer is the class with the highest probability; kappa: Cohen's, with quadratic weights; the others in "
        "percent",
        *interval_notes(runs.design),
        *runs.design.count_notes,
    ]
    title = "Agreement with the graders on test images"
    return _table(runs, frame, columns, name=f"{NAME}_agreement", title=title, notes=notes)


def confusion(runs: Runs, frame: pd.DataFrame) -> Table:
    """One row per cell and true class of `analysis.scores.grades.confusion_rows`, one column per answer."""
    names = list(dict.fromkeys(frame["predicted"]))
    wide = frame.pivot_table(index=["cell", "true"], columns="predicted", values="num_images", sort=False).reset_index()
    columns: dict[str, Callable[[Row], str]] = {"true": lambda row: row["true"]}
    columns |= {name: _plain(name, digits=1) for name in names}
    notes = [
        "test images of each true class (rows) by the class that is answered (columns), the mean over the repeats",
        *runs.design.count_notes,
    ]
    title = "Confusion matrices"
    return _table(runs, wide, columns, name=f"{NAME}_confusion", title=title, notes=notes)


def bracketed(name: str, digits: int = 1, factor: float = 100) -> Callable[[Row], str]:
    """Writes an estimate with its interval, ``82.1 (78.0 to 86.2)``."""

    def write(row: Row) -> str:
        mean, low, high = (factor * float(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
        plain = number(mean, digits=digits)
        ends = f" ({low:.{digits}f} to {high:.{digits}f})"
        return plain + ends if plain != MISSING and np.isfinite([low, high]).all() else plain

    return write


def _plain(name: str, digits: int = 3) -> Callable[[Row], str]:
    return lambda row: number(row[name], digits=digits)


def _temperature(row: Row) -> str:
    """``1.42 (1.20 to 1.61)``, with a sign where some fits ended at a bound."""
    ends = f" ({row['temperature_least']:.2f} to {row['temperature_greatest']:.2f})"
    return number(row["temperature"]) + ends + "*" * bool(row["num_at_bound"])


def _of(rule: Rule) -> str:
    """The rule behind "validation's"."""
    return "greatest Youden index" if rule.kind == "youden" else rule.title


def _table(
    runs: Runs,
    frame: pd.DataFrame,
    columns: Mapping[str, Callable[[Row], str]],
    *,
    name: str,
    title: str,
    notes: Sequence[str],
) -> Table:
    """A table with one row per row of `frame`: the cell's name, then `columns` (head -> what writes a row's field)."""
    frame = frame.assign(phantom=phantom_of_rows(runs, frame))
    phantom = union(frame["phantom"])
    head = [["cell", *columns, *[PHANTOM] * bool(phantom)]]
    body = [
        [
            named(row["cell"]),
            *[Cell(write(row)) for write in columns.values()],
            *[Cell(row["phantom"] or MISSING)] * bool(phantom),
        ]
        for row in frame.to_dict("records")
    ]
    data = frame.assign(data=runs.data)
    return Table(name=name, title=title, head=head, body=body, frame=data, notes=list(notes), phantom=phantom)
