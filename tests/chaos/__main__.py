"""`make chaos`: a small sweep is broken again and again at random moments; it must end as if nobody had touched it.

After every sweep: each trial has one finished run in MLflow, and every metric of every epoch, and the printed table,
equal those of an undisturbed sweep. One trial at a time, so that the search's own order is the same.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.faults import FAULTS, Target

ROOT = Path(__file__).parents[2]
CELLS = ["transfer/none/densenet40/all", "attention/imagenet/densenet40/all"]
FLAGS = ["--image-size", "32", "--phantom-size", "24", "--epochs", "3", "--trials", "2", "--repeats", "1"]
NUM_TRIALS = len(CELLS) * 3
FAULTS_A_SWEEP = 5


def command(results: Path) -> list[str]:
    """The sweep's command line."""
    sweep = [sys.executable, "-m", "platform.sweep", "retina", *FLAGS, "--concurrent", "1"]
    return [*sweep, "--cells", *CELLS, "--results", str(results)]


def environment() -> dict[str, str]:
    """This one's, without another cluster or server."""
    return {name: value for name, value in os.environ.items() if name not in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI")}


def start(results: Path) -> subprocess.Popen[str]:
    """The sweep, in a process group of its own."""
    return subprocess.Popen(
        command(results),
        cwd=ROOT,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def outcome(results: Path, output: str) -> tuple[object, ...]:
    """All that must be the same: each trial's end, every number but the speed, and the table."""
    with sqlite3.connect(results / "mlflow.db") as database:
        runs = database.execute(
            "select t.value, r.status from runs r join tags t on t.run_uuid = r.run_uuid and t.key = 'trial'"
        ).fetchall()
        numbers = database.execute(
            "select t.value, m.key, m.step, m.value from metrics m "
            "join tags t on t.run_uuid = m.run_uuid and t.key = 'trial' where m.key != 'images_per_s'"
        ).fetchall()
    assert len(runs) == NUM_TRIALS and {status for _, status in runs} == {"FINISHED"}, runs
    table = [line for line in output.splitlines() if re.match(r"(transfer|attention)/.* \d+\.\d\d", line)]
    return sorted(runs), sorted(numbers), table


def disturbed(results: Path, rng: random.Random, counts: collections.Counter[str]) -> str:
    """Runs the sweep to its end through `FAULTS_A_SWEEP` faults, and returns what it printed last."""
    process, left = start(results), FAULTS_A_SWEEP
    while left:
        time.sleep(rng.uniform(12, 30))  # of the 40 to 50 s that an undisturbed one takes on two cores
        if process.poll() is None:
            fault = rng.choice(FAULTS)
            survives = fault(Target(process, command(results), ROOT, environment(), results, rng))
            counts[fault.__name__] += 1
            left -= 1
            if survives:
                continue
        output, error = process.communicate(timeout=300)
        if process.returncode == 0:
            return output
        assert process.returncode in (3, -9), f"{process.returncode}\n{error}"
        process = start(results)
    output, error = process.communicate(timeout=300)
    if process.returncode in (3, -9):
        output, error = start(results).communicate(timeout=300)
    return output


def main() -> int:
    """Prints a line a sweep, and the faults by kind."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sweeps", type=int, default=20, help="default: %(default)s, five faults each")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and kinds (default: %(default)s)")
    given = parser.parse_args()
    rng, counts = random.Random(given.seed), collections.Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        calm = Path(name) / "calm"
        output, _ = start(calm).communicate(timeout=600)
        expected = outcome(calm, output)
        for number in range(1, given.sweeps + 1):
            results = Path(name) / f"sweep-{number}"
            made = shutil.ignore_patterns("sweeps", "mlflow.db*", "artifacts", "cache")
            shutil.copytree(calm, results, ignore=made)
            started_s = time.monotonic()
            found = outcome(results, disturbed(results, rng, counts))
            assert found == expected, f"sweep {number} of seed {given.seed} ended otherwise than the undisturbed one"
            shutil.rmtree(results)
            print(
                f"sweep {number}: as undisturbed, {time.monotonic() - started_s:.0f} s, {sum(counts.values())} faults",
                flush=True,
            )
    print("\n".join(f"{count:4} {kind}" for kind, count in counts.most_common()))
    print(f"{sum(counts.values())} faults of {len(counts)} kinds in {given.sweeps} sweeps; lost: nothing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
