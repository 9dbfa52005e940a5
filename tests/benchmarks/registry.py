"""The pieces of `make bench`: each a command that takes less than ten minutes on two slow cores, and what it promises.

Nothing heavy is imported here: the table is there at once.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import targets
from tests.benchmarks.targets import KINDS, STUDENTS, Target

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "results" / "growth"
SOAK = ROOT / ".cache" / "soak"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A command that measures, and the targets that it prints when it runs to its end.

    Args:
        name: by which `--only` knows it.
        arguments: of `python -m`: a module of this folder, and its options.
        about_s: how long it takes, as far as it was never run on this machine.
        takes_photographs: whether it may see the real images, where there are some: others could not be compared.
        has_own_record: whether its figures are in a file of its own, and not among what it prints.
    """

    name: str
    arguments: tuple[str, ...]
    targets: tuple[Target, ...]
    about_s: float
    wants_gpu: bool = False
    takes_photographs: bool = False
    has_own_record: bool = False

    @property
    def command(self) -> list[str]:
        """What is run, in the repository's folder."""
        module, *options = self.arguments
        return [sys.executable, "-u", "-m", f"tests.benchmarks.{module}", *options]


def _views() -> list[Piece]:
    return [
        Piece(
            name=f"views {dataset}",
            arguments=("views", "--datasets", dataset),
            targets=targets.views(dataset),
            about_s=150,
        )
        for dataset in ("retina", "chestxray8")
    ]


def _splits() -> list[Piece]:
    parts = {"retina": "10.0%", "chexpert": "2.8%"}
    return [
        Piece(
            name=f"splits {dataset}",
            arguments=("splits", "--datasets", dataset),
            targets=tuple(
                targets.split_shares(dataset, part)
                for part in ("validation", "test", f"first {share} of train", "validation of the official split")
            ),
            about_s=400 if dataset == "chexpert" else 30,
        )
        for dataset, share in parts.items()
    ]


def _prepare() -> list[Piece]:
    return [
        Piece(
            name=f"prepare {size}",
            arguments=("prepare", "--sizes", str(size)),
            targets=(targets.preparing(size),),
            about_s=240,
        )
        for size in (64, 256)
    ]


def _step() -> list[Piece]:
    return [
        Piece(
            name=f"step {size} {student}",
            arguments=("step", "--sizes", str(size), "--students", student),
            targets=targets.steps(student, size),
            about_s={64: 60, 128: 200}[size],
        )
        for size in (64, 128)
        for student in STUDENTS
    ]


def _cpu_step() -> list[Piece]:
    return [
        Piece(
            name=f"cpu_step {size} {student}",
            arguments=("cpu_step", "--sizes", str(size), "--students", student),
            targets=targets.cpu_steps(student, size),
            about_s={64: 90, 128: 150}[size],
        )
        for size in (64, 128)
        for student in STUDENTS
    ]


def _end_to_end() -> list[Piece]:
    return [
        Piece(
            name=f"end_to_end {size}",
            arguments=("end_to_end", "--sizes", str(size), "--more", "--minutes", "9"),
            targets=targets.end_to_end(size),
            about_s={64: 400, 128: 540}[size],
            takes_photographs=True,
        )
        for size in targets.ABLATION_TARGETS
    ]


def _growth() -> list[Piece]:
    of = {
        "images": tuple(targets.growth("images", 8, kind) for kind in KINDS),
        "epochs": tuple(targets.growth("epochs", 12, kind) for kind in KINDS),
        "trials": (targets.GROWTH_TRIALS,),
    }
    return [
        Piece(
            name=f"growth {part}",
            arguments=("growth", str(PICTURES / f"{part}.png"), "--parts", part),
            targets=promised,
            about_s=180,
        )
        for part, promised in of.items()
    ]


PIECES: tuple[Piece, ...] = (
    *_end_to_end(),
    *_views(),
    *_splits(),
    *_prepare(),
    *_step(),
    *_cpu_step(),
    Piece(
        name="peers 64",
        arguments=("peers", "--size", "64"),
        targets=(*(targets.torchdistill(student, 64) for student in STUDENTS), targets.KORNIA),
        about_s=120,
    ),
    Piece(
        name="gpu",
        arguments=("gpu", "--minutes", "8"),
        targets=tuple(targets.GPU.values()),
        about_s=500,
        wants_gpu=True,
        has_own_record=True,
    ),
    Piece(
        name="memory",
        arguments=("memory",),
        targets=tuple(
            of(count)
            for of in (targets.trial_memory, targets.further_copy, targets.mapped_once)
            for count in targets.AT_ONCE
        ),
        about_s=300,
    ),
    Piece(
        name="overhead",
        arguments=("overhead",),
        targets=tuple(targets.overhead(trial) for trial in targets.SHOWN_TRIALS),
        about_s=150,
    ),
    Piece(name="search", arguments=("search", "--minutes", "8"), targets=targets.SEARCH, about_s=30),
    Piece(name="report", arguments=("report", "--runs", "10000"), targets=targets.report(10_000), about_s=240),
    Piece(
        name="scaling questions",
        arguments=("scaling", "--tracking-uri"),
        targets=tuple(targets.question(mode, 10_000) for mode in ("optuna", "joint")),
        about_s=30,
    ),
    Piece(name="scaling driver", arguments=("scaling", "--no-questions"), targets=(), about_s=120),
    *_growth(),
    Piece(
        name="soak",
        arguments=("soak", str(SOAK), "--minutes", "8", "--clear"),
        targets=(targets.RESUMING,),
        about_s=540,
    ),
)
