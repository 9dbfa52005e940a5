"""Lets bare `pytest` find our `platform` too, keeps the test run off the network and its processes apart.

Each process imports every test file, which it does in half the time with two settings of Python's own.
"""

import atexit
import gc
import importlib
import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("GOMP_SPINCOUNT", "100")  # two processes share the cores, and each sweep has more
os.environ.setdefault("RAY_prestart_worker_first_driver", "0")  # a sweep of one trial at a time needs one worker
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # more would spin: probes took six times the CPU
os.environ.setdefault("RAY_worker_niceness", "0")  # Ray's own 15 leaves a trial 4% of a core that another test wants
os.environ.setdefault("TRANSFER_KEEP_MEMORY", "0")  # a process of tests trains hundreds of small networks
if process := os.environ.get(
    "PYTEST_XDIST_WORKER"
):  # a sweep joins the cluster that it finds, and must not find another
    os.environ.setdefault("RAY_TMPDIR", f"/tmp/pytest-{process}")  # short: sockets lie below it

gc.disable()  # until all are imported: modules stay, and looking for garbage among them takes seconds
sys.dont_write_bytecode = False  # whatever the environment says, as in install.sh: pytest's rewritten asserts are kept

# `python -m pytest` has this folder first on the path. The `pytest` command has not: pytest has loaded the standard
# library's module by now, which ours must replace before a test imports platform.sweep.
root = str(Path(__file__).parent)
if not hasattr(sys.modules.get("platform"), "__path__"):
    sys.path.insert(0, root)
    sys.modules.pop("platform", None)
    importlib.import_module("platform")


LONGEST = (
    "test_sweep",
    "test_reference",
    "test_machines",
    "test_methods",
    "test_training",
    "test_pretrain",
)


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):  # one of several processes, whose exit status nobody reads
        atexit.register(_leave, os.getpid())  # called last: to take all modules apart first takes four seconds


def _leave(process_id: int) -> None:
    if os.getpid() == process_id:  # and not in a command that a test has forked, whose exit status counts
        os._exit(0)


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    gc.unfreeze()  # else nanobind takes what is frozen for leaks


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest come first, so that no process waits for the other at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    rank = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: (item.path not in slow, rank.get(item.path.stem, len(rank))))
