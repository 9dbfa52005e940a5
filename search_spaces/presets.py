"""How long and how large: the paper's own set-up, and a quick one for two CPU cores and five minutes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from optuna.distributions import FloatDistribution

from search_spaces.space import Space


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Sizes and lengths of a sweep; each is a flag of its own as well."""

    image_size_px: int
    max_epochs: int
    num_trials: int  # a cell
    num_repeats: int  # of each cell's best configuration
    batch_size: int = 32
    learning_rate: FloatDistribution | None = None  # None: the data set's own range
    first_learning_rate: float | None = None

    def fitted(self, space: Space) -> Space:
        """`space` with this preset's learning rates: a few epochs on a few hundred images need larger steps."""
        if self.learning_rate is None or self.first_learning_rate is None:
            return space
        first = {**space.first_point, "learning_rate": self.first_learning_rate}
        grid = {**space.grid, "learning_rate": (self.first_learning_rate,)}
        return replace(space, learning_rate=self.learning_rate, first_point=first, grid=grid)


PRESETS = {
    # Akbarian et al. 2020, section V.A; the number of trials is ours: as many as the beta grid has points.
    "paper": Preset(image_size_px=256, max_epochs=128, num_trials=12, num_repeats=3),
    "quick": Preset(
        image_size_px=64,
        max_epochs=2,
        num_trials=2,
        num_repeats=3,
        batch_size=8,  # four times the steps per epoch: batch norm's statistics need some dozens
        learning_rate=FloatDistribution(2e-4, 2e-3, log=True),
        first_learning_rate=5e-4,
    ),
}
