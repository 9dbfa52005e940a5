"""The recipe's first half: what a step minimises, how far it goes, and which weights are kept of it.

Every default is the paper's, whose section V.A names Adam, a halved learning rate and cross-entropy, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainables.knob import LENGTH, SETUP, TUNED, Range, knob

PAPER = "Akbarian et al. 2020, section V.A"
OPTIMIZERS = ("adam", "adamw")
SCHEDULES = ("halving", "cosine")
LOSSES = {"ce": "cross-entropy", "weighted": "class-weighted cross-entropy", "focal": "focal loss"}  # in words


@dataclass(frozen=True, kw_only=True)
class LearningRecipe:
    """The knobs of loss, optimizer, schedule and averaging."""

    learning_rate: float = knob(
        5e-5,
        role=TUNED,
        flag="--learning-rate",
        metavar="X",
        low=0,
        above_low=True,
        help="the optimizer's learning rate in the first epoch, or after the warm-up",
        search=Range(low=1e-5, high=1e-3, first=5e-5, log=True),  # ours; the paper's lies inside
        source=PAPER,
    )
    weight_decay: float = knob(
        0.0,
        role=TUNED,
        flag="--weight-decay",
        metavar="X",
        low=0,
        help="weight decay: an L2 term of the loss with Adam, decoupled from it with AdamW; the paper names none",
        # Ours. On a logarithmic scale the smallest is as good as none, and the first.
        search=Range(low=1e-6, high=1e-2, first=1e-6, log=True, fixed=0.0),
    )
    optimizer: str = knob(
        "adam",
        role=SETUP,
        flag="--optimizer",
        choices=OPTIMIZERS,
        help="the optimizer: adam, or adamw, which decays all weights (norms and biases too) by learning rate times "
        "weight decay",
        source=f"{PAPER}; AdamW: Loshchilov and Hutter 2019",
    )
    schedule: str = knob(
        "halving",
        role=SETUP,
        flag="--schedule",
        choices=SCHEDULES,
        help="how the learning rate falls, epoch by epoch: halving, every --lr-halving epochs; cosine, along half a "
        "cosine to the last epoch",
        source=f"{PAPER}; cosine: Loshchilov and Hutter 2017",
    )
    lr_halving_epochs: int = knob(
        16,
        role=SETUP,
        flag="--lr-halving",
        metavar="N",
        low=1,
        help="the learning rate is halved every N epochs",
        source=PAPER,
    )
    warmup_epochs: int = knob(
        0,
        role=SETUP,
        flag="--warmup-epochs",
        metavar="N",
        low=0,
        help="the learning rate rises in N equal steps, one per epoch, before the schedule begins",
        source="Goyal et al. 2017",
    )
    max_epochs: int = knob(
        128,
        role=SETUP,
        flag="--epochs",
        heading=LENGTH,
        metavar="N",
        low=1,
        help="the greatest number of epochs of a training",
        default_in_words="the preset's",
        source=PAPER,
    )
    unlabelled_epochs: int = knob(
        0,
        role=SETUP,
        flag="--unlabelled-epochs",
        heading=LENGTH,
        metavar="N",
        low=0,
        help="in the first N epochs a student learns from its teacher alone, on all training images and without their "
        "labels; without a teacher every epoch has labels",
        source="two stages as in FitNets: Romero et al. 2015, section 2.3",
    )
    loss: str = knob(
        "ce",
        role=SETUP,
        flag="--loss",
        choices=tuple(LOSSES),
        help="the loss on the labels: ce, cross-entropy; weighted, cross-entropy that gives rare labels as much weight "
        "as frequent ones; focal, cross-entropy that gives certain predictions little weight",
        source="weighted: Wang et al. 2017; focal: Lin et al. 2017",
    )
    focal_gamma: float = knob(
        2.0,
        role=SETUP,
        flag="--focal-gamma",
        metavar="X",
        low=0,
        high=10,
        help="exponent of the focal loss, which at 0 is cross-entropy",
        source="Lin et al. 2017",
    )
    label_smoothing: float = knob(
        0.0,
        role=SETUP,
        flag="--label-smoothing",
        metavar="X",
        low=0,
        high=0.5,
        help="share of each target that is spread evenly over all classes, or over yes and no of each label",
        source="Szegedy et al. 2016",
    )
    ema_decay: float = knob(
        0.0,
        role=SETUP,
        flag="--ema-decay",
        metavar="X",
        low=0,
        high=0.99999,
        help="share that the average of the weights keeps of itself at each step, such as 0.999; the average is what "
        "is scored and kept; 0 means that nothing is averaged",
        source="Polyak and Juditsky 1992; Tarvainen and Valpola 2017",
    )

    def check_learning(self) -> None:
        """Refuses knobs that contradict each other.

        Raises:
            ValueError: they do; the message says the rule, the values and what to do.
        """
        if self.loss != "focal" and self.focal_gamma != LearningRecipe.focal_gamma:
            raise ValueError(
                f"focal_gamma is the focal loss's, but got focal_gamma={self.focal_gamma:g} with loss={self.loss!r}: "
                "give --loss focal, or leave out --focal-gamma"
            )
        if self.schedule != "halving" and self.lr_halving_epochs != LearningRecipe.lr_halving_epochs:
            raise ValueError(
                f"lr_halving_epochs is the halving schedule's, but got lr_halving_epochs={self.lr_halving_epochs} with "
                f"schedule={self.schedule!r}: give --schedule halving, or leave out --lr-halving"
            )
        if self.warmup_epochs >= self.max_epochs:
            raise ValueError(
                "warmup_epochs < max_epochs must hold, or no epoch has the whole learning rate, but got "
                f"warmup_epochs={self.warmup_epochs} and max_epochs={self.max_epochs}: give fewer --warmup-epochs, or "
                "more --epochs"
            )
        if self.unlabelled_epochs >= self.max_epochs:
            raise ValueError(
                "unlabelled_epochs < max_epochs must hold, or no epoch has labels, but got "
                f"unlabelled_epochs={self.unlabelled_epochs} and max_epochs={self.max_epochs}: give fewer "
                "--unlabelled-epochs, or more --epochs"
            )
