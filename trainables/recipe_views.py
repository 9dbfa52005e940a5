"""The recipe's second half: what a training view is made of its image.

Every field of `ViewRecipe` decides a view, and so a teacher's answer to it: the knowledge cache is keyed by all of them
(`trainables.job`), and a new one is in that key as soon as it is declared here.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainables.knob import SETUP, knob
from trainables.recipe_learning import PAPER

INTERPOLATIONS = ("nearest", "bilinear")


@dataclass(frozen=True, kw_only=True)
class ViewRecipe:
    """The knobs of a view; `trainables.data.augment` makes views by them."""

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
        help="interpolation of the rotated or cropped training views; nearest is torchvision's default for rotations, "
        "which the paper keeps",
    )
    flip: bool = knob(
        True, role=SETUP, flag="--flip", help="mirror half of the training views left to right", source=PAPER
    )
    crop_scale_min: float = knob(
        1.0,
        role=SETUP,
        flag="--crop-scale-min",
        metavar="F",
        low=0.05,
        high=1,
        help="training views are random crops, of at least this share of the image's area and with sides of 3:4 to "
        "4:3, enlarged to the image's size; 1 means the whole image",
        source="Szegedy et al. 2015",
    )
    brightness: float = knob(
        0.0,
        role=SETUP,
        flag="--brightness",
        metavar="X",
        low=0,
        high=1,
        help="the brightness of training views is multiplied by a random number between 1 - X and 1 + X",
        source="Howard 2013",
    )
    contrast: float = knob(
        0.0,
        role=SETUP,
        flag="--contrast",
        metavar="X",
        low=0,
        high=1,
        help="the contrast of training views is multiplied by a random number between 1 - X and 1 + X",
        source="Howard 2013",
    )
    mixup_alpha: float = knob(
        0.0,
        role=SETUP,
        flag="--mixup-alpha",
        metavar="X",
        low=0,
        high=10,
        help="training views, and their labels, are mixed with those of another training image by a share from "
        "Beta(X, X), such as 0.2; a teacher sees the same mixed views; 0 means no mixing",
        source="Zhang et al. 2018; Beyer et al. 2022",
    )
