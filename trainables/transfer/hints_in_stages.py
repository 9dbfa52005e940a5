"""FitNets as the original trains them (Romero et al., ICLR 2015, section 2.3): first the hint alone, then the labels.

    L = beta-scaled hint during the first stage, CE after it

`trainables.transfer.hints` has the loss of the first stage and the shapes. The original's second stage is distillation;
here it learns from the labels, so that a row of the tables differs from `hints` in the order alone. Epochs without
labels (`unlabelled_epochs`) count as part of the first stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from trainables.knob import Range
from trainables.transfer.hints import Hints


class HintsInStages(Hints):
    """`first_stage` is its share of the epochs; early stopping compares trials of this method with each other only."""

    name = "hints-in-stages"
    title = "Hints in stages"
    reference = "Romero et al., FitNets, ICLR 2015, section 2.3 and Eq. 3"
    formula = "L = 1/2 mean || u_T - r(v_S) ||^2 / beta in the first stage, CE in the second"
    knobs: ClassVar[Mapping[str, Range]] = {"first_stage": Range(low=0.1, high=0.5, first=0.25)}

    def weights(self, share: float) -> tuple[float, float]:
        """The hint alone, then the labels alone."""
        return (0.0, 1.0) if share < self.knob["first_stage"] else (1.0, 0.0)
