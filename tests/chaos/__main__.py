"""`make chaos`: a small sweep is broken again and again at random moments; it must end as if nobody had touched it.

After every sweep: each trial has one finished run in MLflow, and every metric of every epoch, and the printed table,
equal those of an undisturbed sweep. One trial at a time, so that the search's own order is the same. Every other sweep
writes to an MLflow server, the others to a file. Disks of their own, which can be filled, need the right to mount.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.faults import FAULTS, Fault, Target, fill_cache, fill_results
from tests.chaos.server import Server
from tests.small_sweep import CELLS, COMMAND, NUM_TRIALS, ROOT, environment, finish, start

FAULTS_A_SWEEP = 6
PATIENCE_S = 1200
ENDS = (3, -signal.SIGKILL, -signal.SIGINT, -signal.SIGTERM)


def variables(orders: Path, server: Server | None) -> dict[str, str]:
    """The server's address, where there is one, and the saboteur on the path."""
    uri = {"MLFLOW_TRACKING_URI": server.uri} if server else {}
    return {**uri, "PYTHONPATH": str(ROOT / "tests" / "chaos" / "saboteur"), "CHAOS_FOLDER": str(orders)}


def outcome(results: Path, output: str) -> tuple[object, ...]:
    """All that must be the same: each trial's end, every number but the speed, and the table."""
    with sqlite3.connect(results / "mlflow.db") as database:
        runs = database.execute(
            "select t.value, r.status from runs r join tags t on t.run_uuid = r.run_uuid and t.key = 'trial'"
        ).fetchall()
        numbers = database.execute(
            "select t.value, m.key, m.step, m.value from metrics m "
            "join tags t on t.run_uuid = m.run_uuid and t.key = 'trial' "
            "where m.key not in ('images_per_s', 'epoch_s') and m.key not like 'cost/%'"
        ).fetchall()
    assert len(runs) == NUM_TRIALS and {status for _, status in runs} == {"FINISHED"}, runs
    table = [line for line in output.splitlines() if re.match(r"(transfer|attention)/.* \d+\.\d\d", line)]
    assert len(table) == 2 * len(CELLS), output  # AUC and F1
    return sorted(runs), sorted(numbers), table


def disturbed(
    results: Path,
    orders: Path,
    server: Server | None,
    faults: Sequence[Fault],
    num_faults: int,
    rng: random.Random,
    counts: Counter[str],
) -> str:
    """Runs the sweep to its end through up to `num_faults` of the faults, and returns what it printed last."""
    faults = [fault for fault in faults if os.path.ismount(results) or fault not in (fill_cache, fill_results)]
    ours = variables(orders, server)
    process = start(results, more=ours)
    while True:
        try:
            # Of the 40 to 50 s that an undisturbed one takes on two cores.
            process.wait(timeout=rng.uniform(6, 22) if num_faults else PATIENCE_S)
        except subprocess.TimeoutExpired:
            assert num_faults, "the sweep does not end"
            fault = rng.choice(faults)
            second = ([*COMMAND, "--results", str(results)], ROOT, environment(ours))
            fault(Target(process, *second, results, server, orders, rng))
            counts[fault.__name__] += 1
            num_faults -= 1
        if process.poll() is None:
            continue
        output, error = process.communicate()
        if process.returncode == 0:
            return output
        has_refused = process.returncode == 2 and "MB free; use --results" in error  # before any training
        # Else unfinished, or killed: by Ctrl-C and `kill` too, before Python listens and after the sweep has ended.
        # Ray aborts now and then where it was stopped while it started.
        has_aborted = process.returncode == -signal.SIGABRT and "stopped; run the same command again to resume" in error
        assert has_refused or has_aborted or process.returncode in ENDS, f"{process.returncode}\n{error}"
        process = start(results, more=ours)


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


def chaos(
    num_sweeps: int,
    num_faults: int,
    seed: int,
    calm: tuple[Path, str] | None = None,
    faults: Sequence[Fault] = FAULTS,
) -> Counter[str]:
    """Breaks `num_sweeps` sweeps, each up to `num_faults` times; returns the faults by kind.

    Args:
        num_sweeps: how many, one after the other.
        num_faults: of each sweep.
        seed: of the faults and their moments.
        calm: results and output of the undisturbed sweep, which else runs first.
        faults: those to choose from.

    Raises:
        AssertionError: one ended otherwise than the undisturbed one.
    """
    rng, counts = random.Random(seed), Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        orders = Path(name) / "orders"
        orders.mkdir()
        undisturbed, output = calm or (Path(name) / "calm", finish(start(Path(name) / "calm")))
        expected = outcome(undisturbed, output)
        for number in range(1, num_sweeps + 1):
            results, started_s = Path(name) / f"sweep-{number}", time.monotonic()
            with disks(results, undisturbed):
                server = Server(results, ROOT) if number % 2 == 0 else None
                try:
                    if server:
                        server.start()
                    reached = outcome(results, disturbed(results, orders, server, faults, num_faults, rng, counts))
                finally:
                    if server:
                        server.kill()
            assert reached == expected, f"sweep {number} of seed {seed} ended otherwise than the undisturbed one"
            took_s = time.monotonic() - started_s
            print(f"sweep {number}: as undisturbed, {took_s:.0f} s, {sum(counts.values())} faults", flush=True)
    return counts


def main() -> int:
    """Prints a line a sweep, and the faults by kind."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sweeps", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--faults", type=int, default=FAULTS_A_SWEEP, help="at most, a sweep (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and kinds (default: %(default)s)")
    typed = parser.parse_args()
    counts = chaos(typed.sweeps, typed.faults, typed.seed)
    print("\n".join(f"{count:4} {kind}" for kind, count in counts.most_common()))
    print(f"{sum(counts.values())} faults of {len(counts)} kinds in {typed.sweeps} sweeps; lost: nothing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
