"""A knob is one field, a data set and a method one file each: a copy of the code with a toy of each shows them all."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from tests import forking

ROOT = Path(__file__).parents[1]
AXIS = """
    toy: float = knob(
        0.5, role=AXIS, flag="--toy", plural="--toys", metavar="T", low=0, high=9, help="a toy's strength"
    )
"""
SETUP = """
    plain_toy: str = knob("wood", role=SETUP, flag="--plain-toy", choices=("wood", "tin"), help="what a toy is made of")
"""
TUNED = """
    tuned_toy: float = knob(
        1.0, role=TUNED, flag="--tuned-toy", metavar="X", help="a toy's speed", search=Range(low=1, high=2, first=1)
    )
"""
SIDES = ("left", "middle", "right")
NUM_IMAGES = 36
SURNAME = "Mueller"  # of all patients; nothing that a sweep shares may hold it
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
METHOD = '''
"""A toy: the mean of the embedding, squared difference."""

from trainables.transfer.method import Range, Method


class Toy(Method):
    name = "toy"
    reference = "nobody"
    formula = "L = s (mean z_S - mean z_T)^2"
    teacher_roles = student_roles = ("embedding",)
    knobs = {"scale": Range(low=1.0, high=3.0, first=2.0)}

    def knowledge(self, teacher):
        return teacher["embedding"].mean(dim=1)[:, None]

    def loss(self, student, knowledge):
        return self.knob["scale"] * (self.knowledge(student) - knowledge).square().mean()
'''
Run = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code with three more fields of `TrialConfig`, a reader and a method; and images for the reader."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("platform", "analysis", "search_spaces", "trainables", "tests", "docs"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    config = copy / "trainables" / "config.py"
    head, rest = config.read_text().split("    def __post_init__(self)", 1)
    head = head.replace("import AXIS,", "import Range, AXIS,", 1)  # the tuned toy has one
    config.write_text(f"{head.rstrip()}{AXIS}{SETUP}{TUNED}\n    def __post_init__(self){rest}")
    (copy / "trainables" / "data" / "readers" / "bars.py").write_text(READER)
    (copy / "trainables" / "transfer" / "toy.py").write_text(METHOD)
    (copy / "data" / "bars").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(NUM_IMAGES):
        image_HW = rng.integers(0, 80, (32, 32)).astype(np.uint8)
        place = number % len(SIDES)
        image_HW[:, 11 * place : 11 * place + 8] += 150
        Image.fromarray(image_HW).save(copy / "data" / "bars" / f"{SURNAME}-{number}_{SIDES[place]}.png")
    return copy


@pytest.fixture(scope="module")
def run(copy: Path) -> Run:
    """Runs a module of the copy."""
    others = ("RAY_ADDRESS", "MLFLOW_TRACKING_URI", "TRANSFER_LOCAL", "TRANSFER_RESULTS")
    environment = {name: value for name, value in os.environ.items() if name not in others}
    environment["TRANSFER_RESULTS"] = str(copy / "results")

    def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return forking.run(module, *arguments, environment=environment, root=copy)

    return run


class Sweep(NamedTuple):
    """The toy data set, prepared, swept over the toy knobs and reported."""

    printed: dict[str, str]  # by command
    results: Path
    report: Path

    @property
    def database(self) -> Path:
        return self.results / "mlflow.db"


@pytest.fixture(scope="module")
def swept(copy: Path, run: Run) -> Sweep:
    data = ("bars", "--data", str(copy / "data"), "--image-size", "32")
    results, reports = copy / "results", copy / "reports"
    sweep = (
        *("--preset", "quick", "--epochs", "1", "--trials", "2", "--repeats", "1", "--concurrent", "1"),
        *("--average-labels", "defined", "--init", "random", "--students", "densenet40", "--cells", "transfer/*"),
        *("--name", "toys", "--toys", "0.5", "2", "--plain-toy", "tin"),
    )
    commands: dict[str, tuple[str, ...]] = {
        "platform.prepare": data,
        "platform.sweep": (*data, *sweep),
        "analysis.report": ("bars", "--tracking-uri", f"sqlite:///{results / 'mlflow.db'}", "--out", str(reports)),
    }
    printed = {}
    for module, arguments in commands.items():
        done = run(module, *arguments)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        assert SURNAME not in done.stdout + done.stderr
        printed[module] = done.stdout
    return Sweep(printed, results, reports / "bars")


def values(database: Path, table: str, key: str) -> set[str]:
    """What MLflow's runs have for a tag or a parameter."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as reader:
        return {value for (value,) in reader.execute(f"select value from {table} where key = ?", (key,))}


