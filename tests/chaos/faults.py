"""The faults of the chaos suite: each breaks a running sweep in one way; some end its driver."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests import forking
from tests.chaos.backups import Backups
from tests.chaos.fault_record import REFUSED
from tests.chaos.server import Server

FULL_DISK = "MB free; use --results"  # of a sweep that does not begin, for want of room


@dataclass
class Target:
    """A running sweep."""

    process: subprocess.Popen[str] | forking.Command
    command: list[str]
    root: Path
    environment: dict[str, str]
    results: Path
    server: Server | None  # MLflow's, where the sweep writes to one
    orders: Path  # the folder in which the saboteur is told what to do
    rng: random.Random
    said: Path = Path(os.devnull)  # what its driver has printed so far
    complaints: Path = Path(os.devnull)  # and to standard error
    backups: Backups | None = None  # of MLflow's file
    may_refuse: tuple[str, ...] = (FULL_DISK,)  # with exit status 2 and a sentence that has one of these in it
    must_go_on: bool = False  # the same command is to be run again, even if this driver has finished the sweep
    lifts: list[tuple[float, Callable[[], object]]] = field(
        default_factory=list
    )  # what ends when, in monotonic seconds

    def lift_after(self, seconds: float, lift: Callable[[], object]) -> None:
        """Something that a fault does goes on for so long, through the end of a driver and the start of the next."""
        self.lifts.append((time.monotonic() + seconds, lift))

    def lift(self, *, due_only: bool = False) -> None:
        """Ends what faults still do, or what is due."""
        for each in list(self.lifts):
            if not due_only or each[0] <= time.monotonic():
                self.lifts.remove(each)
                each[1]()


# Breaks a running sweep; what it returns, if it does, is the outcome that it has seen itself.
Fault = Callable[[Target], str | None]


def workers(driver: int) -> list[int]:
    """The processes of Ray's trials, which Ray calls by the class that `tune.with_resources` makes of ours."""
    return [pid for pid in descendants(driver) if _command_line(pid).startswith("ray::ResourceTrainable")]


def kill_driver(target: Target) -> None:
    """SIGKILL to the driver and all of Ray."""
    os.killpg(target.process.pid, signal.SIGKILL)


def interrupt(target: Target) -> None:
    """Ctrl-C."""
    target.process.send_signal(signal.SIGINT)


def terminate(target: Target) -> None:
    """What `kill`, and a cluster's scheduler, send."""
    target.process.send_signal(signal.SIGTERM)


def kill_worker(target: Target) -> None:
    """SIGKILL to the process that trains, if there is one at the moment."""
    for pid in workers(target.process.pid)[:1]:
        os.kill(pid, signal.SIGKILL)


def cut_checkpoint(target: Target) -> None:
    """The driver is killed and the newest checkpoint of some trial cut short."""
    kill_driver(target)
    if newest := _newest(target.results, "sweeps/*/trials/*/epoch-*.ckpt"):
        os.truncate(newest, newest.stat().st_size // 2)


def spoil_checkpoint(target: Target) -> None:
    """The driver is killed and a byte of the newest checkpoint turned."""
    kill_driver(target)
    if newest := _newest(target.results, "sweeps/*/trials/*/epoch-*.ckpt"):
        _turn_a_byte(newest, target.rng)


def cut_journal(target: Target) -> None:
    """The driver is killed while it writes to the journal: its last line is cut short."""
    kill_driver(target)
    newest = _newest(target.results, "sweeps/*/journal.jsonl")
    if newest and newest.stat().st_size:
        with newest.open("ab") as file:
            file.write(b'\n0123456789abcdef {"do": "lo')


def spoil_cache(target: Target) -> None:
    """Bytes of the knowledge cache are turned while it is read."""
    for path in target.results.glob("cache/*/epoch-*.knowledge"):
        _turn_a_byte(path, target.rng)


def drop_cache(target: Target) -> None:
    """The knowledge cache is deleted."""
    for path in target.results.glob("cache/*"):
        shutil.rmtree(path, ignore_errors=True)


def fill_cache(target: Target) -> None:
    """The disk of the knowledge cache is full from now on."""
    fill_disk(target.results / "cache")


def fill_results(target: Target) -> None:
    """The disk of checkpoints, journal and MLflow's file is full for longer than a trial."""
    filler = fill_disk(target.results)
    time.sleep(15)
    filler.unlink()


def lock_mlflow(target: Target) -> None:
    """MLflow's file takes no writes for longer than a trial."""
    with sqlite3.connect(target.results / "mlflow.db", timeout=30) as database:
        database.execute("begin exclusive")
        time.sleep(12)


def kill_server(target: Target) -> None:
    """SIGKILL to the MLflow server, which is away for longer than a trial."""
    if target.server is None:
        lock_mlflow(target)
        return
    target.server.kill()
    time.sleep(20)
    target.server.start()


def start_a_second(target: Target) -> str | None:
    """The same command, while the first one runs: it must refuse."""
    second = subprocess.run(
        target.command, cwd=target.root, env=target.environment, capture_output=True, text=True, timeout=300
    )
    if second.returncode == 0:  # it found the sweep finished: the first one has let go of it, and is about to end
        assert target.process.wait(timeout=60) == 0, "two processes ran one sweep"
    elif target.process.poll() is None:
        assert second.returncode == 2 and "is already running" in second.stderr, second.stderr
        return REFUSED
    return None


def freeze(target: Target) -> None:
    """The driver stands still, as on a machine that swaps, while the worker trains on."""
    target.process.send_signal(signal.SIGSTOP)
    time.sleep(6)
    target.process.send_signal(signal.SIGCONT)


def slow_files(target: Target) -> None:
    """Every flush and every rename takes a third of a second, as on a shared file system under load."""
    (target.orders / "slow").touch()
    time.sleep(15)
    (target.orders / "slow").unlink()


def jump_clock(target: Target) -> None:
    """The wall clock jumps by up to a day, forwards or backwards, and back again."""
    clock = target.orders / "clock"
    clock.touch()
    os.truncate(clock, target.rng.randrange(200_000))  # seconds, 100,000 of which mean no jump
    time.sleep(8)
    clock.unlink()


def fill_disk(folder: Path) -> Path:
    """Takes all that is left on the disk of `folder`, which must be one of its own; the file that takes it."""
    filler = folder / "filler"
    with filler.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    return filler


def _newest(folder: Path, pattern: str) -> Path | None:
    return max(folder.glob(pattern), key=lambda path: path.stat().st_mtime, default=None)


def _turn_a_byte(path: Path, rng: random.Random) -> None:
    with path.open("r+b") as file:
        place = rng.randrange(max(1, path.stat().st_size))
        file.seek(place)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ 0xFF]) if byte else b"")


def descendants(pid: int) -> list[int]:
    """A process, and all that it and its children have started."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
    processes, new = [], [pid]
    while new:
        new = [child for child, parent in parents.items() if parent in new]
        processes += new
    return processes


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
