"""What a report says of one data set: its tables, its figures, and its findings in words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis import figure_1, table_1, table_2, table_3, table_4, table_5, table_6
from analysis.figures import figure_2, figure_3, figure_4, figure_reliability, figure_search
from analysis.figures.drawing import Picture
from analysis.reading import artifacts, origins
from analysis.reading.averages import averages
from analysis.reading.predictions import Predictions, by_cell
from analysis.reading.trials import Runs
from analysis.scores.cells import constant_notes, summary
from analysis.scores.comparisons import Draws, comparison_rows, draws_of, planned, sentence, variance_rows, weights_of
from analysis.scores.labels import label_rows, reliability_rows
from analysis.scores.subgroups import subgroup_rows
from analysis.tables import findings, results
from analysis.tables.rendering import Table
from trainables.data.catalogue import title


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a report shows of one data set."""

    runs: Runs
    sentences: list[str]
    tables: list[Table]
    pictures: list[Picture]


def content(runs: Runs, results: Path | None = None, *, with_images: bool = False) -> Content:
    """Reads curves and predictions, and makes everything that the report shows of one data set.

    Args:
        runs: those of the data set.
        results: the sweep's results folder, for Figs. 1 and 2; without it they are left out.
        with_images: whether images of patients may be shown; phantoms always are.
    """
    paper_tables = [_results(runs), table_3.table(_of(runs, table_3.rows([runs])))]
    for module in (table_1, table_2):
        paper_tables.append(module.table(_of(runs, module.rows([runs]))))
    curves = figure_4.curves(runs)
    tables, sentences, reliability = _from_predictions(runs)
    sentences += [f"{note[0].upper()}{note[1:]}." for note in constant_notes(summary(runs.confirm, "test_auc"))]
    if len(curves):
        tables.append(findings.drops(runs, figure_4.drops(curves)))
    num_labels = _num_labels(runs)
    tables.append(table_6.table(table_6.rows(num_labels=num_labels) if num_labels else table_6.rows()))
    pictures: list[Picture | None] = [*_images(runs, results, with_images)]
    pictures += [figure_3.picture(runs), figure_4.picture(runs), *figure_search.pictures(runs)]
    pictures.append(figure_reliability.picture(reliability, origins.of_cells(runs.confirm)))
    return Content(
        runs=runs,
        sentences=sentences,
        tables=[*paper_tables, *tables],
        pictures=[picture for picture in pictures if picture is not None],
    )


def _images(runs: Runs, results: Path | None, with_images: bool) -> list[Picture | None]:
    """Figs. 1 and 2, where the prepared images are at hand and may be shown."""
    store = artifacts.store_of(results, str(runs.trials["tags.data_fingerprint"].iloc[0])) if results else None
    if results is None or store is None or not (store.is_phantom or with_images):
        return []
    teachers = artifacts.teachers_of(runs, results)
    row = int(store.rows("validation")[0])
    return [figure_1.picture(store, np.random.default_rng(0)), figure_2.picture(runs, store, teachers, row)]


def _num_labels(runs: Runs) -> int:
    texts = runs.sweeps.reindex(columns=["tags.label_names"])["tags.label_names"].dropna().tolist()
    return len(json.loads(texts[-1])) if texts else 0


def _results(runs: Runs) -> Table:
    for module in (table_4, table_5):
        if runs.dataset in module.DATASETS:
            return module.table(_of(runs, module.rows([runs])))
    metrics = [name for name in results.METRIC_NAMES if f"metrics.test_{name}" in runs.confirm]
    frame = results.beside_paper([runs], "", metrics, [runs.dataset])
    return results.results_table(frame, "results", f"Results on {runs.dataset}, test set", [])


def _of(runs: Runs, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table over all data sets that concern this one."""
    name = title(runs.dataset)
    is_own = (frame["dataset"] == name) | frame["dataset"].str.startswith((f"{name}-", f"{name} ", f"{name},"))
    return frame[is_own].reset_index(drop=True)


def _from_predictions(runs: Runs) -> tuple[list[Table], list[str], pd.DataFrame]:
    """Everything that rests on predictions; cells are read one by one, and their draws and predictions stay."""
    draws: dict[str, Draws] = {}
    kept: dict[str, list[Predictions]] = {}
    labels, groups, bins = [], [], []
    weights, images = None, None
    for cell, repeats in by_cell(runs.tracking_uri, runs.confirm):
        if weights is None:
            weights, images = weights_of(repeats[0]), repeats[0].images["image"]
        labels.append(label_rows(cell, repeats))
        groups.append(subgroup_rows(cell, repeats))
        bins.append(reliability_rows(cell, repeats))
        of_cell = draws_of(repeats, weights) if repeats[0].images["image"].equals(images) else None
        if of_cell is not None:
            draws[cell], kept[cell] = of_cell, repeats
    if not labels:
        return [], [], pd.DataFrame()
    compared = comparison_rows(draws, planned(list(draws)))
    compared_phantom = compared.assign(phantom=findings.phantom_of_rows(runs, compared))
    tables = [
        findings.variance(runs, variance_rows(draws)),
        findings.compared(runs, compared),
        findings.delong(runs, compared, kept),
    ]
    tables += [
        findings.labels(runs, pd.concat(labels, ignore_index=True)),
        findings.groups(runs, pd.concat(groups, ignore_index=True)),
    ]
    averaged = averages(runs)
    records = compared_phantom.to_dict("records")
    sentences = [sentence({str(name): value for name, value in row.items()}, averaged) for row in records]
    return tables, sentences, pd.concat(bins, ignore_index=True)
