"""Which files of a sweep are packed, and what stops it."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis import bundle
from analysis.reading.artifacts import names_of_run
from analysis.reading.mlflow_frames import run_frame

pytestmark = pytest.mark.usefixtures("svg_alone")


@pytest.fixture
def sweep(store: Any) -> str:
    return str(store.sweep("eyes", "small", data="real", label_names='["ill"]'))


def trial(store: Any, parent: str, patient: str = "0123456789abcdef") -> str:
    frame = pd.DataFrame({"image": [f"{number:016x}" for number in range(40)], "patient": patient, "view": ""})
    frame = frame.assign(sex="", age_years=np.float32(50), label_ill=np.int8(0), probability_ill=np.float32(0.5))
    frame.loc[::2, "label_ill"] = 1
    return str(store.trial(parent, metrics={"test_auc": 0.7}, predictions=frame, method="transfer", teacher="none"))


def packed(store: Any, out: Path, *more: str) -> set[str]:
    assert bundle.main(["small", "--tracking-uri", store.uri, "--out", str(out), *more]) == 0
    with zipfile.ZipFile(out) as archive:
        return set(archive.namelist())


def test_tables_are_packed_and_weights_only_if_asked_for_and_pictures_never(
    store: Any, sweep: str, tmp_path: Path
) -> None:
    run_id = trial(store, sweep)
    for name in ("lungs.parquet", "cost.json", "student.safetensors", "patient.png", "code.py", "old.pkl"):
        (tmp_path / name).write_text('{"at": "/mnt/jane/x"}')
        if name.endswith(".parquet"):
            pd.DataFrame({"image": ["0123456789abcdef"]}).to_parquet(tmp_path / name)
        store.client.log_artifact(run_id, str(tmp_path / name), "external/deep")
    (run,) = [row for _, row in run_frame(store.uri, "eyes", "small").iterrows() if row["run_id"] == run_id]
    assert len(names_of_run(store.uri, run)) == 7 and "external/deep/old.pkl" in names_of_run(store.uri, run)
    folder = f"small/artifacts/{run_id}"
    data = {f"{folder}/{name}" for name in ("predictions.parquet", "external/deep/lungs.parquet")}
    data |= {f"{folder}/external/deep/cost.json"}
    (tmp_path / "stores").mkdir()
    readings = pd.DataFrame({"image": [f"{39:016x}", "f" * 16], "reader": "first", "label_ill": [1, 0]})
    for name, frame in (("eyes-64px-1.readers.parquet", readings), ("lungs-64px-1.readers.parquet", readings.tail(1))):
        frame.to_parquet(tmp_path / "stores" / name)
    (tmp_path / "stores" / "eyes-64px-1.arrow").write_bytes(b"images")
    names = packed(store, tmp_path / "small.zip")
    (kept,) = [name for name in names if "/results/" in name]  # of images in the predictions, and of no others
    with zipfile.ZipFile(tmp_path / "small.zip") as archive:
        assert pd.read_parquet(archive.open(kept)).equals(readings.head(1))
    assert {name for name in names if "/artifacts/" in name} == data
    pictures = {name.rpartition("/")[2] for name in names if name.endswith((".png", ".svg"))}
    assert pictures and not [name for name in pictures if "figure_1" in name or "figure_2" in name]
    with zipfile.ZipFile(tmp_path / "small.zip") as archive:
        assert archive.read(f"{folder}/external/deep/cost.json") == b'{"at": "x"}'
    names = packed(store, tmp_path / "large.zip", "--with-weights")
    weights = f"large/artifacts/{run_id}/external/deep/student.safetensors"
    assert {name for name in names if "/artifacts/" in name and "small" not in name} >= {weights}


@pytest.mark.parametrize(
    ("arguments", "said"), [(["smal"], "did you mean small?"), (["small", "--dataset", "lungs"], "there is none")]
)
def test_a_misspelt_sweep_is_refused(
    store: Any, sweep: str, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bundle.main([*arguments, "--tracking-uri", store.uri]) == 2
    error = capsys.readouterr().err
    assert said in error and "SWEEP must be one of the sweeps" in error


def test_predictions_that_name_patients_stop_it(
    store: Any, sweep: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = trial(store, sweep, "Doe, Jane")
    assert bundle.main(["small", "--tracking-uri", store.uri, "--out", str(tmp_path / "out" / "x.zip")]) == 2
    assert f"predictions.parquet of run {run_id} has the patient 'Doe, Jane'" in capsys.readouterr().err
    assert not list((tmp_path / "out").iterdir())


def test_a_sweep_without_a_finished_trial_is_not_packed(
    store: Any, sweep: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.trial(sweep, status="FAILED")
    assert bundle.main(["small", "--tracking-uri", store.uri, "--out", str(tmp_path / "out" / "x.zip")]) == 2
    assert "no finished run of eyes to report on" in capsys.readouterr().err
    assert not list((tmp_path / "out").iterdir())
