"""The faults of the chaos suite: each breaks a running sweep in one way, and says whether the driver survived it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Target:
    """A running sweep."""

    process: subprocess.Popen[str]
    command: list[str]
    root: Path
    environment: dict[str, str]
    results: Path
    rng: random.Random


def kill_driver(target: Target) -> bool:
    """SIGKILL to the driver and all of Ray."""
    os.killpg(target.process.pid, signal.SIGKILL)
    return False


def interrupt(target: Target) -> bool:
    """Ctrl-C."""
    target.process.send_signal(signal.SIGINT)
    return False


def terminate(target: Target) -> bool:
    """What `kill`, and a cluster's scheduler, send."""
    target.process.send_signal(signal.SIGTERM)
    return False


def kill_worker(target: Target) -> bool:
    """SIGKILL to the process that trains."""
    for pid in _descendants(target.process.pid):
        if "StudentTrial" in _command_line(pid):
            os.kill(pid, signal.SIGKILL)
            return True
    return True


def cut_checkpoint(target: Target) -> bool:
    """The driver is killed and the newest checkpoint of some trial cut short."""
    kill_driver(target)
    states = sorted(target.results.glob("sweeps/*/trials/*/epoch-*.ckpt"), key=lambda path: path.stat().st_mtime)
    if states:
        os.truncate(states[-1], states[-1].stat().st_size // 2)
    return False


def spoil_checkpoint(target: Target) -> bool:
    """The driver is killed and a byte of the newest checkpoint turned."""
    kill_driver(target)
    states = sorted(target.results.glob("sweeps/*/trials/*/epoch-*.ckpt"), key=lambda path: path.stat().st_mtime)
    if states:
        _turn_a_byte(states[-1], target.rng)
    return False


def spoil_cache(target: Target) -> bool:
    """Bytes of the knowledge cache are turned while it is read."""
    for path in target.results.glob("cache/*/epoch-*.knowledge"):
        _turn_a_byte(path, target.rng)
    return True


def drop_cache(target: Target) -> bool:
    """The knowledge cache is deleted."""
    shutil.rmtree(target.results / "cache", ignore_errors=True)
    return True


def lock_mlflow(target: Target) -> bool:
    """MLflow's file takes no writes for longer than a trial."""
    with sqlite3.connect(target.results / "mlflow.db", timeout=30) as database:
        database.execute("begin exclusive")
        time.sleep(12)
    return True


def start_a_second(target: Target) -> bool:
    """The same command, while the first one runs: it must refuse."""
    second = subprocess.run(
        target.command, cwd=target.root, env=target.environment, capture_output=True, text=True, timeout=120
    )
    assert second.returncode == 2 and "runs already" in second.stderr, second.stderr
    return True


def freeze(target: Target) -> bool:
    """The driver stands still, as on a machine that swaps, while the worker trains on."""
    target.process.send_signal(signal.SIGSTOP)
    time.sleep(6)
    target.process.send_signal(signal.SIGCONT)
    return True


FAULTS: tuple[Callable[[Target], bool], ...] = (
    kill_driver, interrupt, terminate, kill_worker, cut_checkpoint, spoil_checkpoint, spoil_cache, drop_cache,
    lock_mlflow, start_a_second, freeze,
)  # fmt: skip


def _turn_a_byte(path: Path, rng: random.Random) -> None:
    with path.open("r+b") as file:
        place = rng.randrange(max(1, path.stat().st_size))
        file.seek(place)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ 0xFF]) if byte else b"")


def _descendants(pid: int) -> list[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
    found, new = [], [pid]
    while new:
        new = [child for child, parent in parents.items() if parent in new]
        found += new
    return found


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
