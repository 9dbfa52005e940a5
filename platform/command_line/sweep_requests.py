"""The request of `platform.sweep`: which cells, how they are searched, what a repeat draws anew, and how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platform.command_line.ablation import Ablation, reference
from platform.command_line.at_once_options import concurrent_option, pack_option
from platform.command_line.option import IMAGES, MACHINES, OUTPUT, option, switch
from platform.command_line.redraw_rules import check_redraws, in_order
from platform.command_line.scheduler_option import check_scheduler, scheduler_option
from platform.command_line.searcher_option import searcher_option
from platform.command_line.training_requests import TrainingRequest
from platform.command_line.values import (
    Variation,
    num_folds,
    plain_name,
    positive_int,
    share,
    sources,
    teacher_name,
    toml_path,
    variation,
)
from platform.sweeping.samplers import check_searcher
from trainables.knob import AXIS, LENGTH, QUESTION, RUN, SETUP


@dataclass(frozen=True, kw_only=True)
class SweepRequest(TrainingRequest):
    """A sweep: which cells, how they are searched, and how long."""

    COMMAND = "platform.sweep"
    ROLES = (AXIS, SETUP, RUN)
    TAKES_SEVERAL = True

    dataset: str = option(
        "a data set's name, or the name of a prepared data set of your own; an ablation's file may name it",
        default="",
        flag=None,
        parse=plain_name,
        metavar="DATASET",
    )
    ablation: str | None = option(
        "file that says what the sweep varies, or the name of one in search_spaces/ablations; what is typed beside it "
        "overrides it",
        default=None,
        heading=QUESTION,
        parse=reference,
        metavar="FILE",
    )
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
        adds_up=True,
        adds=True,
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
    searcher: str | None = searcher_option()
    scheduler: str = scheduler_option()
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
        default_in_words="the preset's; 1 for each fold with --folds",
        heading=LENGTH,
        parse=positive_int,
        metavar="N",
    )
    vary_in_repeats: tuple[str, ...] = option(
        "what each of these repeats draws anew: seed, which alone draws all of a training; split; and order or init, "
        "the order of the images or the first weights of new layers with seeds of their own",
        default=("seed",),
        heading=LENGTH,
        parse=sources,
        several=True,
        metavar="SOURCE",
    )
    variance_components: bool = switch(
        "as many repeats again for each source that repeats draw anew, drawing this one alone", heading=LENGTH
    )
    folds: int | None = option(
        "cross-validation by patient with K folds: each is the test set once, and is searched and confirmed by itself",
        default=None,
        default_in_words="none",
        heading=IMAGES,
        parse=num_folds,
        metavar="K",
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
    concurrent: int | None = concurrent_option()
    pack: int = pack_option()
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

    save_ablation: Path | None = option(
        "file to write with what the options say; the sweep then goes on as that file's",
        default=None,
        heading=OUTPUT,
        parse=toml_path,
        metavar="FILE",
    )
    file: Ablation | None = field(default=None)  # what `ablation` names

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.dataset:
            raise ValueError("a sweep needs a data set: give DATASET, or an ablation's file with a line dataset = NAME")
        names = [each.name for each in self.vary]
        if twice := {name for name in names if names.count(name) > 1} | (set(names) & set(self.axes)):
            raise ValueError(
                f"each knob must be varied once, with all its values, but {', '.join(sorted(twice))} is twice"
            )
        if self.one_at_a_time and not self.vary:
            raise ValueError("--one-at-a-time must have something to change: give --vary NAME=VALUE[,VALUE...]")
        check_searcher(self.searcher, self.search)
        check_scheduler(self.scheduler, self.search)
        object.__setattr__(self, "vary_in_repeats", in_order(self.vary_in_repeats))
        check_redraws(
            sources=self.vary_in_repeats,
            components=self.variance_components,
            folds=self.folds,
            split=self.split,
            hold_out=self.hold_out,
        )

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

    @property
    def pack_size(self) -> int:
        return self.pack

    @property
    def given(self) -> Mapping[str, Any]:
        values = dict(self.file.values) if self.file else {}
        if "vary_in_repeats" in values:
            values["vary_in_repeats"] = in_order(values["vary_in_repeats"])
        return values

    @property
    def given_axes(self) -> Mapping[str, tuple[Any, ...]]:
        return self.file.axes if self.file else {}
