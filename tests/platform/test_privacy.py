"""Nothing that tells who a patient is leaves the data folder: all that is shared is searched for it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import ray
from PIL import Image

import platform.prepare
import platform.sweep
from analysis import report

PATIENTS = [f"Mueller-{number:04d}" for number in range(9000, 9024)]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_patient_path_or_image_is_in_anything_that_is_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    data, results = tmp_path / "clinic", tmp_path / "results"
    data.mkdir()
    lines = ["image,patient,label"]
    for number, patient in enumerate(PATIENTS):
        Image.effect_noise((40, 40), 10 + number).save(data / f"scan-{patient}.png")
        lines.append(f"scan-{patient}.png,{patient},{'ill' if number % 2 else 'well'}")
    (data / "ward7.csv").write_text("\n".join(lines))
    platform.prepare.main([str(data / "ward7.csv"), "--image-size", "32", "--results", str(results)])
    flags = ["--teachers", "phantom", "--preset", "quick", "--image-size", "32", "--epochs", "1", "--trials", "1"]
    cells = ["--repeats", "1", "--cells", "transfer/*/densenet40/*", "--init", "random", "--average-labels", "defined"]
    try:
        assert platform.sweep.main(["ward7", *flags, *cells, "--results", str(results)]) == 0
    finally:
        ray.shutdown()
    printed = capsys.readouterr()
    uri = f"sqlite:///{results / 'mlflow.db'}"
    assert report.main(["ward7", "--tracking-uri", uri, "--out", str(tmp_path / "reports")]) == 0

    shared = [results / "mlflow.db", *(results / "artifacts").rglob("*"), *(tmp_path / "reports").rglob("*")]
    shared += [*(results / "sweeps").rglob("*.parquet"), *(results / "sweeps").rglob("*.safetensors")]
    files = [path for path in shared if path.is_file()]
    assert len(files) > 20 and any(path.name == "predictions.parquet" for path in files)
    for path in files:
        content = path.read_bytes()
        assert b"Mueller" not in content and b"scan-" not in content, path
    assert "Mueller" not in printed.out + printed.err
    with sqlite3.connect(results / "mlflow.db") as database:
        assert database.execute("select count(*) from runs").fetchone()[0] >= 3
