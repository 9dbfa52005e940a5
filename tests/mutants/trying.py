"""Runs the tests of an area against one change, in a process forked from one that has imported the libraries."""

from __future__ import annotations

import importlib
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parents[2]
LIBRARIES = (
    *("torch", "torchvision", "torchvision.transforms.v2", "numpy", "pandas", "scipy.stats", "sklearn.metrics"),
    *("PIL.Image", "pyarrow.parquet", "optuna", "mlflow", "ray", "ray.tune", "hypothesis", "pytest", "timm"),
)  # fmt: skip
OURS = ("platform", "analysis", "search_spaces", "trainables", "tests")
OPTIONS = ("-x", "-q", "-n0", "-m", "not slow", "-p", "no:cacheprovider", "-p", "no:randomly", "--no-header")


@dataclass(frozen=True)
class Outcome:
    """How the tests ended: `status` is "passed", "failed" or "too long"; `test` is the first that failed."""

    status: str
    seconds: float
    test: str = ""


def import_libraries() -> None:
    """Imports what takes seconds, and nothing of ours: that is imported after the fork, with the change in it."""
    for name in LIBRARIES:
        importlib.import_module(name)


def copy_code(folder: Path) -> Path:
    """A copy of what git has of the code, to be changed."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    return folder


def run_tests(tests: list[str], copy: Path, limit_s: float) -> Outcome:
    """Runs `tests` on the code in `copy` until one fails or `limit_s` seconds have gone by."""
    began = time.monotonic()
    log = copy / "mutant.log"
    pid = os.fork()
    if pid == 0:
        _run_and_end(tests, copy, log)
    while time.monotonic() - began < limit_s:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            _kill_group(pid)
            seconds = time.monotonic() - began
            failed = os.waitstatus_to_exitcode(status) != 0
            return Outcome("failed", seconds, _first_failure(log)) if failed else Outcome("passed", seconds)
        time.sleep(0.02)
    _kill_group(pid)
    os.waitpid(pid, 0)
    return Outcome("too long", time.monotonic() - began)


def _kill_group(pid: int) -> None:
    """The tests' process and what they started: a change may well leave something running."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _first_failure(log: Path) -> str:
    named = [line for line in log.read_text(errors="replace").splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return named[0].split(" ")[1] if named else "(before any test)"


def _run_and_end(tests: list[str], copy: Path, log: Path) -> NoReturn:
    status = 1
    try:
        os.setsid()
        sys.stdout = sys.stderr = open(log, "w")  # noqa: SIM115 (until the process ends)
        for descriptor in (1, 2):
            os.dup2(sys.stdout.fileno(), descriptor)
        sys.stdin = io.StringIO()
        os.chdir(copy)
        os.environ |= {"PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(copy.parent / f"{copy.name}-tmp")}
        Path(os.environ["TMPDIR"]).mkdir(exist_ok=True)
        sys.dont_write_bytecode = True
        sys.path[:] = [str(copy), *(place for place in sys.path if place not in ("", str(ROOT)))]
        for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
            del sys.modules[name]
        import pytest

        status = int(pytest.main([*OPTIONS, *tests]))
    finally:
        sys.stdout.flush()
        os._exit(status)
