"""The recipe: how a student is trained, whatever is asked of it; the paper's section V.A where it states a number.

`trainables.config.TrialConfig` is a recipe and a question: which student, which teacher, which images.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainables.knob import LENGTH, SETUP, TUNED, Range, knob

PRECISIONS = ("float32", "bfloat16")
INTERPOLATIONS = ("nearest", "bilinear")
PAPER = "Akbarian et al. 2020, section V.A"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The knobs of a student's training: optimizer, schedule, views and arithmetic."""

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
    lr_halving_epochs: int = knob(
        16,
        role=SETUP,
        flag="--lr-halving",
        metavar="N",
        low=1,
        help="the learning rate is halved every N epochs",
        source=PAPER,
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
        help="training views are rotated by a random angle of up to DEG degrees, in either direction",
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
    precision: str = knob(
        "float32",
        role=SETUP,
        flag="--precision",
        choices=PRECISIONS,
        help="precision of the student's layers (weights, losses, metrics and teachers stay in float32); "
        "bfloat16 is faster on a GPU",
    )
    compiled: bool = knob(
        False,
        role=SETUP,
        flag="--compile",
        help="train with torch.compile (on a GPU with CUDA graphs): faster, but the last bits of numbers differ",
    )
