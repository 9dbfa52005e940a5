"""What decides a trial's result: every knob of one training, checked when it is made.

Two trials with equal `TrialConfig`, equal data and equal teacher are the same trial. `TrialSpec.key` names a trial by
the hash of exactly that, so that the same command run twice finds its own finished work again.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from trainables.cell import ITSELF as ITSELF  # a trial's roles are those of its cell
from trainables.cell import NO_STUDENT as NO_STUDENT
from trainables.cell import NO_TEACHER as NO_TEACHER
from trainables.cell import UNCERTAINTY_POLICIES as UNCERTAINTY_POLICIES
from trainables.cell import Cell

# Raised by one whenever a change of the code changes a trial's numbers: runs of two recipes are never put in one row.
RECIPE_VERSION = 2

BETA_MIN, BETA_MAX = 1.0, 2000.0  # Akbarian et al. 2020, section V.A: grid search "from 1 to 2000"
PRECISIONS = ("float32", "bfloat16")
INTERPOLATIONS = ("nearest", "bilinear")
BETA_CONVENTION = "L = CE + L_AT / beta (Akbarian et al. 2020, Eq. 2): a small beta is much attention"
LATER_KNOBS: dict[str, object] = {"knobs": (), "precision": "float32", "interpolation": "nearest", "compiled": False}
PHASES = ("pretrain", "search", "confirm")
AVERAGE_RULES = ("frequent", "defined")  # which labels an AUC is averaged over: trainables.data.averaging
SELECTION_METRICS = {  # what can choose the best epoch and configuration, by task; higher is better
    "multiclass": ("auc", "f1_weighted", "accuracy", "kappa"),
    "multilabel": ("auc", "accuracy"),
}


@dataclass(frozen=True, kw_only=True)
class TrialConfig:
    """One training of one student. Defaults are the paper's (section V.A) wherever the paper states a number.

    Raises:
        ValueError: a field breaks its rule; the message says the rule and the value.
    """

    dataset: str
    method: str = "attention"  # a name in trainables.transfer.METHODS, "transfer" or "itself"
    teacher: str = NO_TEACHER  # a name, or several as "a+b": an ensemble; "none" for plain transfer learning
    student: str = "densenet121"  # a name in trainables.models.architectures.ARCHITECTURES
    unfreeze: str = "all"  # "all", or "last34": the last 34 layers (2.7m parameters of DenseNet-121)
    beta: float | None = None  # Eq. 2; only where there is a teacher
    data_fraction: float = 1.0  # of the training patients; smaller fractions lie within larger ones
    learning_rate: float = 5e-5  # Adam's, in the first epoch
    weight_decay: float = 0.0  # Adam's L2 term; the paper names none
    lr_halving_epochs: int = 16
    max_epochs: int = 128
    batch_size: int = 32
    image_size_px: int = 256
    rotation_deg: float = 15.0  # each training view is turned by a uniform angle in [-rotation_deg, +rotation_deg]
    interpolation: str = "nearest"  # of that turn: torchvision's default, which the paper does not change
    flip: bool = True  # each training view is mirrored left to right with probability 1/2
    init: str = (
        "imagenet"  # where the student's first weights come from: "random", or a teacher's name; "none": no student
    )
    uncertainty: str = "zeros"  # what an uncertain X-ray label counts as; "zeros" is the paper's
    knobs: tuple[tuple[str, float], ...] = ()  # the method's own, by name, in alphabetical order
    precision: str = "float32"  # of the student's layers; weights, losses, metrics and teachers are float32 always
    average_labels: str = "frequent"  # the rule by which labels are averaged; "defined" is the paper's
    selection_metric: str = "auc"  # the validation metric that chooses the best epoch
    compiled: bool = False  # whether `torch.compile` writes the student's step: other last bits
    seed: int = 0
    phase: str = "search"  # "search" sees the validation set only; "confirm" opens the test set, once

    def __post_init__(self) -> None:
        self._check_numbers()
        _require(self.phase in PHASES, f"phase must be one of {', '.join(PHASES)}", self.phase)
        _require(
            self.uncertainty in UNCERTAINTY_POLICIES,
            f"uncertainty must be one of {', '.join(UNCERTAINTY_POLICIES)}",
            self.uncertainty,
        )
        _require(self.precision in PRECISIONS, f"precision must be one of {', '.join(PRECISIONS)}", self.precision)
        _require(
            self.interpolation in INTERPOLATIONS,
            f"interpolation must be one of {', '.join(INTERPOLATIONS)}",
            self.interpolation,
        )
        _require(
            self.average_labels in AVERAGE_RULES,
            f"average_labels must be one of {', '.join(AVERAGE_RULES)}",
            self.average_labels,
        )
        metrics = SELECTION_METRICS["multiclass"]  # those of labels are among them
        _require(
            self.selection_metric in metrics,
            f"selection_metric must be one of {', '.join(metrics)}",
            self.selection_metric,
        )
        several = list(members(self.teacher))
        _require(several == sorted(set(several)), "teachers must be in alphabetical order, each once", self.teacher)
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

    def _check_numbers(self) -> None:
        for name in ("lr_halving_epochs", "max_epochs", "batch_size"):
            _require(getattr(self, name) >= 1, f"{name} >= 1 must hold", getattr(self, name), name)
        _require(self.seed >= 0, "seed >= 0 must hold", self.seed, "seed")
        _require(0 < self.data_fraction <= 1, "0 < data_fraction <= 1 must hold", self.data_fraction, "data_fraction")
        _require(0 < self.learning_rate < math.inf, "learning_rate > 0 must hold", self.learning_rate, "learning_rate")
        _require(0 <= self.weight_decay < math.inf, "weight_decay >= 0 must hold", self.weight_decay, "weight_decay")
        _require(0 <= self.rotation_deg <= 180, "0 <= rotation_deg <= 180 must hold", self.rotation_deg, "rotation_deg")
        if self.image_size_px < 32 or self.image_size_px % 32:
            raise ValueError(f"image_size_px must be a multiple of 32, but got image_size_px={self.image_size_px}")
        if self.beta is not None:
            check_beta(self.method, self.beta)

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
    def cell(self) -> str:
        """The name of the cell that this trial belongs to, for example ``attention/mimic-cxr/densenet40/all@0.25``."""
        return Cell(**{each.name: getattr(self, each.name) for each in fields(Cell)}).name


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
        for name, value in LATER_KNOBS.items():  # where they are not used, a trial is named as before there were any
            if getattr(self.config, name) == value:
                del facts["config"][name]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


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
