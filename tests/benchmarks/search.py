"""What the fair search needs against the paper's grid, and what a sweep spends outside training.

`python -m tests.benchmarks.search` runs one cell on phantoms: the paper's whole grid of betas, every point at full
length, and, for some seeds, the search by Optuna with early stopping. Trials take about a minute on a quiet core.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from tests.benchmarks.targets import verdict

ROOT = Path(__file__).parents[2]
CELLS = {"retina": "attention/imagenet/densenet40/all", "chexpert": "attention/mimic-cxr/densenet40/all"}
SHARE_TARGET, OUTSIDE_TARGET = 0.15, 0.03
EPOCHS = (
    "select p.value, m.run_uuid, m.step, m.value, m.timestamp / 1000.0, r.start_time / 1000.0 from metrics m "
    "join runs r on r.run_uuid = m.run_uuid "
    "join tags s on s.run_uuid = m.run_uuid and s.key = 'sweep' and s.value = ? "
    "join tags p on p.run_uuid = m.run_uuid and p.key = 'phase' "
    "where m.key = 'best_score' order by m.timestamp, m.run_uuid, m.step"
)


class Spent(NamedTuple):
    """Seconds of a sweep: the command's, until its first trial began, and within training; and its trials."""

    name: str
    wall_s: float
    start_s: float
    training_s: float
    num_trials: int


def sweep(dataset: str, results: Path, search: str, epochs: int, trials: int, seed: int) -> tuple[float, float]:
    """Runs one sweep named after its search; when it began (since 1970), and its seconds, Ray's start in them."""
    command = [sys.executable, "-m", "platform.sweep", dataset, "--cells", CELLS[dataset], "--search", search]
    numbers = ["--epochs", str(epochs), "--trials", str(trials), "--repeats", "1", "--seed", str(seed)]
    where = ["--results", str(results), "--name", f"{search}-{seed}", "--concurrent", "1"]
    began_s, started_s = time.time(), time.monotonic()
    subprocess.run([*command, *numbers, *where], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return began_s, time.monotonic() - started_s


def epochs_of(results: Path, name: str) -> pd.DataFrame:
    """A row an epoch, in the order in which they ended: phase, run_id, epoch, best_score, at_s, run_start_s."""
    with sqlite3.connect(results / "mlflow.db") as database:
        rows = database.execute(EPOCHS, (name,)).fetchall()
    return pd.DataFrame(rows, columns=["phase", "run_id", "epoch", "best_score", "at_s", "run_start_s"])


def epochs_to(frame: pd.DataFrame, score: float) -> int | None:
    """How many epochs a search had spent when it first reached the score; None where it never did."""
    reached = frame.index[frame["best_score"] >= score]
    return None if reached.empty else int(reached[0]) + 1


def training_s(frame: pd.DataFrame) -> float:
    """Seconds of training: a trial's epochs at the pace of those after its first, which also starts the trial."""
    spans = frame.groupby("run_id")["at_s"].agg(["min", "max", "size"])
    paces = (spans["max"] - spans["min"]) / (spans["size"] - 1).where(spans["size"] > 1)
    return float((paces.fillna(paces.median()) * spans["size"]).sum())


def run(dataset: str, results: Path, search: str, epochs: int, trials: int, seed: int) -> tuple[pd.DataFrame, Spent]:
    """The epochs of the search's trials, in their order, and what the whole sweep spent."""
    began_s, wall_s = sweep(dataset, results, search, epochs, trials, seed)
    whole = epochs_of(results, f"{search}-{seed}")
    start_s = float(whole["run_start_s"].min()) - began_s
    spent = Spent(f"{search}, seed {seed}", wall_s, start_s, training_s(whole), whole["run_id"].nunique())
    return whole[whole["phase"] == "search"].reset_index(drop=True), spent


def main() -> None:
    """Prints a row per search, and what was spent outside training."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.search", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("dataset", nargs="?", choices=CELLS, default="chexpert", help="default: %(default)s")
    parser.add_argument("--epochs", type=int, default=32, help="of a whole trial (default: %(default)s)")
    parser.add_argument("--trials", type=int, default=12, help="of the search (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="of the search (default: %(default)s)")
    typed = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        results = Path(name)
        sweep(typed.dataset, results, "grid", 1, 1, 10**6)  # draws the phantoms and trains their teachers
        grid, spent = run(typed.dataset, results, "grid", typed.epochs, typed.trials, 0)
        score, sweeps = float(grid["best_score"].max()), [spent]
        print(
            f"grid of {grid['run_id'].nunique()} betas on {typed.dataset}: {len(grid)} epochs, best score {score:.4f}"
        )
        print(
            "seed of the search | epochs | best score | epochs to the grid's | share of the grid's epochs", flush=True
        )
        shares = []
        for seed in range(typed.seeds):
            ours, spent = run(typed.dataset, results, "optuna", typed.epochs, typed.trials, seed)
            needed, sweeps = epochs_to(ours, score), [*sweeps, spent]
            shares.append(float("inf") if needed is None else needed / len(grid))
            share_text = "never" if needed is None else f"{shares[-1]:.1%}"
            print(f"{seed} | {len(ours)} | {ours['best_score'].max():.4f} | {needed} | {share_text}", flush=True)
    share = statistics.median(shares)
    target = f"at most {SHARE_TARGET:.0%}"
    verdict(f"{typed.dataset}: epochs to the score of the paper's grid", target, f"{share:.1%}", share <= SHARE_TARGET)
    tell_of_time(sweeps)


def tell_of_time(sweeps: list[Spent]) -> None:
    """What each sweep spent outside training; the start is paid once, however long the sweep."""
    print("\nsweep | wall clock, s | trials | training, s | start, s | outside training | the same, but for the start")
    for spent in sweeps:
        outside = 1 - spent.training_s / spent.wall_s
        later = 1 - spent.training_s / (spent.wall_s - spent.start_s)
        print(
            f"{spent.name} | {spent.wall_s:.0f} | {spent.num_trials} | {spent.training_s:.0f} | {spent.start_s:.0f} | "
            f"{outside:.1%} | {later:.1%}"
        )
    grid = sweeps[0]
    outside = 1 - grid.training_s / grid.wall_s
    trial_s = grid.training_s / grid.num_trials
    what = f"outside training, {grid.num_trials} trials of {trial_s:.0f} s"
    verdict(what, f"under {OUTSIDE_TARGET:.0%}", f"{outside:.1%}", outside < OUTSIDE_TARGET)


if __name__ == "__main__":
    main()
