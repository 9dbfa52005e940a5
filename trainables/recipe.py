"""The recipe: how a student is trained, whatever is asked of it; the paper's section V.A where it states a number.

`trainables.config.TrialConfig` is a recipe and a question: which student, which teacher, which images.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainables.knob import SETUP, knob
from trainables.recipe_learning import PAPER, LearningRecipe
from trainables.recipe_views import ViewRecipe

PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True, kw_only=True)
class Recipe(ViewRecipe, LearningRecipe):
    """The knobs of a student's training: those of its steps, of its views, and of size and arithmetic."""

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
    precision: str = knob(
        "float32",
        role=SETUP,
        flag="--precision",
        choices=PRECISIONS,
        help="precision of the student's layers (weights, losses, metrics and teachers stay in float32); "
        "bfloat16 is faster on a GPU, and on a CPU with units for it (AMX)",
    )
    compiled: bool = knob(
        False,
        role=SETUP,
        flag="--compile",
        help="train with torch.compile (on a GPU with CUDA graphs): faster, but the last bits of numbers differ",
    )
