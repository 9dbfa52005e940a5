"""A new data set is one file among the readers: `prepare`, `sweep` and `report` then know all of it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
SIDES = ("left", "middle", "right")
NUM_IMAGES = 36
READER = '''
"""Bars: a bright bar at one of three places; `bars/<patient>_<place>.png`."""

import pandas as pd

from trainables.data.dataset import Dataset
from trainables.data.listing import Listing, class_labels, nothing_left_out

SIDES = ("left", "middle", "right")


def read(root):
    """The listing of the pictures under `root`."""
    names = pd.Series(sorted(path.name for path in root.glob("*.png")))
    parts = names.str.extract(r"(?P<patient>.*)_(?P<side>.*)[.]png")
    facts = {"view": "", "sex": "", "age_years": float("nan"), "official_split": ""}
    labels = class_labels(parts["side"].map(SIDES.index))
    rows = pd.DataFrame({"path": names, "patient": parts["patient"], **facts, "labels": labels})
    return Listing(
        dataset=DATASET.name, root=root, task=DATASET.task, label_names=SIDES, channels=1, rows=rows,
        left_out=nothing_left_out(),
    )


DATASET = Dataset(
    name="bars", title="Bars in three places", task="multiclass", selection_metric="accuracy",
    label_names=SIDES, read=read, folders=("bars",),
)
'''
COMMAND = (
    "import importlib, sys; from trainables.data import readers; readers.__path__.append(sys.argv[1]); "
    "sys.exit(importlib.import_module(sys.argv[2]).main(sys.argv[3:]))"
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder with the reader's file, and the pictures in `data/bars`."""
    (tmp_path / "bars.py").write_text(READER)
    (tmp_path / "data" / "bars").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(NUM_IMAGES):
        image_HW = rng.integers(0, 80, (32, 32)).astype(np.uint8)
        place = number % len(SIDES)
        image_HW[:, 11 * place : 11 * place + 8] += 150
        Image.fromarray(image_HW).save(tmp_path / "data" / "bars" / f"p{number}_{SIDES[place]}.png")
    return tmp_path


def run(folder: Path, module: str, *arguments: str) -> str:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI")
    }
    command = [sys.executable, "-c", COMMAND, str(folder), module, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_a_data_set_in_one_file_is_prepared_swept_and_reported(folder: Path) -> None:
    results = folder / "results"
    common = ["bars", "--data", str(folder / "data"), "--image-size", "32", "--results", str(results)]
    out = run(folder, "platform.prepare", *common)
    assert out.startswith("bars: 36 images of 36 patients, 3 labels, 32 px") and "the paper's" not in out

    few = ["--preset", "quick", "--epochs", "1", "--trials", "1", "--repeats", "1", "--concurrent", "1"]
    which = ["--cells", "transfer/*", "--students", "densenet40", "--init", "random", "--average-labels", "defined"]
    out = run(folder, "platform.sweep", *common, *few, *which)
    assert "transfer/none/densenet40/all@from-random" in out and "test_f1_weighted" in out
    assert "analysis.report bars" in out and "The paper's table" not in out

    database = results / "mlflow.db"
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as reader:
        metrics = reader.execute("select distinct value from params where key = 'selection_metric'").fetchall()
        labels = reader.execute("select value from tags where key = 'label_names'").fetchall()
    assert metrics == [("accuracy",)]
    assert [json.loads(text) for (text,) in labels] == [list(SIDES)]

    out = run(folder, "analysis.report", "bars", "--tracking-uri", f"sqlite:///{database}", "--out", str(folder))
    page = (folder / "bars" / "index.html").read_text()
    assert out.strip() == str(folder / "bars" / "index.html")
    assert "Bars in three places" in page and "PHANTOM" not in page
    table = (folder / "bars" / "tables" / "bars_results.csv").read_text()
    assert "Bars in three places,accuracy" in table
