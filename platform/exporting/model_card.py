"""The model card of an exported student, after Mitchell et al. 2019, *Model Cards for Model Reporting*."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from analysis.reading import artifacts, predictions
from analysis.reading.averages import averages
from analysis.reading.chosen import Chosen
from analysis.reading.history import history
from analysis.reading.origins import PHANTOM_NOTICE
from analysis.reading.predictions import Predictions
from analysis.scores.cells import interval_note
from analysis.scores.comparisons import NUM_DRAWS, draws_of, weights_of
from analysis.scores.labels import label_rows
from analysis.scores.subgroups import subgroup_rows
from analysis.stats.bootstrap import percentiles
from analysis.stats.intervals import shown_half_width
from analysis.stats.resampled import mean_over
from analysis.tables.rendering import MISSING
from platform.exporting.agreement import CheckImages, SizeCheck
from trainables.cell import NO_TEACHER, members
from trainables.init_names import is_matched
from trainables.models.onnx_file import Latency
from trainables.recipe_learning import LOSSES
from trainables.teachers.overlap import sets_seen
from trainables.transfer import METHODS

METRICS = ("auc", "f1_weighted", "accuracy", "kappa")
NOT_HYPERPARAMETERS = ("dataset", "method", "teacher", "student", "phase")
PLAIN = "fine-tuning of the first weights; no teacher"


@dataclass(frozen=True, kw_only=True)
class Files:
    """The exported files, and what was measured on them."""

    config: dict[str, Any]
    sizes: dict[str, int]  # bytes, by file
    check: CheckImages
    difference: float | None  # of the probabilities, ONNX and PyTorch; None without ONNX
    any_size: SizeCheck | None  # None without ONNX
    from_scores: float | None  # of the probabilities, PyTorch here and the run's own predictions
    latency: Latency | None
    cpu: str


def card(choice: Chosen, files: Files, results: Path) -> str:
    """The card as Markdown; the teachers are in the folder `results`."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"plain": _plain, "fraction": _fraction, "field": _field}
    scored = predictions.load(choice.runs.tracking_uri, choice.run)
    method, label_loss = METHODS.get(str(choice.run["params.method"])), LOSSES[str(choice.run["params.loss"])]
    return environment.get_template("model_card.md.j2").render(
        choice=choice,
        run=choice.run,
        files=files,
        config=files.config,
        date=f"{pd.to_datetime(choice.run['start_time'], unit='ms'):%Y-%m-%d}",
        is_phantom=choice.runs.data == "phantom",
        phantom_notice=PHANTOM_NOTICE,
        counts=_counts(choice, "table_2"),
        facts=_counts(choice, "table_1"),
        overlaps=sorted({text for text in _parents(choice, "teacher_overlap") if text}),
        teachers=_teachers(choice, results, str(choice.run["params.teacher"]), "tags.teacher_fingerprint"),
        init=_teachers(choice, results, str(choice.run["params.init"]), "tags.init_fingerprint"),
        phantom_help=[n for n in ("teacher", "init") if choice.run.get(f"tags.{n}_is_phantom") == "true"],
        is_matched=is_matched(str(choice.run["params.init"])),
        label_loss=label_loss,
        formula=method.formula if method else f"L = {label_loss}",
        reference=method.reference if method else PLAIN,
        hyperparameters=_hyperparameters(choice.run),
        scores=_scores(choice),
        interval=interval_note(choice.runs.design),
        patients=_over_patients(scored),
        labels=_labels(scored, files.check.label_names),
        averages=averages(choice.runs),
        subgroups=_rows(subgroup_rows("", [scored])) if scored else [],
    )


def _parents(choice: Chosen, tag: str) -> list[str]:
    sweeps = choice.runs.sweeps
    own = sweeps[sweeps["run_id"] == choice.run["tags.mlflow.parentRunId"]]
    return [str(text) for text in own.reindex(columns=[f"tags.{tag}"]).squeeze(axis=1).dropna()]


def _counts(choice: Chosen, tag: str) -> dict[str, Any]:
    texts = _parents(choice, tag)
    counts: dict[str, Any] = json.loads(texts[-1]) if texts else {}
    return counts


