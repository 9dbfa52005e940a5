"""What the fair search needs against the paper's grid, and what a sweep spends outside training.

`python -m tests.benchmarks.search` runs one cell on phantom photographs twice for each seed: the paper's whole grid of
betas, every point at full length, and the search by Optuna with early stopping. Trials take about a minute on a quiet
core. The epochs are read from MLflow.
"""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[2]
CELL = "attention/imagenet/densenet40/all"
EPOCHS = (
    "select s.value, p.value, m.run_uuid, m.step, m.value, m.timestamp / 1000.0 from metrics m "
    "join tags s on s.run_uuid = m.run_uuid and s.key = 'sweep' "
    "join tags p on p.run_uuid = m.run_uuid and p.key = 'phase' "
    "where m.key = 'best_score' order by m.timestamp, m.run_uuid, m.step"
)


def sweep(results: Path, search: str, epochs: int, trials: int, seed: int) -> float:
    """Runs one sweep named after its search; its wall-clock seconds, with the start of the program and of Ray."""
    command = [sys.executable, "-m", "platform.sweep", "retina", "--cells", CELL, "--search", search]
    numbers = ["--epochs", str(epochs), "--trials", str(trials), "--repeats", "1", "--seed", str(seed)]
    where = ["--results", str(results), "--name", f"{search}-{seed}", "--concurrent", "1"]
    started_s = time.monotonic()
    subprocess.run([*command, *numbers, *where], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started_s


def epochs_of(results: Path, name: str) -> pd.DataFrame:
    """A row an epoch, in the order in which they ended: phase, run_id, epoch, best_score, at_s."""
    with sqlite3.connect(results / "mlflow.db") as database:
        rows = database.execute(EPOCHS).fetchall()
    frame = pd.DataFrame(rows, columns=["sweep", "phase", "run_id", "epoch", "best_score", "at_s"])
    return frame[frame["sweep"] == name].drop(columns="sweep").reset_index(drop=True)


def epochs_to(frame: pd.DataFrame, score: float) -> int | None:
    """How many epochs a search had spent when it first reached the score; None where it never did."""
    reached = frame.index[frame["best_score"] >= score]
    return None if reached.empty else int(reached[0]) + 1


def training_s(frame: pd.DataFrame) -> float:
    """Seconds of training: a trial's epochs at the pace of those after its first, which also starts the trial."""
    spans = frame.groupby("run_id")["at_s"].agg(["min", "max", "size"])
    paces = (spans["max"] - spans["min"]) / (spans["size"] - 1).where(spans["size"] > 1)
    return float((paces.fillna(paces.median()) * spans["size"]).sum())


def main() -> None:
    """Prints a row a seed, and what was spent outside training."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.search", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--epochs", type=int, default=32, help="of a whole trial (default: %(default)s)")
    parser.add_argument("--trials", type=int, default=12, help="of the search (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=1, help="default: %(default)s")
    given = parser.parse_args()
    print(
        "seed | grid: epochs | grid: best score | epochs to reach it | share (target: 15 %) | best score of the search"
    )
    spent: list[tuple[str, float, float, int]] = []
    with tempfile.TemporaryDirectory() as name:
        results = Path(name)
        sweep(results, "grid", 1, 1, 10**6)  # draws the phantoms and trains their teachers
        for seed in range(given.seeds):
            for search in ("grid", "optuna"):
                wall_s = sweep(results, search, given.epochs, given.trials, seed)
                whole = epochs_of(results, f"{search}-{seed}")
                spent.append((f"{search}, seed {seed}", wall_s, training_s(whole), whole["run_id"].nunique()))
            grid, ours = (
                frame[frame["phase"] == "search"].reset_index(drop=True)
                for frame in (epochs_of(results, f"{search}-{seed}") for search in ("grid", "optuna"))
            )
            score = float(grid["best_score"].max())
            needed = epochs_to(ours, score)
            share = "never" if needed is None else f"{needed / len(grid):.1%}"
            print(
                f"{seed} | {len(grid)} | {score:.4f} | {needed} | {share} | {ours['best_score'].max():.4f}", flush=True
            )
    print("\nsweep | wall clock, s | trials | training, s | outside training, s | share (target: under 3 %)")
    for what, wall_s, trained_s, num_trials in spent:
        outside_s = wall_s - trained_s
        print(f"{what} | {wall_s:.0f} | {num_trials} | {trained_s:.0f} | {outside_s:.0f} | {outside_s / wall_s:.1%}")


if __name__ == "__main__":
    main()
