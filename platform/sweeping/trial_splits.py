"""Which images train, validate and test each trial of a sweep, as the worker will split them, each computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from trainables.config import TrialConfig
from trainables.data.resplit import split_for
from trainables.data.store import Store


@dataclass(frozen=True, kw_only=True)
class TrialSplits:
    """The splits of a sweep's trials.

    Args:
        stores: the prepared images, by their size in pixels.
        base: what all trials share.
        num_draws: how many splits the repeats draw anew.
    """

    stores: Mapping[int, Store]
    base: TrialConfig
    num_draws: int = 0
    _known: dict[tuple[int, int, int, int], Store] = field(default_factory=dict, init=False, repr=False)

    def of(self, config: TrialConfig) -> Store:
        """The images as a trial of that configuration splits them."""
        which = (config.image_size_px, config.split_draw, config.num_folds, config.fold)
        if which not in self._known:
            self._known[which] = split_for(self.stores[config.image_size_px], config)
        return self._known[which]

    @property
    def first(self) -> Store:
        """The split that the search, or the search of the first fold, is on."""
        return self.of(replace(self.base, fold=min(self.base.num_folds, 1)))

    @property
    def all(self) -> list[Store]:
        """Every split of the images of the sweep's own size: those of the search, then those of the repeats."""
        if self.base.num_folds:
            return [self.of(replace(self.base, fold=fold)) for fold in range(1, 1 + self.base.num_folds)]
        return [self.of(replace(self.base, split_draw=draw)) for draw in range(1 + self.num_draws)]
