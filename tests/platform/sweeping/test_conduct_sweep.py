"""One process per sweep, and a lock that goes with the process however that ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from platform.sweeping.conduct_sweep import alone

ROOT = Path(__file__).parents[3]
HOLD = (
    "import sys\nfrom pathlib import Path\nfrom platform.sweeping.conduct_sweep import alone\n"
    "with alone(Path(sys.argv[1])):\n    (print('held', flush=True), sys.stdin.read())\n"
)


def test_the_lock_goes_with_a_process_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path / "first")]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        with pytest.raises(
            BlockingIOError,
            match=r"^the sweep first is already running in another process; give this one another --name$",
        ):
            alone(tmp_path / "first").__enter__()
        with alone(tmp_path / "second"):
            pass
        process.send_signal(signal.SIGKILL)
    with alone(tmp_path / "first"):
        pass


def test_the_lock_is_released_by_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), alone(tmp_path / "first"):
        raise RuntimeError
    with alone(tmp_path / "first"), pytest.raises(BlockingIOError):
        alone(tmp_path / "first").__enter__()
