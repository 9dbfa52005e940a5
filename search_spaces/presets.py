"""How long and how large: the paper's own setup, and a quick one for two CPU cores and a few minutes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from search_spaces.space import Space
from trainables.knob import Range


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Sizes and lengths of a sweep; each is a flag of its own as well.

    Args:
        num_trials: configurations that are tried for each cell.
        num_repeats: trainings of each cell's best configuration.
        knobs: values that differ from the defaults of `trainables.config.TrialConfig`, by name.
        tuned: ranges that differ from those of the data set's search space, by name.
    """

    num_trials: int
    num_repeats: int
    knobs: Mapping[str, Any] = field(default_factory=dict)
    tuned: Mapping[str, Range] = field(default_factory=dict)

    def fitted(self, space: Space) -> Space:
        """`space` with this preset's ranges: a few epochs on a few hundred images need larger steps."""
        return replace(space, tuned={**space.tuned, **self.tuned})


PRESETS = {
    # Akbarian et al. 2020, section V.A; the number of trials is ours: as many as the beta grid has points.
    "paper": Preset(num_trials=12, num_repeats=3),
    "quick": Preset(
        num_trials=2,
        num_repeats=3,
        # Batches of a quarter of the paper's size: four times the steps per epoch, and batch norm's statistics need
        # some dozens.
        knobs={"image_size_px": 64, "max_epochs": 2, "batch_size": 8},
        tuned={"learning_rate": Range(low=2e-4, high=2e-3, first=5e-4, log=True)},
    ),
}
