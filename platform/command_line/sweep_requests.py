"""The requests of `platform.sweep`: a sweep, or the adoption of a results folder that was moved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platform.command_line.image_requests import ResultsRequest
from platform.command_line.option import IMAGES, MACHINES, option, switch
from platform.command_line.training_requests import TrainingRequest
from platform.command_line.values import Variation, plain_name, positive_int, share, teacher_name, variation
from trainables.knob import AXIS, LENGTH, QUESTION, RUN, SETUP


@dataclass(frozen=True, kw_only=True)
class SweepRequest(TrainingRequest):
    """A sweep: which cells, how they are searched, and how long."""

    COMMAND = "platform.sweep"
    ROLES = (AXIS, SETUP, RUN)
    TAKES_SEVERAL = True

    methods: tuple[str, ...] = option(
        "transfer methods, besides plain transfer learning",
        default=("attention",),
        heading=QUESTION,
        several=True,
        metavar="NAME",
    )
    teacher_names: tuple[str, ...] = option(
        "teachers; a+b is an ensemble",
        default=(),
        default_in_words="the paper's, imagenet mimic-cxr",
        heading=QUESTION,
        parse=teacher_name,
        several=True,
        metavar="NAME",
    )
    students: tuple[str, ...] = option(
        "architectures of the students, such as resnet18",
        default=("densenet121", "densenet40"),
        heading=QUESTION,
        several=True,
        metavar="NAME",
    )
    controls: bool = switch(
        "add the control cells, which any claim of transferred knowledge has to beat", heading=QUESTION
    )
    vary: tuple[Variation, ...] = option(
        "values of any knob, such as rotation_deg=0,15 batch_size=16,32; several knobs are crossed",
        default=(),
        default_in_words="none",
        heading=QUESTION,
        parse=variation,
        several=True,
        metavar="NAME=VALUE[,VALUE...]",
    )
    one_at_a_time: bool = switch(
        "the classical ablation: every cell, and beside it one cell for each value of --vary with only that changed",
        heading=QUESTION,
    )
    cells: tuple[str, ...] | None = option(
        "only the cells whose names match, such as 'attention/*'",
        default=None,
        heading=QUESTION,
        several=True,
        metavar="PATTERN",
    )
    search: str = option(
        "how configurations are searched: optuna, one study per cell; grid, the paper's betas; joint, one study over "
        "all cells",
        default="optuna",
        heading=QUESTION,
        choices=("optuna", "grid", "joint"),
    )
    allow_overlap: bool = switch("run even if a teacher has seen test patients; the report says so", heading=IMAGES)
    preset: str | None = option(
        "sizes and lengths, where no other option sets them",
        default=None,
        default_in_words="paper with real images, quick with phantoms",
        heading=LENGTH,
        choices=("paper", "quick"),
    )
    trials: int | None = option(
        "configurations to try per cell",
        default=None,
        default_in_words="the preset's",
        heading=LENGTH,
        parse=positive_int,
        metavar="N",
    )
    repeats: int | None = option(
        "how often each cell's best configuration is trained again",
        default=None,
        default_in_words="the preset's",
        heading=LENGTH,
        parse=positive_int,
        metavar="N",
    )
    dry_run: bool = switch(
        "print the plan (cells, trials, time, GPU-hours, disk) from steps timed on this machine, and stop",
        heading=LENGTH,
    )
    name: str | None = option(
        "the sweep's name",
        default=None,
        default_in_words="made from what decides its results",
        heading=MACHINES,
        parse=plain_name,
        metavar="NAME",
    )
    concurrent: int | None = option(
        "number of trials that run at once",
        default=None,
        default_in_words="as many as fit, or as cluster.yaml allows",
        heading=MACHINES,
        parse=positive_int,
        metavar="N",
    )
    cache: Path | None = option(
        "folder for the cache of the teachers' answers",
        default=None,
        default_in_words="in --local, or else in --results",
        heading=MACHINES,
        parse=Path,
        metavar="DIR",
    )
    cache_gb: float = option(
        "size limit of the cache in GB; 0 for no cache",
        default=20.0,
        default_in_words="20",
        heading=MACHINES,
        parse=share,
        metavar="N",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        names = [each.name for each in self.vary]
        if twice := {name for name in names if names.count(name) > 1} | (set(names) & set(self.axes)):
            raise ValueError(
                f"each knob must be varied once, with all its values, but {', '.join(sorted(twice))} is twice"
            )
        if self.one_at_a_time and not self.vary:
            raise ValueError("--one-at-a-time must have something to change: give --vary NAME=VALUE[,VALUE...]")

    @property
    def variations(self) -> dict[str, tuple[Any, ...]]:
        """The values of `vary`, by the name of the knob."""
        return {each.name: each.values for each in self.vary}

    @property
    def depths(self) -> tuple[str, ...]:
        """The depths to unfreeze that are asked for, by either flag; () for the paper's."""
        return (*self.axes.get("unfreeze", ()), *self.variations.get("unfreeze", ()))

    @property
    def num_slots(self) -> int | None:
        return self.concurrent


@dataclass(frozen=True, kw_only=True)
class AdoptRequest(ResultsRequest):
    """Record where a results folder is now, after it was moved or copied."""

    adopt: bool = switch(
        "record the place of a results folder that was moved or copied, and stop; takes --results, and no data set"
    )
