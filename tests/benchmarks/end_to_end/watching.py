"""A command watched from its start to its end: what it prints and when, its CPU-seconds, and its memory."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.small_sweep import environment

EVERY_S = 0.5  # a process that ends between two looks keeps the rest of its CPU-seconds to itself
MEMORY_EVERY_S = 4.0  # the kernel walks all pages of a process for it


@dataclass
class Watched:
    """What was seen of a command; moments are in seconds since its start."""

    began: float  # as time.time()
    lines: list[tuple[float, str]] = field(default_factory=list)
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0  # of all its processes together, a shared page counted once


def watch(command: Sequence[str], folder: Path, output: Path) -> Watched:
    """Runs a command in `folder` to its end; what it prints goes to `output` as well.

    Raises:
        RuntimeError: it did not end with 0.
    """
    seen = Watched(began=time.time())
    process = psutil.Popen(
        command,
        cwd=folder,
        env=environment({"PYTHONUNBUFFERED": "1"}),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    reader = threading.Thread(target=_read, args=(process, seen, output))
    reader.start()
    try:
        _sample(process, seen)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    reader.join(timeout=10)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} must end with 0, but ended with {process.returncode}: see {output}")
    return seen


def _sample(process: psutil.Popen, seen: Watched) -> None:
    """Looks at the command and all of its descendants until it ends."""
    used: dict[tuple[int, float], float] = {}
    memory_at = 0.0
    while process.poll() is None:
        family = _family(process)
        _note_cpu(family, used)
        if time.time() >= memory_at:
            seen.peak_mb = max(seen.peak_mb, _memory_mb(family))
            memory_at = time.time() + MEMORY_EVERY_S
        with suppress(psutil.TimeoutExpired):
            process.wait(EVERY_S)
    seen.wall_s = time.time() - seen.began
    seen.cpu_s = sum(used.values())


def _read(process: psutil.Popen, seen: Watched, output: Path) -> None:
    with output.open("w", buffering=1) as file:
        for line in process.stdout:
            seen.lines.append((time.time() - seen.began, line.rstrip("\n")))
            file.write(line)


def _family(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)]
    return []


def _note_cpu(family: Sequence[psutil.Process], used: dict[tuple[int, float], float]) -> None:
    """The last look at a process holds all that it had used; that of ended children is in their own last look."""
    for each in family:
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            used[each.pid, each.create_time()] = times.user + times.system


def _memory_mb(family: Sequence[psutil.Process]) -> float:
    total = 0.0
    for each in family:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            total += each.memory_full_info().pss / 1e6
    return total
