"""A disk that stays full under the journal ends the sweep with a sentence, and the same command resumes it."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.error import TuneError

from platform.sweeping.tuning import fit
from platform.tracking.journal import Entry, Journal
from platform.tracking.ledger import Ledger
from tests.benchmarks.replay import scripted
from tests.platform.sweeping.scheduled import STRONG, make_plan

FITS = 7  # records, in the middle of the first trial


def ledger_of(folder: Path) -> Ledger:
    return Ledger(f"sqlite:///{folder / 'mlflow.db'}", "retina", "scripted", {}, folder / "artifacts")


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_no_record_is_lost(tmp_path: Path, empty_mlflow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "local")
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    append, written = Journal.append, [0]

    def full(journal: Journal, entry: Entry) -> None:
        written[0] += 1
        if written[0] > FITS:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(journal, entry)

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "append", full)
        with pytest.raises(
            OSError, match=r"records must be written, but: No space left on device; .* again to resume$"
        ):
            scripted.run(make_plan(num_trials=2, cells=[STRONG]), tmp_path, "none")
    (interrupted,) = ledger_of(tmp_path).records()
    assert interrupted.status == "RUNNING" and 0 < len(interrupted.best_scores) < scripted.NUM_EPOCHS

    scripted.run(make_plan([interrupted], num_trials=2, cells=[STRONG]), tmp_path, "none")
    records = ledger_of(tmp_path).records()
    assert [record.status for record in records] == ["FINISHED"] * 3
    for record in records:
        scores = scripted.curve(record.spec.config.__dict__)
        assert record.best_scores == [max(scores[:epoch]) for epoch in range(1, scripted.NUM_EPOCHS + 1)]


def test_another_error_of_ray_is_not_hidden() -> None:
    def fail() -> None:
        raise TuneError("a mistake of ours")

    tuner: Any = SimpleNamespace(fit=fail)
    with pytest.raises(TuneError, match="a mistake of ours"):
        fit(tuner, SimpleNamespace(check=lambda: None))


def test_what_mlflow_says_stays_as_it_is() -> None:
    def fail() -> None:
        raise ConnectionError("MLflow does not answer")

    tuner: Any = SimpleNamespace(fit=lambda: None)
    with pytest.raises(ConnectionError, match=r"^MLflow does not answer$"):
        fit(tuner, SimpleNamespace(check=fail))
