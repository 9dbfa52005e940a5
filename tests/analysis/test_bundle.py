"""A sweep packed and read again without MLflow: every table, figure and number is the same."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis import bundle, compare, report
from analysis.reading.mlflow_frames import METRICS, metric_frame, run_frame
from analysis.reading.tracking_uri import of_bundle

ROOT = Path(__file__).parents[2]
SWEEP = "grown-1"
CELLS: list[dict[str, Any]] = [
    {"method": "transfer", "teacher": "none", "student": "densenet40"},
    {"method": "attention", "teacher": "imagenet", "student": "densenet40", "beta": 3.0},
]
MAY_DIFFER = {"index.html", "results.parquet"}  # the page's links to MLflow, and what names machines and folders
BLOCKED = """
import sqlite3
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "mlflow":
            raise ImportError(f"{name} must not be needed")

sys.meta_path.insert(0, Blocked())
sqlite3.connect = None
from analysis import {command}
sys.exit({command}.main(sys.argv[1:]))
"""


def hashed(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def predictions(seed: int, strength: float) -> pd.DataFrame:
    truth = np.arange(80) % 3 == 0
    score = 1 / (1 + np.exp(-(strength * truth + np.random.default_rng(seed).normal(size=80))))
    frame = pd.DataFrame(
        {"image": [hashed(f"i{number}") for number in range(80)], "patient": [hashed(f"p{i // 2}") for i in range(80)]}
    )
    frame = frame.assign(view=["PA", "AP"] * 40, sex=["F", "M", "M", "F"] * 20)
    frame = frame.assign(age_years=np.linspace(20, 97, 80).astype(np.float32))
    return frame.assign(label_ill=truth.astype(np.int8), probability_ill=score.astype(np.float32))


@pytest.fixture(scope="module")
def filled(new_store: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A sweep of two cells with three repeats each, and another of the same data set; nothing is added to them."""
    store = new_store(tmp_path_factory.mktemp("filled"))
    facts = {"label_names": '["ill"]', "table_2": '{"eyes": {"train": 100, "validation": 40, "test": 80}}'}
    for name, shift in ((SWEEP, 0.0), ("other", 0.5)):
        parent = store.sweep("eyes", name, data="phantom", **facts, ablation=f"question = '{name}'")
        for number, cell in enumerate(CELLS):
            store.trial(parent, phase="search", curve={"best_score": [0.6, 0.7], "score": [0.5, 0.7]}, **cell)
            for seed in range(3):
                store.trial(
                    parent, seed=seed, metrics={"test_auc": 0.7 + 0.1 * number + 0.01 * seed},
                    curve={"val_auc": [0.6, float("nan"), 0.7]}, tags={"node": "10.0.0.7"},
                    predictions=predictions(10 * number + seed, 1 + 2 * number + shift), **cell,
                )  # fmt: skip
        store.trial(parent, seed=7, status="FAILED", tags={"error": "no room in /mnt/jane/results"})
    (run_id, *_) = run_frame(store.uri, "eyes", SWEEP)["run_id"]
    for name, content in (("external.csv", b"a,b\n"), ("student.safetensors", b"0123"), ("picture.png", b"PNG")):
        (Path(store.uri.removeprefix("sqlite:///")).parent / name).write_bytes(content)
        store.client.log_artifact(run_id, Path(store.uri.removeprefix("sqlite:///")).parent / name, "more")
    return store


def pack(store: Any, out: Path, *more: str) -> Path:
    assert bundle.main([SWEEP, "--tracking-uri", store.uri, "--out", str(out), *more]) == 0
    return out


