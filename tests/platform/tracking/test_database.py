"""MLflow's file is whole or absent, whoever is killed while it is made."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient
from sqlalchemy.exc import OperationalError

from platform.tracking import database
from tests import forking


@pytest.mark.slow
def test_a_process_killed_while_it_makes_the_file_leaves_room_for_the_next(tmp_path: Path) -> None:
    path = tmp_path / "results" / "mlflow.db"
    uri = f"sqlite:///{path}"
    process = forking.start("tests.killed", "database", uri, environment=os.environ)
    while not any(part.stat().st_size for part in path.parent.glob(".mlflow.db.*.part")):
        assert process.poll() is None and not path.exists()  # it makes the file, and not at once
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not path.exists()
    database.make_database(uri)
    client = MlflowClient(uri)
    run = client.create_run(client.create_experiment("retina"))
    assert client.get_run(run.info.run_id).info.status == "RUNNING"


def test_a_file_that_is_there_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    before = b"a database"
    (tmp_path / "mlflow.db").write_bytes(before)
    database.make_database(uri)
    assert (tmp_path / "mlflow.db").read_bytes() == before
    # As if another process made it at the same time, for which any content will do.
    monkeypatch.setattr(database, "MlflowClient", lambda part: Path(part.removeprefix("sqlite:///")).write_bytes(b"b"))
    monkeypatch.setattr(Path, "exists", lambda path: path.name != "mlflow.db" and os.path.exists(path))
    database.make_database(uri)
    assert (tmp_path / "mlflow.db").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


def test_what_cannot_be_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(uri: str) -> None:
        raise OperationalError("create table", {}, Exception("database or disk is full"))

    monkeypatch.setattr(database, "MlflowClient", full)
    with pytest.raises(OperationalError):
        database.make_database(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert not list(tmp_path.iterdir())


def test_a_server_makes_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    database.make_database("http://127.0.0.1:1")
    assert not list(tmp_path.iterdir())
