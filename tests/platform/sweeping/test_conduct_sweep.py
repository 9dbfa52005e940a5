"""One process per sweep, and a lock that goes with the process however that ends; the last lines."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pandas as pd
import pytest

from analysis.reading.trials import Runs
from platform.sources.places import Places
from platform.sweeping.closing import browsing
from platform.sweeping.conduct_sweep import alone
from tests import forking
from trainables.pasting import ROOT


@pytest.mark.slow
def test_the_lock_goes_with_a_process_that_is_killed(tmp_path: Path) -> None:
    process = forking.start("tests.killed", "lock", str(tmp_path / "first"), environment=os.environ)
    while not (tmp_path / "first" / "held").exists():
        assert process.poll() is None
        time.sleep(0.01)
    message = (
        r"^the sweep first is already running in another process; `.*platform.status --results .*` shows how far it "
        r"is; wait for it, or give this one another --name$"
    )
    with pytest.raises(BlockingIOError, match=message):
        alone(tmp_path / "first").__enter__()
    with alone(tmp_path / "second"):
        pass
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    with alone(tmp_path / "first"):
        pass


def test_the_lock_is_released_by_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), alone(tmp_path / "first"):
        raise RuntimeError
    with alone(tmp_path / "first"), pytest.raises(BlockingIOError):
        alone(tmp_path / "first").__enter__()


@pytest.mark.parametrize(
    ("uri", "folder", "line"),
    [
        ("", "results", r"Browse every run\n  .*python -m platform\.ui$"),
        ("", "elsewhere", rf"Browse every run\n  .*python -m platform\.ui --results {ROOT}/elsewhere$"),
        ("sqlite:////data/mlflow.db", "elsewhere", rf"Browse every run\n  .*platform\.ui --results {ROOT}/elsewhere$"),
        ("http://me:secret@mlflow:5000", "results", r"Browse every run: open http://mlflow:5000$"),
    ],
    ids=["usual", "elsewhere", "database", "server"],
)
def test_the_closing_lines_tell_how_to_browse_the_runs(
    uri: str, folder: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.delenv("TRANSFER_RESULTS", raising=False)
    none = pd.DataFrame(columns=["experiment_id"])
    sweep = Runs(dataset="retina", tracking_uri=uri, trials=none, sweeps=none, left_out=none)
    assert re.fullmatch(line, browsing(sweep, Places(ROOT / folder)))