def test_the_commands_have_a_knobs_flag_and_check_it(run: Run) -> None:
    sweep, pretrain = (run(f"platform.{verb}", "--help").stdout for verb in ("sweep", "pretrain"))
    for text in (sweep, pretrain):
        assert "what a toy is made of (default: wood)" in text and "a toy's strength (default: 0.5)" in text
    assert "--toys T [T ...]" in sweep and "--toy T" in pretrain
    assert "--tuned-toy X" in pretrain and "--tuned-toy" not in sweep  # there the search decides
    refused = run("platform.sweep", "retina", "--toys", "10")
    assert refused.returncode == 2
    assert "argument --toys: 0 <= toy <= 9 must hold, but got toy=10.0" in refused.stderr


def test_the_page_of_options_is_stale_until_it_has_the_knob(copy: Path, run: Run) -> None:
    test = "from tests.test_options import test_the_page_of_options_is_fresh as test\n\ntest()"
    (copy / "is_fresh.py").write_text(test)
    assert "docs/options.md is stale" in run("is_fresh").stderr
    assert run("tests.options").returncode == 0
    assert run("is_fresh").returncode == 0


def test_a_knob_decides_a_trials_key_and_which_runs_share_a_table(copy: Path, run: Run) -> None:
    program = """
from dataclasses import replace
from analysis.reading.left_out import OF_THE_SETUP
from trainables.config import TrialConfig
from trainables.trial import TrialSpec
plain = TrialConfig(dataset="retina", method="transfer")
configs = [plain, replace(plain, toy=2), replace(plain, plain_toy="tin"), replace(plain, tuned_toy=1.5)]
print(len({TrialSpec(config=config, data_fingerprint="", split_fingerprint="").key for config in configs}))
print("params.plain_toy" in OF_THE_SETUP, "params.toy" in OF_THE_SETUP)
"""
    (copy / "keys.py").write_text(program)
    assert run("keys").stdout.split() == ["4", "True", "False"]


def test_a_sweep_makes_a_knobs_cells_and_records_its_values(swept: Sweep) -> None:
    column, database = "transfer/none/densenet40/all@from-random", swept.database
    assert values(database, "tags", "cell") == {column, f"{column},toy=2"}
    assert values(database, "params", "toy") == {"0.5", "2.0"}
    assert values(database, "params", "plain_toy") == {"tin"}
    tuned = {float(value) for value in values(database, "params", "tuned_toy")}
    assert 1.0 in tuned and len(tuned) > 1 and all(1 <= value <= 2 for value in tuned)
    (settings,) = (json.loads(value) for value in values(database, "tags", "settings"))
    assert settings["plain_toy"] == "tin" and settings["tuned"]["tuned_toy"] == [1, 2]


def test_a_data_set_is_prepared_swept_and_reported(swept: Sweep) -> None:
    prepared = swept.printed["platform.prepare"]
    assert prepared.startswith("bars: 36 images of 36 patients, 3 labels, 32 px") and "the paper's" not in prepared

    printed = swept.printed["platform.sweep"]
    assert "transfer/none/densenet40/all@from-random" in printed and "test_f1_weighted" in printed
    assert "analysis.report bars" in printed and "The paper's table" not in printed
    assert values(swept.database, "params", "selection_metric") == {"accuracy"}
    assert [json.loads(text) for text in values(swept.database, "tags", "label_names")] == [list(SIDES)]

    page = swept.report / "index.html"
    assert swept.printed["analysis.report"].strip() == str(page)
    assert "Bars in three places" in page.read_text() and "PHANTOM" not in page.read_text()
    table = (swept.report / "tables" / "bars_results.csv").read_text()
    assert "Bars in three places,accuracy" in table and ",toy=2," in table


def test_no_patient_path_or_image_is_in_anything_that_is_shared(swept: Sweep) -> None:
    shared = [swept.database, *(swept.results / "artifacts").rglob("*"), *swept.report.rglob("*")]
    shared += [*(swept.results / "sweeps").rglob("*.parquet"), *(swept.results / "sweeps").rglob("*.safetensors")]
    files = [path for path in shared if path.is_file()]
    assert len(files) > 20 and any(path.name == "predictions.parquet" for path in files)
    for path in files:
        assert SURNAME.encode() not in path.read_bytes(), path
    assert len(values(swept.database, "params", "learning_rate")) >= 2  # the runs are there


def test_a_method_is_listed_with_its_cells_and_what_a_search_tries_first(copy: Path, run: Run) -> None:
    assert len(METHOD.strip().splitlines()) < 30
    first = """
from search_spaces import space_of
from trainables.cell import Cell
print(space_of("retina").first(Cell(method="toy", teacher="imagenet", student="densenet40")))
"""
    (copy / "first.py").write_text(first)
    cells = run("platform.sweep", "retina", "--methods", "toy", "--list-cells").stdout
    assert "toy/imagenet/densenet40/all\n" in cells
    assert "'beta': 100.0, 'scale': 2.0" in run("first").stdout
    assert "toy\n  L = s (mean z_S - mean z_T)^2\n  nobody\n" in run("platform.sweep", "--list-methods").stdout
