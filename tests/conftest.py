"""What tests of several folders share, made once for all processes of a run."""

from __future__ import annotations

import functools
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

SQLITE_TIMEOUT_MS = 5000  # Python's own default

# torch and what imports it are imported within fixtures: the process that hands out the tests reads this file too,
# runs none, and none begins before it is ready.


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    import torch

    torch.set_num_threads(1)  # two processes share the cores


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk() -> Iterator[None]:
    """Neither files nor SQLite wait for the disk, since no test cuts the power; MLflow reads its schema files once.

    In this process alone: those that a test starts work as they do for a user.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "sync", lambda: None)
        patched.setattr(os, "fsync", lambda descriptor: None)
        if "mlflow" in sys.modules:
            _quicken_mlflow(patched)
        yield


def _quicken_mlflow(patched: pytest.MonkeyPatch) -> None:
    from mlflow.store.db import utils
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    newest = functools.cache(utils._get_latest_schema_revision)  # else each client of a file reads seventy modules
    patched.setattr(utils, "_get_latest_schema_revision", newest)

    @event.listens_for(Engine, "connect")
    def no_waiting(connection: Any, _: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("pragma busy_timeout = 0")
            with suppress(sqlite3.OperationalError):  # locked: the test wants to see what MLflow makes of it
                connection.execute("pragma synchronous = off")
            connection.execute(f"pragma busy_timeout = {SQLITE_TIMEOUT_MS}")


@pytest.fixture(scope="module")
def tiny() -> Iterator[str]:
    """The name of a tiny network, which only this process knows, and only within the file that asks for it."""
    from tests import tiny_network

    with tiny_network.registered() as name:
        yield name


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this test run that all its processes see."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def undisturbed(shared: Path) -> tuple[Path, str]:
    """Results and output of the small sweep that nobody disturbed; whoever is second waits for it."""
    from tests import small_sweep

    results, output = shared / "undisturbed" / "results", shared / "undisturbed" / "output"
    with FileLock(shared / "undisturbed.lock"):
        if not output.exists():
            text = small_sweep.finish(small_sweep.start(results))
            output.write_text(text)
    return results, output.read_text()


@pytest.fixture(scope="session")
def empty_mlflow(shared: Path) -> Path:
    """MLflow's file before the first run, for tests to copy: MLflow takes seconds to make one."""
    from platform.tracking.database import make_database  # imports MLflow

    with FileLock(shared / "mlflow.lock"):
        make_database(f"sqlite:///{shared / 'mlflow.db'}")
    return shared / "mlflow.db"


@pytest.fixture
def fresh(undisturbed: tuple[Path, str], empty_mlflow: Path, tmp_path: Path) -> Path:
    """A results folder with the phantoms and teachers, and no sweep."""
    results = tmp_path / "results"
    ignored = shutil.ignore_patterns("sweeps", "mlflow.db*", "artifacts", "stores")
    shutil.copytree(undisturbed[0], results, ignore=ignored)
    shutil.copy(empty_mlflow, results)
    return results


@pytest.fixture
def svg_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages come without PNGs, and figures are drawn but not laid out, for tests that do not look at pictures."""
    from analysis.figures import drawing  # imports matplotlib
    from analysis.pages import page

    def svg(figure: Any) -> bytes:
        figure.set_layout_engine("none")  # laying it out takes as long as drawing it
        return drawing.svg(figure)

    monkeypatch.setattr(page, "PNG_AND_SVG", {"svg": svg})
