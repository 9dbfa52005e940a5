"""The draws of cells whose repeats may be tested on different parts of the images: splits drawn anew, or folds.

Shapes: B draws, N test images of a part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.reading.predictions import Predictions, in_parts
from analysis.reading.repeats import is_fold
from analysis.scores.comparisons import Draws, draws_of, weights_of


def drawn(
    cells: Iterable[tuple[str, list[Predictions]]],
) -> Iterator[tuple[str, list[Predictions], Draws | None]]:
    """Each cell with its predictions and draws; None where one of its parts has other images than in an earlier cell.

    Within a part, all cells share the draws of patients: their differences are paired.
    """
    weights: dict[str, NDArray[np.float32]] = {}
    images: dict[str, pd.Series] = {}
    for cell, repeats in cells:
        for part, (first, *_) in in_parts(repeats).items():
            if part not in weights:
                weights[part], images[part] = weights_of(first), first.images["image"]
        is_same = all(repeat.images["image"].equals(images[repeat.test_part]) for repeat in repeats)
        yield cell, repeats, draws_over_parts(repeats, weights) if is_same else None


def draws_over_parts(repeats: Sequence[Predictions], weights: dict[str, NDArray[np.float32]]) -> Draws | None:
    """The draws of one cell; parts without an AUC are left out, and there are none where no part has one.

    Args:
        weights: of each part, the draws of its patients [B, N], as `weights_of` makes them.
    """
    by_part = {part: draws_of(of_part, weights[part]) for part, of_part in in_parts(repeats).items()}
    scored = {part: draws for part, draws in by_part.items() if draws is not None}
    if not scored:
        return None
    if list(by_part) == [""]:
        return scored[""]
    return joined_parts(scored, repeats[0].test_to_train)


def joined_parts(scored: dict[str, Draws], test_to_train: float) -> Draws:
    """The draws of a cell's parts as those of one cell.

    Args:
        test_to_train: images tested on, over those trained on, in each part.
    """
    counts = [draws.num_patients for draws in scored.values()]
    return Draws(
        points_S=np.concatenate([draws.points_S for draws in scored.values()]),
        draws_SB=np.concatenate([draws.draws_SB for draws in scored.values()]),
        num_patients=sum(counts) if is_fold(next(iter(scored))) else round(sum(counts) / len(counts)),
        parts_S=tuple(part for part, draws in scored.items() for _ in draws.points_S),
        test_to_train=test_to_train,
    )
