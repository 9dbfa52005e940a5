"""What decides a trial's result: every knob of one training, declared here and checked when a configuration is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from trainables.beta import check_beta, check_presence
from trainables.cell import ITSELF, NO_TEACHER, UNCERTAINTY_POLICIES, Cell, members
from trainables.init_names import check_init
from trainables.knob import AXIS, QUESTION, RUN, SETUP, TUNED, departures, knob, knobs
from trainables.recipe import Recipe
from trainables.recipe_learning import PAPER

PHASES = ("pretrain", "search", "confirm")
SOURCES = ("seed", "split", "order", "init")  # of variance: what a repeat may draw anew
MAX_FOLDS = 20
AVERAGE_RULES = ("frequent", "defined")  # which labels an AUC is averaged over: trainables.data.averaging
SELECTION_METRICS = {  # what can choose the best epoch and configuration, by task; higher is better
    "multiclass": ("auc", "f1_weighted", "accuracy", "kappa"),
    "multilabel": ("auc", "accuracy"),
}


@dataclass(frozen=True, kw_only=True)
class TrialConfig(Recipe):
    """One training of one student. Defaults are the paper's (section V.A) wherever the paper states a number.

    Raises:
        ValueError: a field breaks its rule; the message says the rule and the value.
    """

    dataset: str = knob(role=SETUP, help="the data set's name")
    method: str = knob(
        "attention",
        role=AXIS,
        help='the method of transfer; "transfer" means none, and "itself" scores the teacher as it is',
    )
    teacher: str = knob(
        NO_TEACHER, role=AXIS, help='the teacher\'s name; "a+b" means an ensemble, and "none" no teacher'
    )
    student: str = knob("densenet121", role=AXIS, help="the student's architecture")
    unfreeze: str = knob(
        "all",
        role=AXIS,
        flag="--unfreeze",
        heading=QUESTION,
        metavar="DEPTH",
        help="how deep the student is unfrozen: head (its classifier alone: a linear probe), then stage by stage "
        "(last34 and from-block3 of DenseNet-121, from-layer4 of a ResNet), to all; "
        "`python -m analysis.table_depths` lists the depths of every network",
        default_in_words="the paper's: all, and last34 of DenseNet-121 without a teacher",
        source="Tables IV and V",
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
        help="fraction of the training data; a smaller one is a part of any larger one",
        default_in_words="1, and the paper's others with --preset paper",
        source="section V.A and Table IV",
    )
    beta: float | None = knob(
        None, role=TUNED, help="divides the transfer loss; only where there is a teacher", source="Eq. 2"
    )
    init: str = knob(
        "imagenet",
        role=AXIS,
        flag="--init",
        heading=QUESTION,
        metavar="NAME",
        help="the student's first weights: a teacher's name; random; or matched-NAME, random ones with the mean and "
        "variance of each of that teacher's weights",
        source=f"{PAPER}; matched-NAME: Raghu et al. 2019",
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
        (), role=TUNED, help="the method's own numbers, by name, in alphabetical order"
    )
    average_labels: str = knob(
        "frequent",
        role=SETUP,
        flag="--average-labels",
        heading=QUESTION,
        choices=AVERAGE_RULES,
        help="the labels whose AUCs are averaged: frequent, those with ten positives and ten negatives in validation; "
        "defined, all that have both classes, as in the paper",
    )
    selection_metric: str = knob(
        "auc",
        role=SETUP,
        flag="--selection-metric",
        heading=QUESTION,
        choices=SELECTION_METRICS["multiclass"],  # those of labels are among them
        help="the validation score that chooses epoch and configuration; multilabel sets have only auc and accuracy",
        default_in_words="the data set's own",
    )
    seed: int = knob(0, role=RUN, flag="--seed", heading=QUESTION, metavar="N", low=0, help="seed of all random draws")
    order_seed: int | None = knob(None, role=RUN, low=0, help="seed of the order of the images; None for the seed")
    init_seed: int | None = knob(
        None,
        role=RUN,
        low=0,
        help="seed of the layers that no weights are loaded into, the method's own among them; None for the seed",
    )
    split_draw: int = knob(0, role=RUN, low=0, help="which of the splits drawn anew; 0 for the prepared one")
    num_folds: int = knob(0, role=RUN, low=0, high=MAX_FOLDS, help="folds of a cross-validation; 0 for none")
    fold: int = knob(0, role=RUN, low=0, help="the fold that is the test set, from 1; 0 for the split as it is")
    phase: str = knob(
        "search",
        role=RUN,
        choices=PHASES,
        help='"search" sees the validation set only; "confirm" opens the test set, once',
    )

    def __post_init__(self) -> None:
        for each in knobs(type(self)):
            value = each.typed(getattr(self, each.name))  # 1 and 1.0 are one trial, with one key
            object.__setattr__(self, each.name, value)
            each.check(value)
        self.check_learning()
        check_init(self.init)
        if self.beta is not None:
            check_beta(self.method, self.beta)
        _check_order("teachers", members(self.teacher), repr(self.teacher))
        names = [name for name, _ in self.knobs]
        _check_order("knobs", names, f"knobs={names!r}")
        check_presence(self.method, self.teacher, self.student, self.beta)
        self._check_split()

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

    def _check_split(self) -> None:
        if self.num_folds == 1 or self.fold > self.num_folds:
            raise ValueError(
                "a cross-validation has two folds or more, and fold <= num_folds must hold, but got "
                f"num_folds={self.num_folds}, fold={self.fold}"
            )
        if self.split_draw and self.num_folds:
            raise ValueError(
                "the folds of a cross-validation are its splits, so none is drawn anew, but got "
                f"split_draw={self.split_draw} with num_folds={self.num_folds}"
            )

    @property
    def seed_of_order(self) -> int:
        """Draws the order of the images."""
        return self.seed if self.order_seed is None else self.order_seed

    @property
    def seed_of_init(self) -> int:
        """Draws the layers that no weights are loaded into."""
        return self.seed if self.init_seed is None else self.init_seed

    @property
    def num_unlabelled(self) -> int:
        """How many epochs, the first ones, have no labels: none without a teacher, who is then all there is to learn
        from."""
        return 0 if self.teacher == NO_TEACHER or self.method == ITSELF else self.unlabelled_epochs

    @property
    def num_reports(self) -> int:
        """How often the trial reports: once per epoch, or once where nothing is trained."""
        return 1 if self.method == ITSELF else self.max_epochs

    @property
    def cell(self) -> Cell:
        """The cell of this configuration, in a sweep that varies axes alone; `TrialSpec.cell` knows of other knobs."""
        axes = {each.name: getattr(self, each.name) for each in knobs(type(self), AXIS)}
        own = {name: axes.pop(name) for name in Cell.OWN_AXES}
        return Cell(**own, varied=departures(axes, type(self)))


def _check_order(what: str, names: Sequence[str], typed: str) -> None:
    if list(names) != sorted(set(names)):
        raise ValueError(f"{what} must be in alphabetical order, each once, but got {typed}")
