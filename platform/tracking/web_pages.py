"""MLflow's web pages of a results folder: a server of our own on loopback, or the address of one that is there.

By default MLflow starts four workers, each of which imports all of it, and as many processes again for background jobs
that nothing here asks for: on two cores a minute passes until the first page appears. One worker without jobs takes a
third of the time.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from analysis.reading import tracking_uri
from analysis.reading.recorded_places import elsewhere
from platform.command_line.page_requests import UiRequest
from trainables.pasting import ROOT, command_line

HOST = "127.0.0.1"
PATIENCE_S = 300.0  # until the first answer: importing MLflow takes long on a busy machine
GRACE_S = 5.0  # from SIGTERM to SIGKILL
SETTINGS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def show(request: UiRequest) -> int:
    """Prints and opens the runs' page and the newest report; serves the page until Ctrl-C unless a server does.

    Raises:
        FileNotFoundError, ValueError: as `analysis.reading.tracking_uri.require_store` says.
        OSError: the port is in use, or MLflow's server ends at once.
    """
    uri = tracking_uri.located(request.tracking_uri, request.results).uri
    tracking_uri.require_store(uri)
    _say_if_moved(uri)
    if tracking_uri.is_server(uri):
        _present(tracking_uri.pages(uri), request)
        return 0
    with _stop_at_hang_up(), tempfile.TemporaryFile("w+") as log:
        try:
            with serving(uri, request.port, log) as (address, process):
                _present(_runs_page(address, uri), request)
                print("Ctrl-C ends the pages.", flush=True)
                process.wait()
                raise OSError(f"MLflow's server has ended: {_last_line(log)}")
        except KeyboardInterrupt:
            print("\nThe pages have ended; every run is still there.")
            return 0


def _say_if_moved(uri: str) -> None:
    """MLflow's own pages look for files where they are recorded, as our commands do not."""
    database = tracking_uri.sqlite_file(uri)
    if database and elsewhere(database):
        adopt = command_line("platform.sweep", "--adopt", "--results", str(database.parent))
        print(
            f"These results were moved or copied: the pages show their files once `{adopt}` has recorded the new place."
        )


@contextmanager
def serving(uri: str, port: int, log: IO[str]) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address and the process of MLflow's pages of a database; ends them and all their children.

    Raises:
        OSError: the port is in use, or the server ends before it answers; the message has the end of its `log`.
        TimeoutError: it does not answer.
    """
    _require_free(port)
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"],
        cwd=ROOT,
        env={**os.environ, **SETTINGS, "MLFLOW_BACKEND_STORE_URI": uri},  # not an argument: it may hold a password
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        text=True,
        start_new_session=True,  # a group of its own, which Ctrl-C does not reach: it is ended as a whole below
    )
    try:
        address = f"http://{HOST}:{port}"
        print("MLflow's pages start; this takes some seconds ...", flush=True)
        _await(address, process, log)
        yield address, process
    finally:
        _end(process)


def newest_report(folder: Path) -> Path | None:
    """The page in `folder` that was written last; None where there is none."""
    pages = [path.resolve() for path in folder.glob("*/index.html")]
    return max(pages, key=lambda path: path.stat().st_mtime, default=None)


def _present(address: str, request: UiRequest) -> None:
    places = {"Every run": address}
    if report := newest_report(request.reports):
        places["The newest report"] = report.as_uri()
    for what, place in places.items():
        print(f"{what}: {place}", flush=True)
    if "SSH_CONNECTION" in os.environ and HOST in address:
        print(f"From your own machine, after: ssh -L {request.port}:{HOST}:{request.port} {socket.gethostname()}")
    if not request.no_browser and _has_windows():
        for place in places.values():
            webbrowser.open(place)


def _has_windows() -> bool:
    """Whether a browser can show itself: without a display, Python would start one for text in this terminal."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _runs_page(address: str, uri: str) -> str:
    from analysis.reading.mlflow_tables import newest_experiment  # imports MLflow, while the server does too

    experiment = newest_experiment(uri)
    return address if experiment is None else tracking_uri.runs_page(address, experiment)


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server: closed connections may linger
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise OSError(
                f"port {port} must be free, but something on this machine uses it ({error.strerror}): if these pages "
                f"are open there already, go to http://{HOST}:{port}; else give another --port"
            ) from None


def _await(address: str, process: subprocess.Popen[str], log: IO[str]) -> None:
    ends_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends_s:
        if process.poll() is not None:
            raise OSError(f"MLflow's server has ended before it answered: {_last_line(log)}")
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise TimeoutError(f"MLflow's server must answer within {PATIENCE_S:g} s, but does not at {address}")


def _last_line(log: IO[str]) -> str:
    log.seek(0)
    lines = log.read().strip().splitlines()
    return lines[-1] if lines else "it gave no reason"


def _end(process: subprocess.Popen[str]) -> None:
    """Ends the server with its children: they share its process group."""
    for number, patience_s in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


@contextmanager
def _stop_at_hang_up() -> Iterator[None]:
    """Within it, a terminal that is closed does what Ctrl-C does: the server would outlive it."""
    before = signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