@pytest.fixture(scope="module")
def packed(filled: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack(filled, tmp_path_factory.mktemp("packed") / "supplement.zip")


@pytest.fixture(scope="module")
def unpacked(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)
    return folder / "supplement"


@pytest.fixture(scope="module")
def without_mlflow(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the report made from the bundle alone, by a process that has neither MLflow nor SQLite."""
    out = tmp_path_factory.mktemp("again")
    code = BLOCKED.replace("{command}", "report")
    arguments = ["--from", str(packed), "--out", str(out)]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout.strip()) == (0, str(out / "eyes" / "index.html")), done.stderr
    return out / "eyes"


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def plain(page: bytes) -> str:
    """The page without its links to runs, and without the lines on its command and on where its runs are."""
    text = re.sub(r"<small>(<a [^>]*></a>)+</small>", "", page.decode())
    return re.sub(r"<dt>(command|runs)</dt><dd>(python|numbers|read) [^<]*</dd>", r"<dt>\1</dt>", text)


@pytest.mark.slow
def test_every_table_and_figure_is_made_again_without_mlflow(
    filled: Any, without_mlflow: Path, unpacked: Path, tmp_path: Path
) -> None:
    assert report.main(["eyes", "--sweep", SWEEP, "--tracking-uri", filled.uri, "--out", str(tmp_path)]) == 0
    original, again = files(tmp_path / "eyes"), files(without_mlflow)
    assert set(original) == set(again) and len(original) > 30
    assert {name for name in original if original[name] != again[name]} == MAY_DIFFER
    assert plain(original["index.html"]) == plain(again["index.html"]) and "http" not in plain(again["index.html"])
    first, second = (pd.read_parquet(folder / "results.parquet") for folder in (tmp_path / "eyes", without_mlflow))
    kept = [name for name in second if name not in ("artifact_uri", "tags.node")]
    assert set(first) - set(second) == {"tags.error"} and len(kept) > 50
    pd.testing.assert_frame_equal(first[kept], second[kept])
    assert files(unpacked / "report") == again  # the page, too


def test_runs_and_curves_are_mlflows(filled: Any, packed: Path) -> None:
    expected, read = (run_frame(uri, "eyes", SWEEP) for uri in (filled.uri, of_bundle(packed)))
    changed = ["artifact_uri", "tags.node"]
    pd.testing.assert_frame_equal(expected.drop(columns=[*changed, "tags.error"]), read.drop(columns=changed))
    names = [name.removeprefix(METRICS) for name in expected if name.startswith(METRICS)]
    order = ["run_id", "metric", "step", "timestamp"]
    logged, again = (
        metric_frame(uri, expected["run_id"].tolist(), names).sort_values(order, ignore_index=True)
        for uri in (filled.uri, of_bundle(packed))
    )
    assert len(logged) > 30 and logged["value"].isna().any()
    pd.testing.assert_frame_equal(logged, again)


def test_the_same_runs_give_the_same_bytes(filled: Any, packed: Path, tmp_path: Path) -> None:
    assert pack(filled, tmp_path / "supplement.zip").read_bytes() == packed.read_bytes()


def test_it_can_be_checked_with_other_programs(unpacked: Path) -> None:
    lines = [line.split("  ") for line in (unpacked / "SHA256SUMS").read_text().splitlines()]
    assert {name for _, name in lines} == set(files(unpacked)) - {"SHA256SUMS"}
    for digest, name in lines:
        assert hashlib.sha256((unpacked / name).read_bytes()).hexdigest() == digest
    if program := shutil.which("sha256sum"):
        subprocess.run([program, "-c", "--strict", "--quiet", "SHA256SUMS"], cwd=unpacked, check=True)


def test_it_holds_what_analysis_reads_and_nothing_that_identifies(unpacked: Path) -> None:
    held = files(unpacked)
    artifacts = [name.rpartition("/")[2] for name in held if name.startswith("artifacts/")]
    assert sorted(artifacts) == ["external.csv", *["predictions.parquet"] * 6]
    assert not [name for name in held if name.endswith((".safetensors", ".db")) or "figure_1" in name]
    for name, content in held.items():
        for word in (b"jane", b"10.0.0.7", str(Path.home() / "x")[:-1].encode(), b"/pytest-of-"):
            assert word not in content or name == "requirements.lock", (name, word)
    runs = pd.read_parquet(unpacked / "runs" / "runs.parquet")
    assert set(runs["tags.sweep"]) == {SWEEP} and not [name for name in runs if name.startswith("tags.mlflow.note")]
    ages = pd.read_parquet(next((unpacked / "artifacts").glob("*/predictions.parquet")))["age_years"]
    assert ages.max() == 90 and ages.min() == 20


def test_it_says_what_it_is(unpacked: Path) -> None:
    readme = (unpacked / "README.md").read_text()
    for text in ("PHANTOM DATA", f"The sweep {SWEEP} on eyes", "sha256sum -c SHA256SUMS", "--from supplement.zip"):
        assert text in readme, text
    listed = set(re.findall(r"^\| `([^`]+)` \|", readme, flags=re.MULTILINE))
    held = files(unpacked)
    assert listed >= {"ablation.toml", "facts.json", "runs/runs.parquet"}
    assert all(any(each.startswith(name) for each in held) for name in listed)
    about = json.loads((unpacked / "bundle.json").read_text())
    assert (about["dataset"], about["sweep"], about["runs"], about["data"]) == ("eyes", SWEEP, 10, ["phantom"])
    (facts,) = json.loads((unpacked / "facts.json").read_text())
    assert facts["table_2"]["eyes"] == {"train": 100, "validation": 40, "test": 80}
    assert (unpacked / "ablation.toml").read_text() == f"question = '{SWEEP}'"
    versions = json.loads((unpacked / "versions.json").read_text())
    assert versions["libraries"]["numpy"] == np.__version__ and "not installed" not in versions["libraries"].values()
    assert (unpacked / "requirements.lock").read_bytes() == (ROOT / "requirements.lock").read_bytes()


def test_tables_and_comparisons_take_the_address_of_a_bundle(
    filled: Any, packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--other-tracking-uri", filled.uri, "--dataset", "eyes", "--format", "csv"]
    printed = []
    for uri in (of_bundle(packed), filled.uri):
        assert compare.main([SWEEP, "other", "--tracking-uri", uri, *place, "--out", str(tmp_path)]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] and "attention" in printed[0]


def test_a_bundle_is_not_packed_again_and_a_report_needs_one_place(
    packed: Path, filled: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bundle.main([SWEEP, "--tracking-uri", of_bundle(packed)]) == 2
    assert "is one already: hand that on" in capsys.readouterr().err
    assert report.main(["--from", str(packed), "--tracking-uri", filled.uri]) == 2
    assert "must not both be given" in capsys.readouterr().err
    assert report.main(["--tracking-uri", filled.uri]) == 2
    assert "a report needs DATASET" in capsys.readouterr().err
    assert report.main(["retin", "--from", str(packed)]) == 2
    assert "did you mean retina?" in capsys.readouterr().err
