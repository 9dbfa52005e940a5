"""One process per sweep, and a lock that goes with the process however that ends."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from platform.sweeping.conduct_sweep import alone
from tests import forking


@pytest.mark.slow
def test_the_lock_goes_with_a_process_that_is_killed(tmp_path: Path) -> None:
    process = forking.start("tests.killed", "lock", str(tmp_path / "first"), environment=os.environ)
    while not (tmp_path / "first" / "held").exists():
        assert process.poll() is None
        time.sleep(0.01)
    with pytest.raises(
        BlockingIOError,
        match=r"^the sweep first is already running in another process; give this one another --name$",
    ):
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
