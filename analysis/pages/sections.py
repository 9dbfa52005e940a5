"""What a report says of one data set: its tables, its figures, and its findings in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.figures import (
    figure_2,
    figure_3,
    figure_4,
    figure_cells,
    figure_depth,
    figure_reliability,
    figure_variance,
    sample_images,
    search_figures,
)
from analysis.figures.drawing import Picture
from analysis.pages.answers import Answer, answers, basis
from analysis.pages.predicted import from_predictions
from analysis.reading import artifacts, origins
from analysis.reading.averages import averages
from analysis.reading.trials import Runs
from analysis.scores.cells import constant_notes, summary
from analysis.scores.variance_components import component_rows
from analysis.tables import (
    best_betas,
    data_sets,
    densenet40_layers,
    findings,
    results,
    retina_scores,
    split_sizes,
    unfreeze_depths,
    variance_sources,
    xray_scores,
)
from analysis.tables.rendering import Table
from trainables import titles
from trainables.data.catalogue import title


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a report shows of one data set."""

    runs: Runs
    contrasts: pd.DataFrame  # behind the answers
    answers: list[Answer]
    basis: str  # what the answers have in common
    sentences: list[str]  # what else to know before reading any number
    spread: str  # what is in the spread over repeats, and what is not; "" where nothing was confirmed
    lead: Picture | None  # all cells at a glance
    tables: list[Table]
    pictures: list[Picture]
    left_out: list[str]  # which tables and figures, and why


def content(runs: Runs, results: Path | None = None, *, with_images: bool = False) -> Content:
    """Reads curves and predictions, and makes everything that the report shows of one data set.

    Args:
        runs: those of the data set.
        results: the sweep's results folder, for Figs. 1 and 2; without it they are left out.
        with_images: whether images of patients may be shown; phantoms always are.
    """
    curves, predicted, design = figure_4.curves(runs), from_predictions(runs), runs.design
    tables: list[Table | None] = [_results(runs), *predicted.tables]
    components = component_rows(runs.confirm, runs.components, predicted.draws)
    tables.append(variance_sources.table(runs, components) if len(components) else None)
    tables.append(findings.drops(runs, figure_4.drops(curves)) if len(curves) else None)
    tables += [*_of_the_paper(runs), _architecture(runs), unfreeze_depths.of_runs(runs, _num_labels(runs))]
    phantom, averaged = origins.of_cells(runs.confirm), averages(runs)
    pictures: list[Picture | None] = [*_images(runs, results, with_images)]
    pictures.append(figure_variance.picture(figure_variance.rows(components, phantom)))
    pictures += [
        figure_3.picture(runs),
        figure_4.picture(runs),
        figure_depth.picture(runs),
        *search_figures.pictures(runs),
    ]
    pictures.append(figure_reliability.picture(predicted.reliability, phantom, design))
    return Content(
        runs=runs,
        contrasts=predicted.contrasts,
        answers=answers(predicted.contrasts, phantom, design),
        basis=basis(predicted.contrasts, averaged, design),
        sentences=_constant(runs),
        spread=design.sentence if len(runs.confirm) else "",
        lead=figure_cells.picture(
            figure_cells.rows(predicted.variance, phantom), averaged.notes if averaged else [], design
        ),
        tables=[table for table in tables if table is not None and table.body],
        pictures=[picture for picture in pictures if picture is not None],
        left_out=_left_out(runs, [table for table in tables if table is not None], pictures),
    )


def _constant(runs: Runs) -> list[str]:
    """Which cells give a constant answer, a sentence each."""
    scored = summary(runs.confirm, "test_auc")
    notes = constant_notes(scored.assign(cell=[f"{titles.of_name(name)} ({name})" for name in scored["cell"]]))
    return [f"{note[0].upper()}{note[1:]}." for note in notes]


def _of_the_paper(runs: Runs) -> list[Table]:
    """Tables III, I and II."""
    splits = split_sizes.table(_of(runs, split_sizes.rows([runs])))
    return [
        best_betas.table(_of(runs, best_betas.rows([runs]))),
        data_sets.table(_of(runs, data_sets.rows([runs]))),
        replace(splits, notes=[*splits.notes, *runs.design.split_notes]),
    ]


def _left_out(runs: Runs, tables: Sequence[Table], pictures: Sequence[Picture | None]) -> list[str]:
    """Which tables and figures have nothing to show, and why."""
    reasons = {
        "comparisons": "no cell has a baseline or another teacher beside it",
        "delong": "no two cells that are compared have predictions for the same images",
        "subgroups": "the test images have no two sexes, age bands or views",
        "table_3": "no cell has a teacher",
    }
    design = runs.design
    if not design.is_on_one_split:
        why = "folds would rank the probabilities of different students against each other"
        reasons["delong"] = why if design.num_folds else "repeats on splits drawn anew share no one test set"
    lines = [
        f"{table.title}: {reasons.get(table.name, 'no run has numbers for it')}" for table in tables if not table.body
    ]
    if len(runs.confirm) and "figure_3" not in {picture.name for picture in pictures if picture}:
        lines.append(
            "Fig. 3, AUC by the amount of training data: all cells are trained on the same amount (--fractions)"
        )
    if design.num_folds and len(runs.search):
        lines.append("Was the budget equal?: each fold has a search of its own, with other validation images")
    if not any(picture and picture.name == "figure_1" for picture in pictures):
        hidden = ", or they show patients (--images)" if runs.data == "real" else ""
        lines.append(f"Figs. 1 and 2: the prepared images are not in the results folder (--results){hidden}")
    return lines


def _images(runs: Runs, results: Path | None, with_images: bool) -> list[Picture | None]:
    """Figs. 1 and 2, where the prepared images are at hand and may be shown."""
    store = artifacts.store_of(results, runs.data_fingerprint) if results else None
    if results is None or store is None or not (store.is_phantom or with_images):
        return []
    teachers = artifacts.teachers_of(runs, results)
    row = int(store.rows("validation")[0])
    return [sample_images.picture(store, np.random.default_rng(0)), figure_2.picture(runs, store, teachers, row)]


def _architecture(runs: Runs) -> Table | None:
    """Table VI, where a DenseNet-40 was trained."""
    if not runs.trained["params.student"].eq("densenet40").any():
        return None
    num_labels = _num_labels(runs)
    return densenet40_layers.table(
        densenet40_layers.rows(num_labels=num_labels) if num_labels else densenet40_layers.rows()
    )


def _num_labels(runs: Runs) -> int:
    """How many outputs the students have; 0 where the sweep does not say."""
    texts = runs.sweeps.reindex(columns=["tags.label_names"])["tags.label_names"].dropna().tolist()
    return len(json.loads(texts[-1])) if texts else 0


def _results(runs: Runs) -> Table:
    for module in (xray_scores, retina_scores):
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
