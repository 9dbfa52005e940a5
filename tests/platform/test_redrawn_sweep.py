"""Sweeps whose repeats draw more than the seed anew, and a cross-validation, by the front door, on phantoms."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.reading import artifacts
from analysis.reading.mlflow_frames import run_frame
from analysis.reading.optuna_studies import recorded_studies
from tests.small_sweep import CELLS, draw_teacher, finish, fork, numbers, trials
from trainables.data.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
SHORT = ("--trials", "1", "--epochs", "1", "--name", "mine")
OF_A_SPLIT = ["params.split_draw", "params.num_folds", "params.fold"]


def runs_of(results: Path) -> tuple[pd.DataFrame, pd.Series]:
    """The trials of the sweep, and its own run."""
    frame = run_frame(uri_of(results), "retina", "mine")
    is_parent = frame["tags.kind"] == "sweep"
    (parent,) = [run for _, run in frame[is_parent].iterrows()]
    return frame[~is_parent], parent


def uri_of(results: Path) -> str:
    return f"sqlite:///{results / 'mlflow.db'}"


def store_of(results: Path) -> Store:
    (path,) = (results / "stores").glob("retina-*.arrow")
    return Store.open(path)


def check_tested_on_its_own_images(results: Path, confirm: pd.DataFrame) -> dict[str, list[pd.DataFrame]]:
    """Every repeat's predictions are of the test images of its split; by cell, in the order of the runs."""
    by_cell: dict[str, list[pd.DataFrame]] = {}
    for _, run in confirm.iterrows():
        path = artifacts.of_run(uri_of(results), run, "predictions.parquet")
        assert path is not None
        predicted = pd.read_parquet(path).query("split == 'test'")
        own = artifacts.split_of(store_of(results), run)
        assert predicted["image"].tolist() == own.image_id[own.rows("test")].tolist()
        assert run["tags.split_fingerprint"] == own.split_fingerprint
        assert run["tags.data_fingerprint"] == own.prepared.fingerprint
        others = set(own.patient[own.rows("train")]) | set(own.patient[own.rows("validation")])
        assert not set(predicted["patient"]) & others
        by_cell.setdefault(str(run["tags.cell"]), []).append(predicted)
    return by_cell


def test_a_cross_validation_searches_each_fold_and_tests_every_image_once(fresh: Path) -> None:
    flags = (*SHORT, "--folds", "3")
    output = finish(fork(fresh, *flags))
    assert "cross-validation: 3 folds by patient" in output and "6 of 6 folds of cells done" in output
    recorded, parent = runs_of(fresh)
    folds = [f"{cell} fold {fold}" for cell in CELLS for fold in (1, 2, 3)]
    expected = Counter({(study, phase): 1 for study in folds for phase in ("search", "confirm")})
    assert Counter(zip(recorded["tags.study"], recorded["tags.phase"], strict=True)) == expected
    assert set(recorded["status"]) == {"FINISHED"}
    confirm = recorded[recorded["tags.phase"] == "confirm"]
    assert set(confirm["tags.drawn"]) == {"fold"} and set(recorded["params.num_folds"]) == {"3"}
    by_cell = check_tested_on_its_own_images(fresh, confirm)
    for predicted in by_cell.values():
        images = pd.concat(predicted)
        assert sorted(images["image"]) == sorted(store_of(fresh).image_id)
        assert images.groupby("patient")["image"].count().sum() == store_of(fresh).num_images
    # The search of a fold has seen neither its test images nor another split.
    splits = recorded.groupby("tags.study")["tags.split_fingerprint"].nunique()
    assert (splits == 1).all() and recorded["tags.split_fingerprint"].nunique() == 3
    own = store_of(fresh).split_fingerprint
    assert {json.loads(tag)["split_fingerprint"] for tag in recorded["tags.sweep_setup"]} == {own}
    assert (parent["tags.num_folds"], parent["tags.vary_in_repeats"]) == ("3", "seed")
    assert json.loads(parent["tags.settings"])["folds"] == 3
    assert {row["test"] for row in json.loads(parent["tags.table_2"]).values()} == {16}  # of 48; the prepared has 18
    studies = recorded_studies(uri_of(fresh), "retina", "mine")
    assert [study.study for study in studies] == folds and not any(
        "cell" in t.params for s in studies for t in s.trials
    )

    before = numbers(fresh)
    finish(fork(fresh, *flags))
    assert numbers(fresh) == before
    other = fork(fresh, *SHORT)
    _, err = other.communicate(timeout=100)
    assert other.returncode == 2 and "settings" in err and "folds: 3 before, None now" in err


def test_a_sweep_grows_by_splits_and_components_and_trains_nothing_twice(fresh: Path) -> None:
    draw_teacher(fresh)
    cell = ("--cells", CELLS[0])
    finish(fork(fresh, *SHORT, *cell))
    before = numbers(fresh)
    assert len(trials(fresh)) == 2
    more = ("--repeats", "2", "--vary-in-repeats", "seed,split", "--variance-components")
    output = finish(fork(fresh, *SHORT, *cell, *more))
    assert "each repeat draws anew: seed and split" in output and "repeat 2 (new seed and split)" in output
    after = numbers(fresh)
    assert {key: after[key] for key in before} == before
    recorded, parent = runs_of(fresh)
    confirm = recorded[recorded["tags.phase"] == "confirm"]
    drawn = Counter(zip(confirm["tags.drawn"], confirm["params.seed"], confirm["params.split_draw"], strict=True))
    expected = [("seed", "1", "0"), ("seed", "2", "0")]
    expected += [("split", "0", "1"), ("split", "0", "2"), ("seed+split", "1", "1"), ("seed+split", "2", "2")]
    assert drawn == Counter(expected)
    check_tested_on_its_own_images(fresh, confirm)
    assert parent["tags.vary_in_repeats"] == "seed+split" and parent["tags.variance_components"] == "true"
    assert "folds" not in json.loads(parent["tags.settings"])
    of_split = confirm.groupby("params.split_draw")["tags.split_fingerprint"].unique().map(tuple)
    assert of_split.map(len).eq(1).all() and len(set(of_split)) == 3
    one_split = confirm[confirm["params.split_draw"] == "0"]
    assert one_split.reindex(columns=["tags.sweep_setup"])["tags.sweep_setup"].isna().all()


def test_each_source_alone_changes_a_training(fresh: Path) -> None:
    flags = ("--vary-in-repeats", "seed", "split", "order", "init", "--variance-components", "--repeats", "1")
    finish(fork(fresh, *SHORT, "--cells", CELLS[1], *flags))
    recorded, _ = runs_of(fresh)
    confirm: Any = recorded[recorded["tags.phase"] == "confirm"].set_index("tags.drawn")
    seeds = ["params.seed", "params.split_draw", "params.order_seed", "params.init_seed"]
    assert {name: tuple(row) for name, row in confirm[seeds].iterrows()} == {
        "seed+split+order+init": ("1", "1", "1", "1"),
        "seed": ("1", "0", "0", "0"),
        "split": ("0", "1", "0", "0"),
        "order": ("0", "0", "1", "0"),
        "init": ("0", "0", "0", "1"),
    }
    scores = confirm["metrics.test_auc_defined"]
    assert scores.notna().all()
    losses = [confirm.loc[name, "metrics.train_loss"] for name in ("seed", "order", "init")]
    assert len(set(losses)) == 3, "each source alone must change the training"
