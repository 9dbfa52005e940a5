"""The page of a sweep in MLflow: its description, its metrics and its images, as MLflow itself takes and gives them."""

from __future__ import annotations

import doctest
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from analysis.reading.origins import PHANTOM_NOTICE
from platform.sweeping.records import TrialRecord
from platform.tracking import sweep_page
from platform.tracking.data_inputs import facts_of
from platform.tracking.ledger import Ledger
from platform.tracking.sweep_page import CUT, MAX_CHARS, SearchProgress, confirmed_metrics, description, in_metric_name
from search_spaces import SPACES
from tests.small_sweep import CELLS as CELLS_OF_THE_SMALL_SWEEP
from trainables.cell import Cell
from trainables.config import TrialConfig
from trainables.trial import TrialSpec

BASE = TrialConfig(dataset="retina", method="transfer", max_epochs=3, image_size_px=64, selection_metric="f1_weighted")
CELLS = [
    Cell(method=method, teacher=teacher, student="densenet40", data_fraction=share, uncertainty=policy, varied=varied)
    for method, teacher in (("transfer", "none"), ("attention", "imagenet"), ("distillation", "imagenet+mimic-cxr"))
    for share, policy in product((1.0, 0.25), ("zeros", "ones"))
    for varied in ((), (("flip", False),), (("rotation_deg", 0),), (("rotation_deg", 1e-05),))
]


class FakeStore:
    """Ten images: six, three and one in the splits."""

    dataset, task, is_phantom = "retina", "multiclass", True
    fingerprint, split_fingerprint = "0123456789abcdef", "fedcba9876543210"

    def rows(self, split: str, fraction: float = 1.0) -> Any:
        return np.arange(round(fraction * {"train": 6, "validation": 3, "test": 1}[split]))


@pytest.fixture
def setup() -> Any:
    space = SimpleNamespace(cells=SPACES["retina"].cells)
    facts = {
        "num_trials": 4,
        "num_repeats": 3,
        "search": "optuna",
        "searcher": "gp",
        "scheduler": "pasha",
        "max_epochs": 3,
        "name": "retina-phantom-1",
    }
    facts |= {"redraw_lines": [], "facts": {}}
    return SimpleNamespace(store=FakeStore(), space=space, base=BASE, **facts)


def test_the_description_of_an_ablation_begins_with_its_question_and_names_the_file(setup: Any) -> None:
    assert "Asked by" not in description(setup, state="Finished.")
    setup.facts = {"ablation_file": "mine.toml", "ablation_question": "Does it turn?", "overrides": "--trials 3"}
    text = description(setup, state="Finished.")
    named = (
        "### Does it turn?\nAsked by `mine.toml` (the artifact `ablation.toml`), with `--trials 3` typed beside it.\n"
    )
    assert f"Finished.\n\n{named}\n### What is compared" in text
    setup.facts = {"ablation_file": "mine.toml", "ablation_question": "", "overrides": ""}
    assert "\n\nAsked by `mine.toml` (the artifact `ablation.toml`).\n\n" in description(setup, state="Finished.")


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> Iterator[Ledger]:
    folder = tmp_path_factory.mktemp("pages")
    shutil.copy(empty_mlflow, folder / "mlflow.db")
    yield Ledger(f"sqlite:///{folder / 'mlflow.db'}", "retina", "pages", {"settings": "{}"}, folder / "artifacts")


def record_of(cell: Cell = CELLS[0], score: float | None = None, phase: str = "search", **facts: Any) -> TrialRecord:
    beta = None if cell.teacher == "none" else 10.0
    config = replace(BASE, **{**cell.axes, "beta": beta, "phase": phase})
    spec = TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s")
    scores = [] if score is None else [score]
    return TrialRecord(spec=spec, study=cell.name, number=0, status="FINISHED", best_scores=scores, **facts)


def test_the_examples_hold() -> None:
    assert doctest.testmod(sweep_page).failed == 0


def test_mlflow_takes_every_cell_as_a_metric_of_its_own(ledger: Ledger) -> None:
    names = {f"best val_auc/{in_metric_name(cell.name)}": float(number) for number, cell in enumerate(CELLS)}
    assert len(names) == len(CELLS) == len({cell.name for cell in CELLS})
    ledger.log(ledger.parent_id, names, 1, 1_000)
    metrics = ledger.client.get_run(ledger.parent_id).data.metrics
    assert {name: metrics[name] for name in names} == names


def test_the_best_score_of_a_cells_search_goes_up_with_the_trials_that_end() -> None:
    first, second = CELLS[0], CELLS[4]
    page = SearchProgress([record_of(first, 0.5), TrialRecord(**{**vars(record_of(first)), "status": "RUNNING"})])
    name, other = (f"best val_f1_weighted/{in_metric_name(cell.name)}" for cell in (first, second))
    assert page.ended(record_of(first, 0.25)) == ({name: 0.5}, 2)
    assert page.ended(record_of(second)) == ({}, 3)  # it failed
    assert page.ended(record_of(second, 0.125)) == ({other: 0.125}, 4)
    assert page.ended(record_of(first, 0.75)) == ({name: 0.75}, 5)
    assert page.ended(record_of(first, 0.9, phase="confirm")) == ({}, 6)


