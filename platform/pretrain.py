"""Train a teacher on a prepared data set (CheXclusion's recipe), as a Ray trial in MLflow; the same command goes on.

Without --data the images are phantoms, and the teacher is marked as one.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from platform.arguments import (
    hold_out_option,
    image_size,
    local_option,
    plain_name,
    positive_int,
    results_option,
    say_errors,
    score_options,
    share,
    split_options,
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a teacher is trained."""

    image_size_px: int
    num_epochs: int
    batch_size: int
    learning_rate: float


# Seyyed-Kalantari et al. 2021 (CheXclusion): up to 64 epochs of DenseNet-121 from ImageNet's weights.
CHEXCLUSION = Recipe(image_size_px=256, num_epochs=64, batch_size=48, learning_rate=5e-4)
QUICK = Recipe(image_size_px=64, num_epochs=4, batch_size=16, learning_rate=1e-3)  # a phantom's


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m platform.pretrain", description=(__doc__ or "").splitlines()[0])
    made.add_argument("dataset", type=plain_name, help="mimic-cxr, or any data set that the teacher is to learn from")
    made.add_argument("--name", type=plain_name, help="of the teacher; default: the data set's")
    made.add_argument("--data", type=Path, metavar="DIR", help="holds the real images; without it they are phantoms")
    made.add_argument("--init", default="imagenet", metavar="NAME", help="first weights, or random (default: imagenet)")
    made.add_argument(
        "--architecture", default="densenet121", metavar="NAME", help="default: densenet121, the recipe's"
    )
    made.add_argument("--epochs", type=positive_int, metavar="N", help="default: 64, or 4 on phantoms")
    made.add_argument("--batch-size", type=positive_int, metavar="N", help="default: 48, or 16 on phantoms")
    made.add_argument(
        "--learning-rate", type=share, metavar="X", help="Adam's first; default: 5e-4, or 1e-3 on phantoms"
    )
    made.add_argument("--image-size", type=image_size, metavar="PX", help="default: 256, or 64 on phantoms")
    made.add_argument(
        "--phantom-size", type=positive_int, metavar="N", help="images of the phantom (of eyes: patients)"
    )
    made.add_argument("--uncertainty", choices=("zeros", "ones", "ignore"), default="zeros", help="default: zeros")
    hold_out_option(made)
    score_options(made)
    made.add_argument("--seed", type=int, default=0, help="default: 0")
    results_option(made)
    local_option(made)
    made.add_argument("--teachers", choices=("real", "phantom"), help="phantom first weights for real images")
    made.add_argument(
        "--imagenet-weights", type=Path, metavar="FILE", help="DenseNet-121's file, or a folder of torchvision's"
    )
    split_options(made)
    made.add_argument("--skip-unreadable", action="store_true", help="leave images out that cannot be read")
    made.add_argument("--cpus-per-trial", type=share, metavar="N", help="default: all")
    made.add_argument("--gpus-per-trial", type=share, metavar="F", help="default: 1 where there is a GPU, else 0")
    made.add_argument("--verbose", action="store_true", help="also what Ray says")
    return made


def recipe_of(options: argparse.Namespace) -> Recipe:
    """The recipe that the flags ask for."""
    base = CHEXCLUSION if options.data else QUICK
    return Recipe(
        image_size_px=options.image_size or base.image_size_px,
        num_epochs=options.epochs or base.num_epochs,
        batch_size=options.batch_size or base.batch_size,
        learning_rate=options.learning_rate or base.learning_rate,
    )


def main(arguments: list[str] | None = None) -> int:
    """Trains the teacher; 0 when it is there, else what is left is gone on with by the same command."""
    made = parser()
    options = made.parse_args(arguments)
    with say_errors(made):
        from platform.conduct_pretraining import conduct_pretraining  # torch and Ray: not before the flags are right

        return conduct_pretraining(options, recipe_of(options))


if __name__ == "__main__":
    sys.exit(main())
