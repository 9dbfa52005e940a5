"""One ablation by us and by the public stack, side by side: `python -m tests.benchmarks.end_to_end --minutes 10`.

Three columns of Table V (DenseNet-40: no teacher, and attention transfer from two teachers), with early stopping, from
the command to the last trial. Theirs is `peer_stack.py`: Ray Tune with ASHA, Optuna, MLflow, torchvision and
torchdistill. Both try one fixed list of configurations; with --searched each searches by itself. The photographs are
those under TRANSFER_DATA, else phantoms of 1,024 px. The same command continues where the last one ended.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.end_to_end import bars, side_record, side_table
from tests.benchmarks.end_to_end.ground import Ground, Task, lay_out, split_counts
from tests.benchmarks.end_to_end.sides import run
from trainables.meter import hardware

ROOT = Path(__file__).parents[3]
RECORD = ROOT / "tests" / "benchmarks" / "recorded" / "end_to_end.csv"
WORK = ROOT / ".cache" / "end_to_end"
PACKAGES = ("torch", "ray", "mlflow", "torchdistill")


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.end_to_end", description=(__doc__ or "").splitlines()[0]
    )
    data = os.environ.get("TRANSFER_DATA")
    parser.add_argument("--minutes", type=float, default=10, help="no run begins that may end later (%(default)g)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128], metavar="PX", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=1, help="of both sides, at each size (default: %(default)s)")
    parser.add_argument("--more", action="store_true", help="one round more than there are on record")
    parser.add_argument("--epochs", type=int, default=2, help="of a training (default: %(default)s)")
    parser.add_argument("--trials", type=int, default=3, help="of each cell's search (default: %(default)s)")
    parser.add_argument("--slots", type=int, default=2, help="trials at once, a core each (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=0, help="of the peers' DataLoaders (default: %(default)s)")
    parser.add_argument("--draft", action="store_true", help="the peers let the JPEG decoder reduce the photographs")
    parser.add_argument("--searched", action="store_true", help="each side searches by itself")
    parser.add_argument(
        "--data", type=Path, default=data, help="folder of the real images (default: TRANSFER_DATA, here %(default)s)"
    )
    parser.add_argument("--patients", type=int, default=120, help="of the phantoms (default: %(default)s)")
    parser.add_argument("--work", type=Path, default=WORK, help="what both sides read and write (default: %(default)s)")
    parser.add_argument("--record", type=Path, default=RECORD, help="the CSV file (default: %(default)s)")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the record as SVG")
    parser.add_argument("--show", action="store_true", help="run nothing")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Runs what is missing until the time is up, and prints the record; `EX_TEMPFAIL` where something is left."""
    typed = parser().parse_args(arguments)
    is_whole = typed.show or measure(typed, time.monotonic() + 60 * typed.minutes)
    rows = side_record.read(typed.record)
    side_table.show(rows[rows["px"].isin(typed.sizes)])
    if typed.picture:
        bars.write(rows, typed.picture)
    return 0 if is_whole else os.EX_TEMPFAIL


def measure(typed: argparse.Namespace, ends_s: float) -> bool:
    """Adds runs to the record, each as soon as it has ended; whether all are there."""
    ground = lay_out(typed.work.resolve(), typed.data, typed.patients)
    for number in range(1, typed.rounds + 1):
        for px in typed.sizes:
            task = Task(
                px=px,
                num_epochs=typed.epochs,
                num_trials=typed.trials,
                num_slots=typed.slots,
                num_workers=typed.workers,
                is_drafted=typed.draft,
                is_searched=typed.searched,
            )
            num_rounds = 1 + num_whole(typed.record, task, ground) if typed.more else number
            if not measure_round(typed.record, task, ground, num_rounds, ends_s):
                print("the time is up: run the same command again to continue", flush=True)
                return False
    return True


def num_whole(record: Path, task: Task, ground: Ground) -> int:
    """How many rounds are on record of both sides."""
    rows = side_record.read(record)
    return len(list(side_record.rounds(side_record.of_question(rows, question_of(task, ground)))))


def measure_round(record: Path, task: Task, ground: Ground, num_rounds: int, ends_s: float) -> bool:
    """Runs both sides until there are so many rounds; whether there are, and not only no time left for more."""
    question = question_of(task, ground)
    while True:
        rows = side_record.of_question(side_record.read(record), question)
        began = datetime.now(UTC)
        following = side_record.next_run(rows, num_rounds, began)
        if following is None:
            return True
        number, side = following
        if time.monotonic() + side_record.expected_s(rows, side) > ends_s:
            return False
        print(f"{began:%H:%M:%S} {task.px} px, round {number}: {side}", flush=True)
        load = os.getloadavg()[0]
        figures = run(side, task, ground, ground.folder / f"run-{task.px}-{side}")
        side_record.add(record, side_record.row_of(figures, question, following, began, load))
        print(f"  {figures.last_trial_s:.1f} s to the last trial's end", flush=True)


def question_of(task: Task, ground: Ground) -> Mapping[str, Any]:
    """What two runs must have in common to be compared."""
    is_phantom = (ground.data / "retina" / "PHANTOM.json").exists()
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return {
        "machine": f"{hardware()}, {os.cpu_count()} cores",
        "versions": f"Python {sys.version.split()[0]}, {versions}",
        "images": "phantoms" if is_phantom else "photographs",
        "num_images": sum(split_counts(ground).values()),
        "px": task.px,
        "kind": "each its own search" if task.is_searched else "fixed list",
        "num_epochs": task.num_epochs,
        "num_trials": task.num_trials,
        "num_repeats": task.num_repeats,
        "num_slots": task.num_slots,
        "batch_size": task.batch_size,
        "num_workers": task.num_workers,
        "draft": task.is_drafted,
    }


if __name__ == "__main__":
    sys.exit(main())