def _teachers(choice: Chosen, results: Path, names: str, tag: str) -> list[dict[str, str]]:
    """What is known about each teacher; of what it has seen, only the data set's name, never the patients."""
    known = []
    prints = str(choice.run.get(tag, "")).split("+")
    for name, fingerprint in zip(members(names), prints, strict=False):
        teacher = artifacts.teacher_of(results, fingerprint)
        fact = {
            "name": name,
            "fingerprint": fingerprint,
            "source": "no longer at hand",
            "seen": "unknown",
            "licence": "",
        }
        if teacher is not None:
            phantom = " (PHANTOM)" if teacher.is_phantom else ""
            fact |= {
                "source": teacher.source + phantom,
                "seen": ", ".join(sets_seen(teacher.seen)) or teacher.trained_on or "unknown",
                "licence": teacher.licence,
            }
        known.append(fact)
    return [] if names == NO_TEACHER or names == "random" else known


def _hyperparameters(run: pd.Series) -> list[tuple[str, str]]:
    values = {name.removeprefix("params."): value for name, value in run.items() if str(name).startswith("params.")}
    return [(name, f"{value:g}" if isinstance(value, float) else str(value)) for name, value in sorted(values.items())
            if name not in NOT_HYPERPARAMETERS and not pd.isna(value) and value != "()"]  # fmt: skip


def _scores(choice: Chosen) -> list[dict[str, Any]]:
    """One row per metric: this run's and its cell's, on the validation set (at the best epoch) and on the test set."""
    run_ids = choice.repeats["run_id"].tolist()
    names = [f"val_{name}" for name in METRICS]
    curves = history(choice.runs.tracking_uri, run_ids, ["score", *names])
    at_best = {}
    for run_id, curve in curves.groupby("run_id"):
        score = curve[curve["metric"] == "score"]
        best = curve[curve["step"] == score.loc[score["value"].idxmax(), "step"]] if len(score) else curve[:0]
        at_best[run_id] = dict(zip(best["metric"], best["value"], strict=True))
    rows = []
    for name in METRICS:
        validation = {run_id: at_best.get(run_id, {}).get(f"val_{name}", math.nan) for run_id in run_ids}
        column = choice.repeats.reindex(columns=[f"metrics.test_{name}"]).squeeze(axis=1).astype(float)
        test = dict(zip(run_ids, column, strict=True))
        if any(math.isfinite(value) for value in [*validation.values(), *test.values()]):
            own = str(choice.run["run_id"])
            rows.append(
                {
                    "metric": name,
                    "validation": _fraction(validation[own]),
                    "test": _fraction(test[own]),
                    "cell_validation": _interval(list(validation.values()), choice.repeats, "validation_to_train"),
                    "cell_test": _interval(list(test.values()), choice.repeats, "test_to_train"),
                }
            )
    return rows


def _interval(values: list[float], repeats: pd.DataFrame, to_train: str) -> str:
    """The mean over these repeats with its interval, which allows for the images that splits and folds share."""
    defined = [(value, part) for value, part in zip(values, repeats["test_part"], strict=True) if math.isfinite(value)]
    finite, parts = [value for value, _ in defined], [part for _, part in defined]
    interval = mean_over(finite, parts, float(repeats[to_train].iloc[0]))
    if interval is None:
        return MISSING
    half_width = shown_half_width(interval)
    width = f" ± {half_width:.3f}" if math.isfinite(half_width) else ""
    return f"{interval.mean:.3f}{width} (n = {interval.n})"


def _over_patients(scored: Predictions | None) -> dict[str, Any] | None:
    """This run's AUC over the labels that its sweep averages, with an interval over the test patients."""
    drawn = draws_of([scored], weights_of(scored)) if scored else None
    if drawn is None or not np.isfinite(drawn.draws_SB).any():
        return None
    interval = percentiles(drawn.draws_SB[0])
    return {
        "auc": float(drawn.points_S[0]),
        "low": interval.low,
        "high": interval.high,
        "num_patients": drawn.num_patients,
        "num_draws": NUM_DRAWS,
    }


def _labels(scored: Predictions | None, names: tuple[str, ...]) -> list[dict[str, Any]]:
    rows = _rows(label_rows("", [scored])) if scored else []
    if len(rows) == len(names):  # predictions have the names as MLflow spells them
        rows = [{**row, "label": name} for row, name in zip(rows, names, strict=True)]
    return rows


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _fraction(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else MISSING


def _plain(text: object) -> str:
    """In one line, without characters that Markdown would read as a table or a tag."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")


def _field(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else _plain(value)