def test_confirmed_cells_stand_with_mean_and_half_width_and_without_one_where_repeats_are_too_few() -> None:
    values = {"transfer/none/densenet40/all": [0.5, 0.6, 0.7], "attention/imagenet/densenet40/all@0.25": [0.4, 0.5]}
    rows = [{"tags.cell": cell, "metrics.test_auc": v, "params.method": "a"} for cell in values for v in values[cell]]
    metrics = confirmed_metrics(pd.DataFrame(rows), ["test_auc"])
    assert metrics == {
        "confirmed test_auc mean/transfer none densenet40 all": pytest.approx(0.6),
        "confirmed test_auc half-width/transfer none densenet40 all": pytest.approx(4.3027 * 0.1 / 3**0.5, rel=1e-4),
        "confirmed test_auc mean/attention imagenet densenet40 all - 0.25": pytest.approx(0.45),
    }


def test_the_description_says_what_is_compared_and_what_to_run(setup: Any) -> None:
    text = description(setup, state="3 of 49 trials have ended.")
    assert text.startswith(f"**{PHANTOM_NOTICE}**\n\n3 of 49 trials have ended.\n\n### What is compared\n7 cells on")
    assert "- methods: attention, transfer\n" in text and "`best val_f1_weighted/...`" in text
    assert "4 trials each, weak ones ended early by the scheduler `pasha` (optuna search by gp), then 3" in text
    for command in ("analysis.report retina", "platform.export CELL --dataset retina", "analysis.optuna_export retina"):
        assert f"\npython -m {command} --sweep retina-phantom-1" in text
    assert "How the cells stand" not in text
    setup.store.is_phantom = False
    assert description(setup, state="Finished.").startswith("Finished.\n")


@pytest.mark.parametrize("num_lines", [5, 500])
def test_a_description_fits_into_a_tag_with_as_many_rows_as_possible(setup: Any, num_lines: int) -> None:
    lines = [f"row {number} of a table" for number in range(num_lines)]
    text = description(setup, state="Finished.", tables="\n".join(lines))
    shown = text.partition("### How the cells stand\n```\n")[2].splitlines()
    assert shown[-1] == "```" and text.count("```") == 4
    if num_lines == 5:
        assert shown[:-1] == lines
    else:
        assert shown[-2] == CUT and shown[:-2] == lines[: len(shown) - 2]
        assert MAX_CHARS - 150 < len(text) <= MAX_CHARS


def test_a_teachers_training_is_described_as_one(setup: Any) -> None:
    setup.base = replace(BASE, phase="pretrain")
    text = description(setup, state="Finished.")
    assert text.endswith("`densenet121` is trained on `retina`; the weights of its best epoch are kept as a teacher.")
    assert "cells" not in text


def test_a_run_shows_the_images_that_it_reads_and_nothing_of_them(ledger: Ledger) -> None:
    store: Any = FakeStore()
    ledger.describe("Some *text*.", facts_of(store))
    searching, confirming = record_of(CELLS[8], 0.5), record_of(CELLS[0], 0.5, phase="confirm")
    for record in (searching, confirming):
        ledger.open(record, {}, 1_000, facts_of(store, record.spec.config))
    parent = ledger.client.get_run(ledger.parent_id)
    assert parent.data.tags["mlflow.note.content"] == "Some *text*."
    whole = {("train", "-train", 6), ("validation", "-validation", 3), ("test", "-test", 1)}
    quarter = {("train", "-train-0.25", 2), ("validation", "-validation", 3)}
    for run_id, expected in ((ledger.parent_id, whole), (confirming.run_id, whole), (searching.run_id, quarter)):
        recorded = ledger.client.get_run(run_id).inputs
        assert recorded is not None
        inputs = recorded.dataset_inputs
        assert {item.dataset.name for item in inputs} == {"retina"}
        shown = {
            (item.tags[0].value, item.dataset.digest.removeprefix(store.fingerprint), rows(item.dataset))
            for item in inputs
        }
        assert shown == expected
        facts = [json.loads(item.dataset.source) for item in inputs]
        assert facts == [{"data": "phantom", "splits": store.split_fingerprint}] * len(inputs)


def rows(dataset: Any) -> int:
    return int(json.loads(dataset.profile)["num_rows"])


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_finished_sweeps_page_tells_how_the_cells_stand(undisturbed: tuple[Path, str]) -> None:
    results, output = undisturbed
    client = MlflowClient(f"sqlite:///{results / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("retina")
    assert experiment is not None
    (parent,) = client.search_runs([experiment.experiment_id], "tags.kind = 'sweep'")
    description = parent.data.tags["mlflow.note.content"]
    assert "\n\nFinished.\n\n### What is compared\n2 cells on" in description
    lines = [line for line in output.splitlines() if line.startswith(CELLS_OF_THE_SMALL_SWEEP)]  # AUC and F1
    assert len(lines) == 2 * len(CELLS_OF_THE_SMALL_SWEEP) and all(line in description for line in lines)
    for cell in map(in_metric_name, CELLS_OF_THE_SMALL_SWEEP):
        history = client.get_metric_history(parent.info.run_id, f"best val_f1_weighted/{cell}")
        assert len(history) == 2 and history[0].value <= history[1].value  # of two trials
        assert f"confirmed test_auc mean/{cell}" in parent.data.metrics
    models = client.search_logged_models([experiment.experiment_id])
    assert {model.tags["cell"] for model in models} == set(CELLS_OF_THE_SMALL_SWEEP)
    assert {model.status for model in models} == {"READY"}
    contexts = [item.tags[0].value for item in parent.inputs.dataset_inputs] if parent.inputs else []
    assert sorted(contexts) == ["test", "train", "validation"]
