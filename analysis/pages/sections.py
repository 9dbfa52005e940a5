"""What a report says of one data set: its tables, its figures, and its findings in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.chapters.contents import chapters
from analysis.figures import (
    figure_2,
    figure_3,
    figure_4,
    figure_cells,
    figure_depth,
    figure_importance,
    figure_one_at_a_time,
    figure_reliability,
    figure_variance,
    sample_images,
    search_figures,
)
from analysis.figures.drawing import Picture
from analysis.pages.answers import Answer, answers, basis
from analysis.pages.chapter import Chapter
from analysis.pages.evidence import Evidence, rules_of
from analysis.pages.predicted import Predicted, from_predictions
from analysis.probes.networks import first_repeats
from analysis.reading import artifacts, openings, origins
from analysis.reading.averages import averages
from analysis.reading.trials import Runs
from analysis.scores import importances, one_change
from analysis.scores.cells import constant_notes, summary
from analysis.scores.variance_components import component_rows
from analysis.stats.thresholds import Rule
from analysis.tables import (
    best_betas,
    data_sets,
    densenet40_layers,
    findings,
    one_at_a_time,
    results,
    retina_scores,
    split_sizes,
    sweep_growth,
    unfreeze_depths,
    variance_sources,
    what_mattered,
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
    chapters: list[Chapter] = field(default_factory=list)


def content(
    runs: Runs, results: Path | None = None, *, with_images: bool = False, rules: tuple[Rule, ...] | None = None
) -> Content:
    """Reads curves and predictions, and makes everything that the report shows of one data set.

    Args:
        runs: those of the data set.
        results: the sweep's results folder, for Figs. 1 and 2; without it they are left out.
        with_images: whether images of patients may be shown; phantoms always are.
        rules: how thresholds are chosen; None for those of `analysis.pages.evidence`.
    """
    predicted = from_predictions(runs)
    rest = _content(runs, results, predicted, with_images=with_images)
    return replace(rest, chapters=chapters(_evidence(runs, results, predicted, rules or rules_of())))


def _content(runs: Runs, results: Path | None, predicted: Predicted, *, with_images: bool) -> Content:
    """All but the chapters."""
    curves, design = figure_4.curves(runs), runs.design
    components = component_rows(runs.confirm, runs.components, predicted.draws)
    changes, mattered = one_change.rows(runs), importances.rows_of(runs, joint_alone=True)
    tables: list[Table | None] = [
        _results(runs),
        *one_at_a_time.tables(changes),
        *predicted.tables,
        variance_sources.table(runs, components) if len(components) else None,
        findings.drops(runs, figure_4.drops(curves)) if len(curves) else None,
        what_mattered.table(mattered, runs) if len(mattered) else None,
        *_of_the_set_up(runs),
    ]
    phantom, averaged = origins.of_cells(runs.confirm), averages(runs)
    pictures: list[Picture | None] = [
        *figure_one_at_a_time.pictures(changes),
        *_images(runs, results, with_images),
        figure_variance.picture(figure_variance.rows(components, phantom)),
        *(module.picture(runs) for module in (figure_3, figure_4, figure_depth)),
        *search_figures.pictures(runs),
        figure_reliability.picture(predicted.reliability, phantom, design),
        figure_importance.picture(mattered, runs),
    ]
    return Content(
        runs=runs,
        contrasts=predicted.contrasts,
        answers=answers(predicted.contrasts, phantom, design),
        basis=basis(predicted.contrasts, averaged, design),
        sentences=[f"{note[0].upper()}{note[1:]}." for note in _notes(runs)],
        spread=design.sentence if len(runs.confirm) else "",
        lead=figure_cells.picture(
            figure_cells.rows(predicted.variance, phantom), averaged.notes if averaged else [], design
        ),
        tables=[table for table in tables if table is not None and table.body],
        pictures=[picture for picture in pictures if picture is not None],
        left_out=_left_out(runs, [table for table in tables if table is not None], pictures),
    )


def _evidence(runs: Runs, results: Path | None, predicted: Predicted, rules: tuple[Rule, ...]) -> Evidence:
    return Evidence(
        runs=runs,
        results=results,
        rules=rules,
        tested=predicted.tested,
        validated=predicted.validated,
        draws=predicted.draws,
        contrasts=predicted.contrasts,
        variance=predicted.variance,
    )


def _notes(runs: Runs) -> list[str]:
    """Which cells give a constant answer, and which have opened the test set more than once."""
    scored = summary(runs.confirm, "test_auc")
    titled = scored.assign(cell=[f"{titles.of_name(name)} ({name})" for name in scored["cell"]])
    return [*constant_notes(titled), *openings.notes(titled)]


def _of_the_set_up(runs: Runs) -> list[Table | None]:
    """The tables on what was trained: betas, images, networks and sweeps."""
    splits = split_sizes.table(_of(runs, split_sizes.rows([runs])))
    return [
        best_betas.table(_of(runs, best_betas.rows([runs]))),
        data_sets.table(_of(runs, data_sets.rows([runs]))),
        replace(splits, notes=[*splits.notes, *runs.design.split_notes]),
        _architecture(runs),
        unfreeze_depths.of_runs(runs, _num_labels(runs)),
        sweep_growth.table(sweep_growth.rows(runs.sweeps)),
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
    repeats = first_repeats(runs)
    store = artifacts.split_of(store, repeats.iloc[0]) if len(repeats) else store
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
