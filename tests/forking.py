"""Starts the project's commands from a process that has already imported torch, Ray and MLflow, which takes seconds.

That process has a single thread and has run nothing. A command forked from it is from there on a process as any other,
with its own session, environment, output and exit. Tests of how a command starts have Python start it instead.

`python -m tests.forking DESCRIPTOR` is the process that forks, listening at a socket. All processes of a test run share
it, and it ends with the last of them.
"""

from __future__ import annotations

import atexit
import functools
import gc
import hashlib
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from filelock import FileLock

ROOT = Path(__file__).parents[1]
PRELOADED = ("platform.sweeping.conduct_sweep", "platform.sweeping.conduct_pretraining", "analysis.report")
MAX_BYTES = 1 << 17  # of a command and its environment


class Command:
    """A forked command; its attributes and methods are those of `subprocess.Popen`."""

    def __init__(self, arguments: list[str], status: int, folder: tempfile.TemporaryDirectory) -> None:
        self.args = arguments
        self.returncode: int | None = None
        self._status, self._folder = open(status), folder  # noqa: SIM115 (until the command ends)
        self.pid = int(self._status.readline())

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status; negative where a signal has ended it.

        Raises:
            subprocess.TimeoutExpired: it still runs after `timeout` seconds.
        """
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
            with self._status:
                self.returncode = int(self._status.readline())
        return self.returncode

    def poll(self) -> int | None:
        """Its exit status, or None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it has printed, and its errors, once it has ended; raises as `wait`."""
        self.wait(timeout)
        out, err = (Path(self._folder.name, name).read_text() for name in ("out", "err"))
        return out, err

    def send_signal(self, number: int) -> None:
        """Sends it a signal while it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)


def start(module: str, *arguments: str, environment: Mapping[str, str], root: Path = ROOT) -> Command:
    """Starts ``python -m module arguments`` at the root of the code, in a session of its own."""
    folder = tempfile.TemporaryDirectory()
    readable, writable = os.pipe()
    # A Ray that was started in this process has left its token here. Whoever is forked looked for one as Ray was
    # imported, and would not look again.
    kept = {name: value for name, value in environment.items() if not name.startswith("RAY_AUTH_")}
    request = json.dumps({"module": module, "arguments": arguments, "environment": kept}).encode()
    assert len(request) <= MAX_BYTES, "the command and its environment are too long for one message"
    with open(Path(folder.name, "out"), "w") as out, open(Path(folder.name, "err"), "w") as err:
        socket.send_fds(_forking_process(root), [request], [out.fileno(), err.fileno(), writable])
    os.close(writable)
    return Command(["-m", module, *arguments], readable, folder)


def run(
    module: str, *arguments: str, environment: Mapping[str, str], root: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """The same, once it has ended."""
    command = start(module, *arguments, environment=environment, root=root)
    out, err = command.communicate()
    return subprocess.CompletedProcess(command.args, command.wait(), out, err)


@functools.cache
def _forking_process(root: Path) -> socket.socket:
    """A connection to the process that forks commands of the code at `root`; the first to ask starts it."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    place = Path(tempfile.gettempdir(), f"forking-{hashlib.sha256(f'{run} {root}'.encode()).hexdigest()[:16]}")
    ours = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with FileLock(f"{place}.lock"):
        try:
            ours.connect(str(place))
        except OSError:
            place.unlink(missing_ok=True)
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
                listening.bind(str(place))
                listening.listen()
                number = listening.fileno()
                subprocess.Popen(
                    [sys.executable, "-m", "tests.forking", str(number)],
                    cwd=root,
                    pass_fds=[number],
                    start_new_session=True,
                )
            ours.connect(str(place))
    return ours


def _serve(listening: socket.socket) -> None:
    """Forks a command for each request, until nobody is connected any more."""
    before = dict(os.environ)
    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()
    added = {name: value for name, value in os.environ.items() if name not in before}  # by the modules, for Ray
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the processes that wait for the commands
    connected = [listening.accept()[0]]
    while connected:
        for ready in select.select([listening, *connected], [], [])[0]:
            if ready is listening:
                connected.append(listening.accept()[0])
                continue
            text, descriptors, _, _ = socket.recv_fds(ready, MAX_BYTES, 3)
            if not text:
                connected.remove(ready)
                continue
            if os.fork() == 0:
                for each in (listening, *connected):
                    each.close()
                _start_and_wait(json.loads(text), added, *descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
    for place in (listening.getsockname(), f"{listening.getsockname()}.lock"):
        Path(place).unlink(missing_ok=True)


def _start_and_wait(request: dict[str, Any], added: dict[str, str], out: int, err: int, status: int) -> NoReturn:
    """Forks the command, and writes its process id and then its exit status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(status)
        _become(request, added, out, err)
    os.write(status, f"{pid}\n".encode())
    exit_status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.write(status, f"{exit_status}\n".encode())
    os._exit(0)


def _become(request: dict[str, Any], added: dict[str, str], out: int, err: int) -> NoReturn:
    """Runs the command in this process, and ends it."""
    os.setsid()
    for descriptor, place in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
        os.dup2(descriptor, place)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update({**added, **request["environment"]})
    sys.argv[1:] = request["arguments"]
    sys.modules.pop(request["module"], None)
    exit_status = 0
    try:
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        exit_status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        exit_status = 1
    # As Python ends, but for the seconds in which it takes every module apart.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(exit_status)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
