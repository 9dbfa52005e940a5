"""One sweep that is broken again and again, by a seed, until it ends; and what was seen of each fault."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.chaos.backups import Backups
from tests.chaos.fault_record import FaultRow
from tests.chaos.faults import Fault, Target, workers
from tests.chaos.server import Server
from tests.small_sweep import CELLS, COMMAND, NUM_TRIALS, ROOT, draw_teacher, environment
from trainables.meter import hardware

LONGER = ("--epochs", "12")  # so that a trial lasts some seconds
# Of the faults, at any moment from a start or the last fault on; the others while a worker is there.
STARTING_SHARE = 0.2
STARTING_S, TRAINING_S = (4.0, 25.0), (0.0, 14.0)  # an undisturbed sweep trains for about 20 s on two idle cores
PATIENCE_S = 600.0  # for the end of a sweep that is not disturbed any more
POLL_S, LOOK_EVERY_S = 0.1, 1.0
STEP_TIMEOUT_S = 45  # a step takes a fraction of a second
# End those of exit status 3.
SENTENCES = ("to resume", "to resume.", "them and resume", "or trained, again", "then run the same command again")
ENDS = (3, -signal.SIGKILL, -signal.SIGINT, -signal.SIGTERM)


class Disturbed:
    """A sweep in `results` that is broken by each of `faults` in turn.

    Attributes:
        rows: a row per fault so far; their outcomes are the caller's to write.
    """

    def __init__(
        self, results: Path, orders: Path, server: Server | None, faults: Sequence[Fault], *, seed: int
    ) -> None:
        self.rows: list[FaultRow] = []
        self._results, self._orders, self._server, self._seed = results, orders, server, seed
        self._faults, self._rng = deque(faults), random.Random(seed)
        uri = {"MLFLOW_TRACKING_URI": server.uri} if server else {}
        saboteur = str(ROOT / "tests" / "chaos" / "saboteur")
        self._environment = environment({**uri, "PYTHONPATH": saboteur, "CHAOS_FOLDER": str(orders)})
        self._command = [*COMMAND, *LONGER, "--results", str(results), "--step-timeout", str(STEP_TIMEOUT_S)]
        self._backups = Backups(results / "mlflow.db", orders / "backups")
        self._num_started = 0
        self._recovering_since: tuple[float, int] | None = None  # monotonic seconds, and nanoseconds of files' times
        self._target = self._start()

    def run(self) -> str:
        """What the sweep printed last.

        Raises:
            AssertionError: it ended as it must not, or did not end.
        """
        while True:
            is_early = self._rng.random() < STARTING_SHARE
            wait_s = self._rng.uniform(*(STARTING_S if is_early else TRAINING_S)) if self._faults else PATIENCE_S
            if not self._has_ended(wait_s, trains_first=bool(self._faults) and not is_early):
                assert self._faults, f"the sweep did not end within {PATIENCE_S:g} s of its last fault"
                self._break(self._faults.popleft())
            elif self._is_finished():
                return self._target.said.read_text()
            else:
                self._target = self._start()

    def end(self) -> None:
        """Ends whatever of it still runs, and lifts what its faults have laid upon the machine."""
        self._target.lift()
        if self._target.process.poll() is None:
            os.killpg(self._target.process.pid, signal.SIGKILL)
            self._target.process.wait()

    def _start(self) -> Target:
        draw_teacher(self._results)
        self._num_started += 1
        said, complaints = (self._orders / f"{name}-{self._num_started}.txt" for name in ("said", "complaints"))
        with said.open("w") as out, complaints.open("w") as errors:
            process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                text=True,
                stdout=out,
                stderr=errors,
                start_new_session=True,
            )
        return Target(
            process,
            self._command,
            ROOT,
            self._environment,
            self._results,
            self._server,
            self._orders,
            self._rng,
            said=said,
            complaints=complaints,
            backups=self._backups,
            lifts=self._target.lifts if self._num_started > 1 else [],
        )

    def _has_ended(self, within_s: float, *, trains_first: bool) -> bool:
        """Whether the driver ends within so many seconds, or so many after a worker is there; watches it."""
        looked_s, until_s = 0.0, time.monotonic() + within_s + (PATIENCE_S if trains_first else 0)
        while time.monotonic() < until_s:
            if trains_first and time.monotonic() - looked_s > LOOK_EVERY_S:
                looked_s = time.monotonic()
                if workers(self._target.process.pid):
                    trains_first, until_s = False, looked_s + within_s
            has_ended = self._target.process.poll() is not None
            if self._recovering_since and _has_saved(self._results, self._recovering_since[1]):
                self._recover()
            if has_ended:
                return True
            self._target.lift(due_only=True)
            self._backups.keep()
            time.sleep(POLL_S)
        return False

    def _break(self, fault: Fault) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
        row = FaultRow(date=now, machine=hardware(), seed=self._seed, kind=fault.__name__, moment=self._moment())
        self.rows.append(row)
        print(f"  {row.kind}: {row.moment}", flush=True)
        self._recovering_since = None
        row.outcome = fault(self._target) or ""
        lifted_s = max([time.monotonic(), *(due_s for due_s, _ in self._target.lifts)])
        self._recovering_since = lifted_s, time.time_ns() + int((lifted_s - time.monotonic()) * 1e9)

    def _recover(self) -> None:
        if self._recovering_since:
            self.rows[-1].recovery_s = f"{time.monotonic() - self._recovering_since[0]:.0f}"
        self._recovering_since = None

    def _is_finished(self) -> bool:
        """Whether the driver that has just ended has finished the sweep; else it must have ended for a reason."""
        status, error = self._target.process.wait(), self._target.complaints.read_text()
        if self.rows:
            others = [self.rows[-1].seen] if self.rows[-1].seen != "ran on" else []
            self.rows[-1].seen = "; ".join([*others, f"exit {status}"])
        if status == 0:
            self._recover()
            return not self._target.must_go_on
        has_refused = status == 2 and any(sentence in error for sentence in self._target.may_refuse)
        # Else unfinished, or killed: by Ctrl-C and `kill` too, before Python listens and after the sweep has ended.
        # Ray aborts now and then where it was stopped while it started.
        has_aborted = status == -signal.SIGABRT and "stopped; run the same command again to resume" in error
        assert has_refused or has_aborted or status in ENDS, f"exit {status}: {_last_line(error)}"
        has_said = any(line.endswith(SENTENCES) for line in error.splitlines())
        assert status != 3 or has_said, f"exit 3 without its sentence: {_last_line(error)}"
        return False

    def _moment(self) -> str:
        """How far the sweep is, as its checkpoints and MLflow's file have it, and where it writes its runs to."""
        database, where = self._results / "mlflow.db", "MLflow's server" if self._server else "MLflow's file"
        phase, num_done = "no trial yet", 0
        try:
            with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=1)) as connection:
                trials = connection.execute(
                    "select r.status, t.value from runs r join tags t on t.run_uuid = r.run_uuid and t.key = 'phase' "
                    "order by r.start_time"
                ).fetchall()
        except sqlite3.OperationalError:
            trials = []
        if trials:
            num_done, phase = sum(status == "FINISHED" for status, _ in trials), trials[-1][1]
        epochs = [int(path.name.split("-")[1]) for path in _checkpoints(self._results)]
        training = f"epoch {max(epochs)} saved" if epochs else "no epoch saved"
        state = "" if workers(self._target.process.pid) else ", starting"
        return f"{phase}, {num_done} of {NUM_TRIALS} trials done, {training}{state}; {where}"


