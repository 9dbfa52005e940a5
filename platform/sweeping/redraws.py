"""What the repeats of a cell's best configuration draw anew, and the repeats that follow from it.

Bouthillier et al. 2021 (arXiv:2103.03098): a difference between two methods is to be judged by the variance of all that
is drawn, of which the seed of the training is only a part. The default is the paper's: the seed, on one split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from trainables.cell import ITSELF
from trainables.config import TrialConfig

FOLD = "fold"  # what is drawn anew from one fold of a cross-validation to the next


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """One training of a configuration that was chosen."""

    number: int  # from 1, among the repeats that draw the same sources anew
    drawn: str  # the sources drawn anew, such as "seed+split"; "fold" in a cross-validation
    config: TrialConfig
    is_component: bool = False  # whether it draws a single one of several sources


@dataclass(frozen=True, kw_only=True)
class Redraws:
    """What the repeats of a sweep draw anew.

    Args:
        sources: some of `trainables.config.SOURCES`. A source that is not among them keeps the search's value; but the
            order of the images and the first weights of new layers are drawn with the seed, unless they are sources
            themselves.
        components: whether, for each of several sources, as many repeats follow that draw this source alone.
    """

    sources: tuple[str, ...] = ("seed",)
    components: bool = False

    @property
    def word(self) -> str:
        """The sources as one word: ``seed+split``."""
        return "+".join(self.sources)

    @property
    def apart(self) -> tuple[str, ...]:
        """What is usually drawn with the seed, but is a source of its own here."""
        return tuple(source for source in ("order", "init") if source in self.sources and "seed" in self.sources)

    @property
    def splits(self) -> bool:
        """Whether splits are drawn anew."""
        return "split" in self.sources

    def tags(self, num_folds: int) -> dict[str, str]:
        """The tags of the sweep's own run that say what a repeat draws anew; those of folds draw a fold."""
        return {
            "vary_in_repeats": self.word,
            "variance_components": str(self.components).lower(),
            "num_folds": str(num_folds),
        }

    def of(self, best: TrialConfig, num_repeats: int) -> list[Repeat]:
        """The repeats of a configuration: those that draw all sources anew, then those of each source alone.

        A teacher that is scored as it is depends on the images alone: it is scored once on each split.

        Args:
            best: the configuration, as the search trained it.
            num_repeats: how often all sources are drawn anew.
        """
        is_fixed = best.method == ITSELF
        whole = FOLD if best.fold else self.word
        numbers = range(1, 1 + (min(num_repeats, 1) if is_fixed and not self.splits else num_repeats))
        repeats = [self._repeat(best, number, self.sources, whole) for number in numbers]
        if self.components and len(self.sources) > 1 and not is_fixed:
            alone = [self._repeat(best, number, (source,), source) for source in self.sources for number in numbers]
            repeats += [replace(repeat, is_component=True) for repeat in alone]
        return repeats

    def num_repeats(self, num_requested: int, *, is_fixed: bool) -> int:
        """How many repeats `of` gives; `is_fixed`: of a teacher that is scored as it is."""
        if is_fixed:
            return num_requested if self.splits else min(num_requested, 1)
        return num_requested * (1 + (len(self.sources) if self.components and len(self.sources) > 1 else 0))

    def _repeat(self, best: TrialConfig, number: int, sources: Sequence[str], drawn: str) -> Repeat:
        """One repeat with another draw of `sources`: the one of that number, which is the same in every cell."""
        anew = best.seed + number
        values: dict[str, Any] = {}
        if "seed" in sources:
            values["seed"] = anew
        if "split" in sources:
            values["split_draw"] = number
        for source, field in (("order", "order_seed"), ("init", "init_seed")):
            if source in sources:
                values[field] = anew
            elif source in self.apart:
                values[field] = best.seed
        return Repeat(number=number, drawn=drawn, config=replace(best, phase="confirm", **values))


def in_fold(fold: int) -> str:
    """What stands behind the name of a study that searches one fold of a cross-validation: `` fold 2``."""
    return f" {FOLD} {fold}" if fold else ""


def in_words(drawn: str) -> str:
    """``seed and split`` for ``seed+split``."""
    *first, last = drawn.split("+")
    return f"{', '.join(first)} and {last}" if first else last


def lines(redraws: Redraws, num_folds: int, num_repeats: int) -> list[str]:
    """What differs from the paper's repeats, for the person who starts the sweep; [] where nothing does."""
    said = []
    if num_folds:
        said.append(f"cross-validation: {num_folds} folds by patient, each searched and confirmed by itself")
    if redraws.sources != Redraws.sources:
        said.append(f"each repeat draws anew: {in_words(redraws.word)}")
    if redraws.components and len(redraws.sources) > 1:
        said.append(f"then {num_repeats} repeats for each of them alone, for the components of variance")
    return said
