"""Ray starts, and its workers import what trials need, while the command itself still imports and reads its data."""

from __future__ import annotations

import importlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import ray
from ray._private.utils import get_num_cpus

from platform.cluster.starting import cluster_address, start_ray
from platform.command_line.training_requests import TrainingRequest
from trainables import prepared_worker
from trainables.prepared_worker import PREPARED, THREADS

ROOT = Path(__file__).parents[2]
IMPORT_S = 60.0  # after which trials begin with workers that are not prepared
LOOK_S = 0.05  # how often their notes are looked for
SLOW_IMPORTS = ("torchvision", "mlflow", "sklearn.metrics")  # seconds each; none of them imports Ray
KEPT_S = 600.0  # for which a prepared worker stays without a trial
# Ray's own settings: what a worker imports as it starts, whether some start with Ray, and how long one may idle. By
# default Ray ends workers that idled for a second and outnumber the free cores. Between the moment when it reserves
# cores for trials and the one when it hands out workers, that can be every prepared one.
RAYS_MODULES, RAYS_WORKERS = "RAY_preload_python_modules", "RAY_prestart_worker_first_driver"
RAYS_IDLE_MS = "RAY_idle_worker_killing_time_threshold_ms"

_waited_for: list[tuple[tempfile.TemporaryDirectory[str], int]] = []


def begin(request: TrainingRequest) -> None:
    """Starts Ray on this machine, while a thread imports; a cluster is joined by `machines.join_cluster` instead.

    Nothing is begun where Ray has been told to start no worker before it is asked for. Ray has to start in the main
    thread: from another one its shutdown never returns.

    Args:
        request: says what a trial takes and how many run at once, and so whether workers are prepared.

    Raises:
        ConnectionError: as `starting.start_ray`.
    """
    if ray.is_initialized() or cluster_address() is not None or os.environ.get(RAYS_WORKERS) in ("0", "false"):
        return
    threading.Thread(target=_import_slowly, name="imports").start()
    number = num_prepared(request)
    notes = tempfile.TemporaryDirectory(prefix="prepared-workers-", ignore_cleanup_errors=True)
    num_threads = max(1, int(request.cpus_per_trial or get_num_cpus()))
    with _workers_told(notes.name, num_threads) if number else nullcontext():
        start_ray(verbose=request.verbose)
    _waited_for.append((notes, number))


@contextmanager
def _workers_told(notes: str, num_threads: int) -> Iterator[None]:
    """What Ray starts within it has the settings by which its workers are prepared, and stay until they get a trial."""
    before = os.environ.copy()
    told = {
        PREPARED: notes,
        THREADS: str(num_threads),
        RAYS_MODULES: prepared_worker.__name__,
        RAYS_IDLE_MS: before.get(RAYS_IDLE_MS, str(round(1000 * KEPT_S))),
        # A worker learns the command's path too late.
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), before.get("PYTHONPATH")))),
    }
    os.environ |= told
    try:
        yield
    finally:
        for name in told:
            del os.environ[name]
            if name in before:
                os.environ[name] = before[name]


def num_prepared(request: TrainingRequest) -> int:
    """How many workers are prepared: all that Ray starts with, one per core, or none.

    None where fewer than half of them would get a trial: each takes some hundred megabytes. And none on a machine with
    a GPU: a library that looked for one while it is imported would see all of them, before Ray has given the worker its
    own. Who has Ray import something else keeps that.
    """
    if any(Path("/dev").glob("nvidia[0-9]*")) or RAYS_MODULES in os.environ:
        return 0
    has = int(get_num_cpus())
    wanted = has / (request.cpus_per_trial or has) if request.num_slots is None else request.num_slots
    return has if 2 * wanted >= has else 0


def ready(*, verbose: bool) -> None:
    """Returns when Ray runs and its workers are prepared, begun early or not; raises what `starting.start_ray` does."""
    start_ray(verbose=verbose)
    ends_s = time.monotonic() + IMPORT_S
    while _waited_for:
        notes, number = _waited_for.pop()
        with notes:
            while len(os.listdir(notes.name)) < number and time.monotonic() < ends_s:
                time.sleep(LOOK_S)


def _import_slowly() -> None:
    for name in SLOW_IMPORTS:
        with suppress(ImportError):  # said by the one who needs it
            importlib.import_module(name)
