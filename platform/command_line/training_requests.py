"""The requests to train: a sweep, or a teacher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from platform.command_line.image_requests import HoldOutRequest, ImagesRequest, ResultsRequest
from platform.command_line.option import IMAGES, MACHINES, option, switch
from platform.command_line.values import plain_name, positive_int, share, web_address
from trainables.energy import WATTS_PER_CORE
from trainables.knob import AXIS, RUN, SETUP, TRAINING, TUNED
from trainables.models.stages import HEAD

USUAL_ARCHITECTURE = "densenet121"


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
    HAS_TEACHERS: ClassVar[bool] = True  # whether its trainings may learn from a teacher
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
    watts_per_core: float = option(
        "power of a busy CPU core, from which the energy of trials on the CPU is estimated",
        default=WATTS_PER_CORE,
        heading=MACHINES,
        environment="TRANSFER_WATTS_PER_CORE",
        parse=share,
        metavar="W",
    )
    step_timeout: int | None = option(
        "seconds after which a worker whose step hangs is ended, so that its trial goes on from its last epoch; a step "
        "that takes 100 times the usual is named in any case",
        default=None,
        default_in_words="never",
        heading=MACHINES,
        parse=positive_int,
        metavar="SECONDS",
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
    def pack_size(self) -> int:
        """How many trials of one cell a worker trains together."""
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
    HAS_TEACHERS = False
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

    # A network that is trained further: learning rates for weights that are good already. The paper's own for all of
    # them (section V.A), and Adam's (Kingma and Ba 2015) for a head on frozen features.
    FINE_TUNING_RATE: ClassVar[float] = 5e-5
    PROBE_RATE: ClassVar[float] = 1e-3

    architecture: str | None = option(
        "the teacher's network",
        default=None,
        default_in_words=f"{USUAL_ARCHITECTURE}, or that of --from",
        heading=TRAINING,
        metavar="NAME",
    )
    origin: str | None = option(
        "a teacher at hand, with or without outputs, that is trained further: its network, weights and input size are "
        f"taken, its outputs are drawn anew, and the learning rate is {FINE_TUNING_RATE:g} on real images",
        default=None,
        flag="--from",
        heading=TRAINING,
        metavar="NAME",
    )
    head_only: bool = switch(
        "train the classifier alone, on frozen features (a linear probe), at a learning rate of "
        f"{PROBE_RATE:g}; the same as --unfreeze head",
        heading=TRAINING,
    )
    name: str | None = option(
        "the teacher's name",
        default=None,
        default_in_words="the data set's; with --from NAME, NAME-DATASET, or NAME-DATASET-probe",
        heading=MACHINES,
        parse=plain_name,
        metavar="NAME",
    )
    cpus_per_trial: float | None = option(
        "CPUs of the training", default=None, default_in_words="all", heading=MACHINES, parse=share, metavar="N"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        depth, init = self.knobs.get("unfreeze", HEAD), self.knobs.get("init", self.origin)
        if self.head_only and depth != HEAD:
            raise ValueError(f"--head-only trains the head alone, but got --unfreeze {depth}: leave out one of the two")
        if self.origin and init != self.origin:
            raise ValueError(
                f"--from gives the first weights, so --init must be {self.origin} or absent, but got --init {init}: "
                "leave out one of the two"
            )

    @property
    def teacher_name(self) -> str:
        """What the trained teacher is called."""
        further = f"{self.origin}-{self.dataset}{'-probe' * self.is_probe}"
        return self.name or (further if self.origin else self.dataset)

    @property
    def is_probe(self) -> bool:
        """Whether the head alone is trained."""
        return self.head_only or self.knobs.get("unfreeze") == HEAD

    @property
    def values(self) -> Mapping[str, Any]:
        """The values of knobs: those that are typed, those that follow from other options, and else the recipe's."""
        usual = dict(self.RECIPE if self.data else self.PHANTOM_RECIPE)
        if self.is_probe:
            usual |= {"learning_rate": self.PROBE_RATE, "unfreeze": HEAD}
        elif self.origin and self.data:
            usual["learning_rate"] = self.FINE_TUNING_RATE
        if self.origin:
            usual["init"] = self.origin
        return {**usual, **self.knobs}
