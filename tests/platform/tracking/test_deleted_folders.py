"""A trial's folder that somebody deletes before MLflow has its files: the trial is trained again, not lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from platform.sweeping.records import TrialRecord
from platform.tracking.clearing import clear, files_of
from platform.tracking.ledger import Ledger
from trainables import checkpoint
from trainables.config import TrialConfig
from trainables.trial import TrialSpec

CONFIG = TrialConfig(dataset="retina", method="transfer", max_epochs=1, phase="search")


@pytest.mark.parametrize("is_sent", [False, True])
def test_a_run_without_its_weights_is_opened_again(
    tmp_path: Path, empty_mlflow: Path, capsys: pytest.CaptureFixture[str], is_sent: bool
) -> None:
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    ledger = Ledger(f"sqlite:///{tmp_path / 'mlflow.db'}", "retina", "s", {}, tmp_path / "artifacts")
    spec = TrialSpec(config=CONFIG, data_fingerprint="data", split_fingerprint="split")
    record, folder = TrialRecord(spec=spec, study="a", number=0), tmp_path / "trial"
    ledger.open(record, {}, 1)
    ledger.log(record.run_id, {"best_score": 0.5, "rung": 1.0}, 1, 1)
    checkpoint.save_best(folder, 1, {})
    files = files_of(folder)
    if not is_sent:
        shutil.rmtree(folder)
    ledger.close(record.run_id, "FINISHED", files, {}, 2)
    shutil.rmtree(folder, ignore_errors=True)
    clear(folder, ledger, record.run_id)
    (recorded,) = ledger.records()
    assert recorded.status == ("FINISHED" if is_sent else "RUNNING")
    said = f"{folder} is gone, and of its run {record.run_id}, MLflow lacks the weights: it is not finished"
    assert (said in capsys.readouterr().err) is not is_sent
