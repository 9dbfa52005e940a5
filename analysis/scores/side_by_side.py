"""Two sweeps side by side: the settings that differ, and the difference in each cell that both have."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.reading import origins
from analysis.reading.sweeps_by_name import NamedSweep, differing_settings
from analysis.scores import differences
from analysis.scores.cell_repeats import CellRepeats, Resamples, cell_repeats
from analysis.scores.differences import difference_rows
from analysis.scores.drawn_metrics import AUC, IN_WORDS, metrics_of
from trainables import titles
from trainables.cell import Cell

COLUMNS = ["metric", "cell", "title", *differences.COLUMNS, "phantom", "data", "run_ids_a", "run_ids_b"]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two sweeps, A and B, on the cells that they share."""

    first: NamedSweep  # A
    second: NamedSweep  # B
    settings: pd.DataFrame  # from `differing_settings`
    scores: pd.DataFrame  # from `rows`
    alone: pd.DataFrame  # cell, sweep: the cells that only one of them has

    @property
    def sweeps(self) -> tuple[NamedSweep, NamedSweep]:
        """A and B."""
        return self.first, self.second

    @property
    def metrics(self) -> list[str]:
        """What is compared, the AUC first."""
        return [str(name) for name in self.scores["metric"].drop_duplicates()]

    @property
    def phantom(self) -> str:
        """Which parts of any number are phantoms."""
        return origins.union(self.scores["phantom"])


def compare(first: NamedSweep, second: NamedSweep) -> Compared:
    """The differences B - A, where `first` is A.

    Raises:
        ValueError: one sweep is of phantoms and the other is not, or their data sets have different labels.
        LookupError: they share no cell.
    """
    _check_alike(first, second)
    own, other = (set(sweep.runs.confirm["tags.cell"]) for sweep in (first, second))
    if not own & other:
        cells = "; ".join(f"{it.words} has {', '.join(sorted(names))}" for it, names in ((first, own), (second, other)))
        raise LookupError(f"two sweeps must share a cell to be compared, but these share none: {cells}")
    alone = [(name, (first if name in own else second).side) for name in sorted(own ^ other, key=_order)]
    return Compared(
        first=first,
        second=second,
        settings=differing_settings([first, second]),
        scores=rows(first, second),
        alone=pd.DataFrame(alone, columns=["cell", "sweep"]),
    )


def _check_alike(first: NamedSweep, second: NamedSweep) -> None:
    if first.runs.data != second.runs.data:
        kinds = " and ".join(f"{sweep.words} on {sweep.runs.data} images" for sweep in (first, second))
        raise ValueError(f"phantom and real runs never share a table, but got {kinds}")
    labels = [sorted(json.loads(sweep.label_names or "[]")) for sweep in (first, second)]
    if first.runs.dataset != second.runs.dataset and (labels[0] != labels[1] or not labels[0]):
        of_each = " and ".join(
            f"{sweep.words} is of {sweep.runs.dataset} ({', '.join(own) or 'labels unknown'})"
            for sweep, own in zip((first, second), labels, strict=True)
        )
        raise ValueError(f"two sweeps must be of one data set, or of two with the same labels, but {of_each}")


def rows(first: NamedSweep, second: NamedSweep) -> pd.DataFrame:
    """One row per metric and shared cell: COLUMNS. Holm's correction covers the cells of one metric.

    The difference is B less A, so that the columns ``first_...`` are those of B, the sweep `second`.
    """
    shared = set(first.runs.confirm["tags.cell"]) & set(second.runs.confirm["tags.cell"])
    names = sorted(shared, key=_order)
    of_a, of_b = (cell_repeats(sweep.runs, names) for sweep in (first, second))
    phantom = [origins.of_cells(sweep.runs.confirm) for sweep in (first, second)]
    resamples = Resamples()
    frames = []
    for metric in _metrics([*of_a.values(), *of_b.values()]):
        frame = difference_rows([(of_b[name], of_a[name]) for name in names], metric, resamples)
        frame = frame.assign(
            metric=metric,
            cell=names,
            title=[titles.of_name(name) for name in names],
            phantom=[origins.union(parts[name] for parts in phantom) for name in names],
            data=first.runs.data,
            run_ids_a=[" ".join(of_a[name].confirm["run_id"]) for name in names],
            run_ids_b=[" ".join(of_b[name].confirm["run_id"]) for name in names],
        )
        frames.append(frame[COLUMNS])
    return pd.concat(frames, ignore_index=True)


def _metrics(tested: Sequence[CellRepeats]) -> list[str]:
    """The task's metrics and those by which either sweep chose its students; without predictions, those recorded."""
    chosen = sorted({str(name) for it in tested for name in it.confirm["params.selection_metric"]})
    repeats = [repeat for it in tested for repeat in it.repeats]
    if repeats:
        return list(dict.fromkeys(name for by in chosen for name in metrics_of(repeats[0], by)))
    usual = dict.fromkeys([AUC, "f1_weighted", *(name for name in chosen if name in IN_WORDS)])
    return [name for name in usual if any(len(it.scores_S(name)) for it in tested)] or [AUC]


def _order(name: str) -> tuple[object, ...]:
    """Cells as their names read, and last those whose names are of another version of the code."""
    try:
        return (0, *Cell.parse(name).sort_key)
    except ValueError:
        return (1, name)


def sentences(compared: Compared) -> list[str]:
    """What the differences support, one sentence per metric."""
    of_metrics = compared.scores.groupby("metric", sort=False)
    lines = [_sentence(of, IN_WORDS[str(metric)]) for metric, of in of_metrics]
    return [f"{line[:1].upper()}{line[1:]}" for line in lines]


def _sentence(frame: pd.DataFrame, metric: str) -> str:
    told = frame[differences.told(frame)]
    num_cells = f"{len(frame)} shared cell{'s' * (len(frame) > 1)}"
    if told.empty:
        return f"{metric}: no difference between A and B can be shown in any of the {num_cells}."
    listed = "; ".join(
        f"{row.title} ({row.cell}) {100 * float(str(row.difference)):+.2f} points, corrected p = {row.p_holm:.3f}"
        for row in told.itertuples()
    )
    rest = "; in the others no difference can be shown" if len(told) < len(frame) else ""
    return f"{metric}: B differs from A in {len(told)} of the {num_cells}: {listed}{rest}."
