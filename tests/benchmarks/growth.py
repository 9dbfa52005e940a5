"""Cost against the number of images, of epochs and of trials, as a picture: `python -m tests.benchmarks.growth FILE`.

Images: seconds of an epoch. Epochs: seconds of three trainings, of which the second and third share a teacher, seed and
data, so that the third finds what the second computed. Trials: milliseconds that each costs beside its training.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes

from analysis.figures import drawing
from platform.phantoms.writers import write_retina
from tests.benchmarks.overhead import alone, ours, silent
from tests.benchmarks.step import CPU, make_store, make_teacher, make_training
from tests.benchmarks.targets import GROWTH_TRIALS, KINDS, growth
from trainables.data.readers import retina
from trainables.data.store_making import prepare
from trainables.loop import train_one_epoch
from trainables.teachers.cache import KnowledgeCache
from trainables.teachers.guide import Guide

STUDENT, IMAGE_SIZE_PX = "densenet40", 64
UNITS = {"images": "s an epoch", "epochs": "s since the start", "trials": "ms a trial, beside its training"}
NUM_ROUNDS = 3
ENDS = 100  # trials at either end of a sweep


def of_images(counts: list[int], num_rounds: int = NUM_ROUNDS) -> pd.DataFrame:
    """Seconds of an epoch, a row a number of training images, a column a kind."""
    rows = []
    for count in counts:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            root = write_retina(
                folder / "retina", num_patients=count, image_size_px=IMAGE_SIZE_PX, seed=0, progress=False
            )
            out = folder / "retina.arrow"
            store = prepare(retina.read(root), out, image_size_px=IMAGE_SIZE_PX, salt=b"bench", progress=False)
            cache = KnowledgeCache(folder / "cache", {"bench": 1}, store.num_images, 1 << 34)
            guide = Guide("attention", STUDENT, make_teacher(folder / "teachers"), CPU, cache=cache)
            plain, guided = make_training(store, STUDENT, None), make_training(store, STUDENT, guide)
            for training in (plain, guided):
                train_one_epoch(training, 1)
            taken = [
                (_seconds(plain, 1), _seconds(guided, number + 2), _seconds(guided, 1)) for number in range(num_rounds)
            ]
            rows.append((len(store.rows("train")), *np.median(taken, axis=0)))
    return pd.DataFrame(rows, columns=["images", *KINDS])


def of_epochs(num_epochs: int) -> pd.DataFrame:
    """Seconds since a training's start, one row per epoch, one column per kind."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store, teacher = make_store(folder, IMAGE_SIZE_PX), make_teacher(folder / "teachers")
        cache = KnowledgeCache(folder / "cache", {"bench": 1}, store.num_images, 1 << 34)
        guides = (None, *(Guide("attention", STUDENT, teacher, CPU, cache=cache) for _ in range(2)))
        frame = pd.DataFrame({"epochs": range(1, num_epochs + 1)})
        for kind, guide in zip(KINDS, guides, strict=True):
            training = make_training(store, STUDENT, guide)
            frame[kind] = np.cumsum([_seconds(training, epoch) for epoch in frame["epochs"]])
    return frame


def of_trials(num_trials: int) -> pd.DataFrame:
    """Milliseconds from a trial's end to the next one's, one row per trial: our sweep's, and Optuna's alone."""
    with tempfile.TemporaryDirectory() as name, silent():
        mine = ours(num_trials, Path(name))
    gaps = [
        [1e3 * (after - before) for before, after in itertools.pairwise(ends)] for ends in (mine, alone(num_trials))
    ]
    return pd.DataFrame({"trials": range(2, num_trials + 1), "a sweep": gaps[0], "Optuna alone": gaps[1]})


def draw(frame: pd.DataFrame, ax: Axes, unit: str) -> None:
    """Every column against the first."""
    x, *columns = frame.columns
    for column, colour in zip(columns, drawing.PALETTE, strict=False):
        ax.plot(frame[x], frame[column], color=colour, label=column, linewidth=1)
    ax.legend(fontsize=7, frameon=False)  # its own: the panels' lines are not the same things
    ax.set_xlabel(x)
    ax.set_ylabel(unit)
    ax.set_ylim(bottom=0)


def _seconds(training: object, epoch: int) -> float:
    started_s = time.perf_counter()
    train_one_epoch(training, epoch)  # type: ignore[arg-type]
    return time.perf_counter() - started_s


def _judge(frame: pd.DataFrame, part: str) -> None:
    """How many times as long the last takes as the first."""
    if part == "trials":
        taken = frame["a sweep"]
        GROWTH_TRIALS.judge(float(taken.tail(ENDS).median() / taken.head(ENDS).median()), min(ENDS, len(taken)))
        return
    first, last = frame.iloc[0], frame.iloc[-1]
    for kind in KINDS:
        growth(part, round(last[part] / first[part]), kind).judge(
            last[kind] / first[kind], NUM_ROUNDS if part == "images" else 1
        )


def main() -> None:
    """Writes the picture, and prints its ends."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.growth", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("file", type=Path, nargs="?", help="PNG; without it the figures are printed only")
    parser.add_argument("--parts", nargs="+", choices=UNITS, default=list(UNITS), help="default: %(default)s")
    parser.add_argument("--patients", type=int, nargs="+", default=[40, 80, 160, 320], help="default: %(default)s")
    parser.add_argument("--epochs", type=int, default=12, help="default: %(default)s")
    parser.add_argument("--trials", type=int, default=400, help="default: %(default)s")
    typed = parser.parse_args()
    torch.set_num_threads(1)
    measured = {
        "images": lambda: of_images(typed.patients),
        "epochs": lambda: of_epochs(typed.epochs),
        "trials": lambda: of_trials(typed.trials),
    }
    figure, axes = drawing.empty_figure(num_columns=len(typed.parts), height_in=3.0)
    for part, ax in zip(typed.parts, axes, strict=True):
        frame = measured[part]()
        draw(frame if len(frame) < 50 else _smoothed(frame), ax, UNITS[part])
        print(f"{UNITS[part]}\n{frame.iloc[[0, -1]].to_string(index=False)}\n", flush=True)
        _judge(frame, part)
    if typed.file:
        typed.file.parent.mkdir(parents=True, exist_ok=True)
        typed.file.write_bytes(drawing.png(figure))


def _smoothed(frame: pd.DataFrame) -> pd.DataFrame:
    """Medians of 21 neighbours: single trials wait for the disk now and then."""
    return frame.rolling(21, center=True).median().dropna()


if __name__ == "__main__":
    main()
