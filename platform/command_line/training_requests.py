"""The requests to train: a sweep, or a teacher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from platform.command_line.image_requests import HoldOutRequest, ImagesRequest, ResultsRequest
from platform.command_line.option import IMAGES, MACHINES, option, switch
from platform.command_line.values import plain_name, share, web_address
from trainables.knob import AXIS, RUN, SETUP, TRAINING, TUNED


@dataclass(frozen=True, kw_only=True)
class TrainingRequest(HoldOutRequest, ImagesRequest, ResultsRequest):
    """What a sweep and a pre-training have in common.

    Args:
        knobs: the typed values of knobs of `trainables.config.TrialConfig`, by name.
        axes: of a sweep, the typed values of each axis, by name.
    """

    COMMAND: ClassVar[str]
    ROLES: ClassVar[tuple[str, ...]]  # of the knobs that are options
    TAKES_SEVERAL: ClassVar[bool]  # whether an axis takes several values
    RECIPE: ClassVar[Mapping[str, Any]] = {}  # values of knobs that are not typed, on real images
    PHANTOM_RECIPE: ClassVar[Mapping[str, Any]] = {}  # the same on phantoms

    dataset: str = option(
        "a data set's name, or the name of a prepared data set of your own",
        flag=None,
        parse=plain_name,
        metavar="DATASET",
    )
    teachers: str | None = option(
        "kind of teachers; with real images, phantom teachers are used only on request",
        default=None,
        default_in_words="as the images are",
        heading=IMAGES,
        choices=("real", "phantom"),
    )
    imagenet_weights: Path | None = option(
        "ImageNet weights: DenseNet-121's file, or a folder of files, such as resnet50.a1_in1k.safetensors",
        default=None,
        heading=IMAGES,
        parse=Path,
        metavar="FILE",
    )
    local: Path | None = option(
        "folder on each machine's own disk, for copies of the images and the cache",
        default=None,
        heading=MACHINES,
        environment="TRANSFER_LOCAL",
        parse=Path,
        metavar="DIR",
    )
    cpus_per_trial: float | None = option(
        "CPUs per trial", default=1.0, default_in_words="1", heading=MACHINES, parse=share, metavar="N"
    )
    gpus_per_trial: float | None = option(
        "GPUs per trial",
        default=None,
        default_in_words="1 where there is a GPU, else 0",
        heading=MACHINES,
        parse=share,
        metavar="F",
    )
    notify_url: str | None = option(
        "address that gets a message when the command ends, such as a Slack or Mattermost webhook",
        default=None,
        heading=MACHINES,
        environment="TRANSFER_NOTIFY_URL",
        parse=web_address,
        metavar="URL",
        is_secret=True,
    )
    verbose: bool = switch("also print what Ray prints", heading=MACHINES)
    knobs: Mapping[str, Any] = field(default_factory=dict)
    axes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.local:  # a path that means the same in every process
            object.__setattr__(self, "local", self.local.expanduser().absolute())

    @property
    def num_slots(self) -> int | None:
        """How many trials run at once; None for as many as fit."""
        return 1

    @property
    def given(self) -> Mapping[str, Any]:
        """What need not be typed: the values of fields and knobs that a file has set, by name."""
        return {}

    @property
    def given_axes(self) -> Mapping[str, tuple[Any, ...]]:
        """The axes that need not be typed, by name."""
        return {}


@dataclass(frozen=True, kw_only=True)
class PretrainRequest(TrainingRequest):
    """The training of one teacher."""

    COMMAND = "platform.pretrain"
    ROLES = (AXIS, TUNED, SETUP, RUN)
    TAKES_SEVERAL = False
    # Seyyed-Kalantari et al. 2021 (CheXclusion): up to 64 epochs of DenseNet-121 from ImageNet's weights.
    RECIPE: ClassVar[Mapping[str, Any]] = {
        "image_size_px": 256,
        "max_epochs": 64,
        "batch_size": 48,
        "learning_rate": 5e-4,
        "selection_metric": "auc",
    }
    PHANTOM_RECIPE: ClassVar[Mapping[str, Any]] = {
        **RECIPE,
        "image_size_px": 64,
        "max_epochs": 4,
        "batch_size": 16,
        "learning_rate": 1e-3,
    }

    architecture: str = option("the teacher's network", default="densenet121", heading=TRAINING, metavar="NAME")
    name: str | None = option(
        "the teacher's name",
        default=None,
        default_in_words="the data set's",
        heading=MACHINES,
        parse=plain_name,
        metavar="NAME",
    )
    cpus_per_trial: float | None = option(
        "CPUs of the training", default=None, default_in_words="all", heading=MACHINES, parse=share, metavar="N"
    )
