"""What decides a trial's result: every knob of one training, checked when it is made.

Two trials with equal `TrialConfig`, equal data and equal teacher are the same trial. `TrialSpec.key` names a trial by
the hash of exactly that, so that the same command run twice finds its own finished work again.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from trainables.cell import ITSELF as ITSELF  # a trial's roles are those of its cell
from trainables.cell import NO_STUDENT as NO_STUDENT
from trainables.cell import NO_TEACHER as NO_TEACHER
from trainables.cell import UNCERTAINTY_POLICIES as UNCERTAINTY_POLICIES
from trainables.cell import Cell
from trainables.knob import AXIS, LENGTH, QUESTION, RUN, SETUP, TUNED, Range, knob, knobs

# Raised by one whenever a change of the code changes a trial's numbers: runs of two recipes are never put in one row.
RECIPE_VERSION = 2

BETA_MIN, BETA_MAX = 1.0, 2000.0  # Akbarian et al. 2020, section V.A: grid search "from 1 to 2000"
PRECISIONS = ("float32", "bfloat16")
INTERPOLATIONS = ("nearest", "bilinear")
BETA_CONVENTION = "L = CE + L_AT / beta (Akbarian et al. 2020, Eq. 2): a small beta is much attention"
PHASES = ("pretrain", "search", "confirm")
AVERAGE_RULES = ("frequent", "defined")  # which labels an AUC is averaged over: trainables.data.averaging
SELECTION_METRICS = {  # what can choose the best epoch and configuration, by task; higher is better
    "multiclass": ("auc", "f1_weighted", "accuracy", "kappa"),
    "multilabel": ("auc", "accuracy"),
}
PAPER = "Akbarian et al. 2020, section V.A"


@dataclass(frozen=True, kw_only=True)
class TrialConfig:
    """One training of one student. Defaults are the paper's (section V.A) wherever the paper states a number.

    Raises:
        ValueError: a field breaks its rule; the message says the rule and the value.
    """

    dataset: str = knob(role=SETUP, help="the data set's name")
    method: str = knob(
        "attention",
        role=AXIS,
        help='the method of transfer; "transfer" is none, and "itself" scores the teacher as it is',
    )
    teacher: str = knob(
        NO_TEACHER, role=AXIS, help='the teacher\'s name; an ensemble is "a+b", and "none" is no teacher'
    )
    student: str = knob("densenet121", role=AXIS, help="the student's architecture")
    unfreeze: str = knob(
        "all", role=AXIS, help='the layers that are trained: "all", or "last34" (2.7m parameters of DenseNet-121)'
    )
    data_fraction: float = knob(
        1.0,
        role=AXIS,
        flag="--fraction",
        plural="--fractions",
        heading=QUESTION,
        metavar="F",
        low=0,
        above_low=True,
        high=1,
        help="part of the training patients; smaller parts lie within larger ones",
        default_in_words="1, and the paper's others with --preset paper",
        source="section V.A and Table IV",
    )
    learning_rate: float = knob(
        5e-5,
        role=TUNED,
        flag="--learning-rate",
        metavar="X",
        low=0,
        above_low=True,
        help="Adam's learning rate in the first epoch",
        search=Range(low=1e-5, high=1e-3, first=5e-5, log=True),  # ours; the paper's lies inside
        source=PAPER,
    )
    weight_decay: float = knob(
        0.0,
        role=TUNED,
        flag="--weight-decay",
        metavar="X",
        low=0,
        help="Adam's L2 term; the paper names none",
        # Ours. On a logarithmic scale the smallest is as good as none, and the first.
        search=Range(low=1e-6, high=1e-2, first=1e-6, log=True, fixed=0.0),
    )
    beta: float | None = knob(
        None, role=TUNED, help="divides the transfer loss; only where there is a teacher", source="Eq. 2"
    )
    lr_halving_epochs: int = knob(
        16,
        role=SETUP,
        flag="--lr-halving",
        metavar="N",
        low=1,
        help="epochs after which the learning rate is halved, again and again",
        source=PAPER,
    )
    max_epochs: int = knob(
        128,
        role=SETUP,
        flag="--epochs",
        heading=LENGTH,
        metavar="N",
        low=1,
        help="epochs of the longest training",
        default_in_words="the preset's",
        source=PAPER,
    )
    batch_size: int = knob(
        32,
        role=SETUP,
        flag="--batch-size",
        metavar="N",
        low=1,
        help="images per step",
        default_in_words="the preset's",
        source=PAPER,
    )
    image_size_px: int = knob(
        256,
        role=SETUP,
        flag="--image-size",
        metavar="PX",
        low=32,
        multiple_of=32,
        help="width and height of the images, a multiple of 32",
        default_in_words="the preset's",
        source=PAPER,
    )
    rotation_deg: float = knob(
        15.0,
        role=SETUP,
        flag="--rotation",
        metavar="DEG",
        low=0,
        high=180,
        help="training views are turned by a uniform angle of at most this many degrees, either way",
        source=PAPER,
    )
    interpolation: str = knob(
        "nearest",
        role=SETUP,
        flag="--interpolation",
        choices=INTERPOLATIONS,
        help="interpolation of the rotated training views; nearest is torchvision's default, which the paper keeps",
    )
    flip: bool = knob(
        True, role=SETUP, flag="--flip", help="mirror half of the training views left to right", source=PAPER
    )
    init: str = knob(
        "imagenet",
        role=AXIS,
        flag="--init",
        heading=QUESTION,
        metavar="NAME",
        help="the student's first weights: a teacher's name, or random",
        source=PAPER,
    )
    uncertainty: str = knob(
        "zeros",
        role=AXIS,
        flag="--uncertainty",
        heading=QUESTION,
        choices=UNCERTAINTY_POLICIES,
        help="what an uncertain label of a chest X-ray counts as; zeros is the paper's policy",
    )
    knobs: tuple[tuple[str, float], ...] = knob(
        (), role=TUNED, help="numbers of the method's own, by name, in alphabetical order"
    )
    precision: str = knob(
        "float32",
        role=SETUP,
        flag="--precision",
        choices=PRECISIONS,
        help="precision of the student's layers (weights, losses, metrics and teachers stay in float32); "
        "bfloat16 is faster on a GPU",
    )
    average_labels: str = knob(
        "frequent",
        role=SETUP,
        flag="--average-labels",
        heading=QUESTION,
        choices=AVERAGE_RULES,
        help="the labels whose mean is the AUC: frequent, those with ten positives and ten negatives in validation; "
        "defined, all that have both classes, as in the paper",
    )
    selection_metric: str = knob(
        "auc",
        role=SETUP,
        flag="--selection-metric",
        heading=QUESTION,
        choices=SELECTION_METRICS["multiclass"],  # those of labels are among them
        help="the validation score that chooses epoch and configuration; multilabel sets have auc and accuracy",
        default_in_words="the data set's own",
    )
    compiled: bool = knob(
        False,
        role=SETUP,
        flag="--compile",
        help="train with torch.compile (on a GPU with CUDA graphs): faster, with other last bits",
    )
    seed: int = knob(
        0, role=RUN, flag="--seed", heading=QUESTION, metavar="N", low=0, help="seed of everything that is drawn"
    )
    phase: str = knob(
        "search",
        role=RUN,
        choices=PHASES,
        help='"search" sees the validation set only; "confirm" opens the test set, once',
    )

    def __post_init__(self) -> None:
        for each in knobs(type(self)):
            value = getattr(self, each.name)
            if each.type is float and isinstance(value, int):  # 1 and 1.0 are one trial, with one key
                object.__setattr__(self, each.name, float(value))
            each.check(value)
        if self.beta is not None:
            check_beta(self.method, self.beta)
        teachers = list(members(self.teacher))
        _require(teachers == sorted(set(teachers)), "teachers must be in alphabetical order, each once", self.teacher)
        names = [name for name, _ in self.knobs]
        _require(names == sorted(set(names)), "knobs must be in alphabetical order, each once", names, "knobs")
        self._check_roles()

    def _check_roles(self) -> None:
        if self.method == ITSELF:
            if self.teacher == NO_TEACHER or self.student != NO_STUDENT or self.beta is not None:
                raise ValueError(
                    f"{ITSELF} must have a teacher, no student and no beta, "
                    f"but got teacher={self.teacher!r}, student={self.student!r}, beta={self.beta}"
                )
        elif (self.beta is None) != (self.teacher == NO_TEACHER):
            raise ValueError(
                "beta must be given exactly where there is a teacher, "
                f"but got beta={self.beta} with teacher={self.teacher!r}"
            )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrialConfig:
        """The inverse of `dataclasses.asdict`.

        Raises:
            ValueError: a key is not a field.
        """
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise ValueError(f"a trial's configuration has no field {', '.join(unknown)}")
        if "knobs" in values:  # JSON knows no tuples
            values = {**values, "knobs": tuple((str(name), float(value)) for name, value in values["knobs"])}
        return cls(**values)

    @property
    def num_reports(self) -> int:
        """How often the trial reports: once an epoch, or once where nothing is trained."""
        return 1 if self.method == ITSELF else self.max_epochs

    @property
    def cell(self) -> Cell:
        """The cell that this trial belongs to."""
        axes = {each.name: getattr(self, each.name) for each in knobs(type(self), AXIS)}
        own = {name: axes.pop(name) for name in Cell.OWN_AXES}
        return Cell(**own, varied=departures(axes, type(self)))


@dataclass(frozen=True, kw_only=True)
class TrialSpec:
    """A configuration together with the fingerprints of what it runs on; `key` is the trial's name in the ledger."""

    config: TrialConfig
    data_fingerprint: str
    split_fingerprint: str
    teacher_fingerprint: str = NO_TEACHER
    init_fingerprint: str = "random"

    @property
    def key(self) -> str:
        """16 hexadecimal digits of the SHA-256 over all that decides the trial's result."""
        facts = {"recipe": RECIPE_VERSION, **asdict(self)}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def departures(values: Mapping[str, Any], config: type[TrialConfig] = TrialConfig) -> tuple[tuple[str, Any], ...]:
    """Those of `values` that are not the defaults of their knobs, by name, in alphabetical order."""
    defaults = {each.name: each.default for each in knobs(config)}
    return tuple(sorted((name, value) for name, value in values.items() if value != defaults[name]))


def members(teacher: str) -> tuple[str, ...]:
    """The names of the teachers in ``a+b``, or the one of ``a``; none of ``none``."""
    return () if teacher == NO_TEACHER else tuple(teacher.split("+"))


def check_beta(method: str, beta: float) -> None:
    """beta's range: the paper's for attention transfer; other methods' losses have other scales.

    Raises:
        ValueError: beta is outside.
    """
    if method == "attention" and not BETA_MIN <= beta <= BETA_MAX:
        raise ValueError(f"{BETA_MIN:g} <= beta <= {BETA_MAX:g} must hold, but got beta={beta}")
    if not 0 < beta < math.inf:
        raise ValueError(f"beta > 0 must hold, but got beta={beta}")


def _require(holds: bool, rule: str, value: object, name: str = "") -> None:
    if not holds:
        raise ValueError(f"{rule}, but got {f'{name}=' if name else ''}{value!r}")
