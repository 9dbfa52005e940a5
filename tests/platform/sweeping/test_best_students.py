"""The best students as models, at a sweep's end, where they cannot be logged at once, or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from platform.sweeping.closing import show_best_students
from trainables import atomic


class Models:
    """Logs them once all of its errors have been raised."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.are_there = list(errors), False

    def log(self) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.are_there = True


def test_a_full_disk_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(atomic, "FULL_DISK_RETRY_S", 0.01)
    full = "(sqlite3.OperationalError) database or disk is full"
    models = Models(OSError(errno.ENOSPC, "No space left on device", "a", None, "b"), MlflowException(full))
    show_best_students(models.log, tmp_path)
    assert models.are_there
    assert caplog.messages[0].startswith("no room on the disk for the best students' models: ")


def test_a_disk_that_stays_full_costs_the_models_and_not_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(atomic, "FULL_DISK_PATIENCE_S", -1)
    models = Models(OSError(errno.ENOSPC, "No space left on device"))
    show_best_students(models.log, tmp_path)
    assert not models.are_there
    assert "not shown as models in MLflow: [Errno 28] No space left on device" in capsys.readouterr().err


def test_a_server_that_has_no_models_is_named_and_not_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = Models(MlflowException("no endpoint of that name\nand a page of HTML"))
    show_best_students(models.log, tmp_path)
    assert not models.are_there
    assert capsys.readouterr().err == "the best students are not shown as models in MLflow: no endpoint of that name\n"


def test_any_other_error_is_not_hidden(tmp_path: Path) -> None:
    with pytest.raises(PermissionError):
        show_best_students(Models(PermissionError(errno.EACCES, "Permission denied")).log, tmp_path)