def outcome(results: Path, output: str) -> dict[str, list[Any]]:
    """All that must be the same: each trial's end, every number but the speed, weights, predictions, and the table."""
    with closing(sqlite3.connect(results / "mlflow.db")) as database:
        runs = database.execute(
            "select t.value, r.status, r.run_uuid from runs r "
            "join tags t on t.run_uuid = r.run_uuid and t.key = 'trial'"
        ).fetchall()
        numbers = database.execute(
            "select t.value, m.key, m.step, m.value from metrics m "
            "join tags t on t.run_uuid = m.run_uuid and t.key = 'trial' "
            "where m.key not in ('images_per_s', 'epoch_s') and m.key not like 'cost/%'"
        ).fetchall()
    ends = sorted((trial, status) for trial, status, _ in runs)
    assert len(ends) == NUM_TRIALS and {status for _, status in ends} == {"FINISHED"}, f"the runs ended as {ends}"
    trial_of = {run: trial for trial, _, run in runs}
    files = [  # a server has a folder for the experiment above that of the run
        (trial_of[run], path.name, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in (results / "artifacts").rglob("*")
        for run in trial_of.keys() & set(path.parts)
        if path.suffix in (".safetensors", ".parquet")
    ]
    table = [line for line in output.splitlines() if re.match(r"(transfer|attention)/.* \d+\.\d\d", line)]
    assert len(table) == 2 * len(CELLS), f"the table has {len(table)} rows"  # AUC and F1
    return {"ends": ends, "numbers": sorted(numbers), "files": sorted(files), "tables": table}


@contextmanager
def disks(results: Path, calm: Path) -> Iterator[None]:
    """A results folder with what was prepared in the calm one; on disks of its own where this process may mount."""
    results.mkdir()
    mounts = []
    for folder, size in ((results, "1g"), (results / "cache", "32m")):
        folder.mkdir(exist_ok=True)
        if (
            os.geteuid() == 0
            and not subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "chaos", folder]).returncode
        ):
            mounts.append(folder)
    ignored = shutil.ignore_patterns("sweeps", "mlflow.db*", "artifacts", "cache")
    shutil.copytree(calm, results, ignore=ignored, dirs_exist_ok=True)
    try:
        yield
    finally:
        for folder in reversed(mounts):
            subprocess.run(["umount", "--lazy", folder], check=True)
        shutil.rmtree(results)


def _checkpoints(results: Path) -> list[Path]:
    return list(results.glob("sweeps/*/trials/*/epoch-*.ckpt"))


def _has_saved(results: Path, since_ns: int) -> bool:
    """Whether a trial has saved an epoch since then."""
    for path in _checkpoints(results):
        try:
            if path.stat().st_mtime_ns > since_ns:
                return True
        except FileNotFoundError:  # cleared meanwhile
            continue
    return False


def _last_line(text: str) -> str:
    return ([line for line in text.splitlines() if line.strip()] or ["it said nothing"])[-1]
