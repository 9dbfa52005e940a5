"""How many images of each subgroup a measure counts, and how many of these are underdiagnosed or found, in each repeat.

Shapes: B draws, G groups of a kind, K measures, N images, S repeats. The last group of a kind is all images whose group
is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.reading.predictions import Predictions, in_parts
from analysis.reading.repeats import is_fold
from analysis.scores import missed, operating_points
from analysis.scores.comparisons import weights_of
from analysis.scores.missed import Measures
from analysis.scores.subgroups import CROSS, CROSSED, KINDS, group_of, names_of
from analysis.stats.group_rates import count_draws, num_patients
from analysis.stats.thresholds import Rule

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class KindCounts:
    """The counts of one cell by the groups of one kind.

    Of folds, numbers of images and patients are those of all folds together; of splits drawn anew they are means, and
    `fewest_KG` is that of the split that has fewest.
    """

    kind: str
    groups: tuple[str, ...]  # without the last one
    images_G: Floats
    patients_G: Floats
    counted_KG: Floats  # images
    fewest_KG: Floats  # patients with such an image
    above_KGS: Floats
    below_KGS: Floats
    above_KGSB: Floats  # B = 0 where repeats are tested on several parts
    below_KGB: Floats
    validation_above_KG: Floats  # of all repeats together
    validation_below_KG: Floats
    validation_patients_KG: Floats


@dataclass(frozen=True, kw_only=True)
class CellCounts:
    """The counts of one cell, and what they are of."""

    cell: str
    measures: Measures
    kinds: tuple[KindCounts, ...]
    parts: tuple[str, ...]  # what each repeat was tested on
    test_to_train: float
    images: pd.Series  # those tested on by the first repeat

    @property
    def is_on_one_test_set(self) -> bool:
        """Whether all repeats were tested on the same images, so that there are draws."""
        return set(self.parts) == {""}


def counts_of_cells(
    tested: Mapping[str, Sequence[Predictions]],
    validated: Mapping[str, Sequence[Predictions]],
    dataset: str,
    rule: Rule,
) -> dict[str, CellCounts]:
    """The counts of each cell that has predictions of test and of validation images.

    Cells that were tested on the same images share their draws of patients.
    """
    cells: dict[str, CellCounts] = {}
    weights_BN, patients = np.zeros((0, 0), dtype=np.float32), None
    for cell, repeats in tested.items():
        of_validation = validated.get(cell, ())
        if not repeats or len(of_validation) != len(repeats):
            continue
        if patients is None or not np.array_equal(patients, repeats[0].patient_N):
            patients, weights_BN = repeats[0].patient_N, weights_of(repeats[0])
        cells[cell] = cell_counts(cell, (repeats, of_validation), dataset, rule, weights_BN)
    return cells


def cell_counts(
    cell: str, repeats: tuple[Sequence[Predictions], Sequence[Predictions]], dataset: str, rule: Rule,
    weights_BN: NDArray[np.float32],
) -> CellCounts:  # fmt: skip
    """Counts one cell's decisions at the thresholds that `rule` chooses on each repeat's validation images.

    Of a kind, two groups or more must be known, and of an intersection two of each of its kinds.

    Args:
        cell: its name.
        repeats: the predictions of test images and of validation images, in the same order of repeats.
        dataset: its name.
        rule: how a threshold is chosen.
        weights_BN: the draws of patients that all cells share.
    """
    tested, validated = ([operating_points.decided(each, dataset) for each in split] for split in repeats)
    thresholds_SL = operating_points.thresholds_SL(validated, rule)
    measures = missed.measures_of(tested[0], thresholds_SL)
    known = [kind for kind in KINDS if len(_groups(tested, kind)) > 1]
    crossed = [kind for kind in CROSSED if {*kind.split(CROSS)} <= {*known}]
    kinds = [_of_kind(kind, (tested, validated), measures, thresholds_SL, weights_BN) for kind in (*known, *crossed)]
    return CellCounts(
        cell=cell,
        measures=measures,
        kinds=tuple(kinds),
        parts=tuple(each.test_part for each in tested),
        test_to_train=tested[0].test_to_train,
        images=tested[0].images["image"],
    )


def _groups(repeats: Sequence[Predictions], kind: str) -> list[str]:
    return names_of(kind, *(group_of(of_part[0].images, kind) for of_part in in_parts(repeats).values()))


def _of_kind(
    kind: str,
    repeats: tuple[Sequence[Predictions], Sequence[Predictions]],
    measures: Measures,
    thresholds_SL: Floats,
    weights_BN: NDArray[np.float32],
) -> KindCounts:
    tested, validated = repeats
    groups = _groups(tested, kind)
    above, below = _sums(tested, kind, groups, measures, thresholds_SL)
    of_validation = _sums(validated, kind, groups, measures, thresholds_SL)
    parts = [of_part[0] for of_part in in_parts(tested).values()]
    members = [_members(part.images, kind, groups) for part in parts]
    counted = [_within(missed.counted(part, measures), of_part) for part, of_part in zip(parts, members, strict=True)]
    patients = [part.patient_N for part in parts]
    pool, fewest = (np.sum, np.sum) if is_fold(tested[0].test_part) else (np.mean, np.min)
    shape = (len(measures.names), len(groups) + 1)
    with_draws = len(parts) == 1 and not parts[0].test_part
    drawn = _draws(tested, members[0], measures, thresholds_SL, weights_BN) if with_draws else None
    return KindCounts(
        kind=kind,
        groups=tuple(groups),
        images_G=pool([of_part.sum(axis=1) for of_part in members], axis=0),
        patients_G=pool([num_patients(of_part, who) for of_part, who in zip(members, patients, strict=True)], axis=0),
        counted_KG=pool([rows.sum(axis=1) for rows in counted], axis=0).reshape(shape),
        fewest_KG=fewest(
            [num_patients(rows, who) for rows, who in zip(counted, patients, strict=True)], axis=0
        ).reshape(shape),
        above_KGS=above,
        below_KGS=below,
        above_KGSB=drawn[0] if drawn else np.zeros((*above.shape, 0)),
        below_KGB=drawn[1] if drawn else np.zeros((*shape, 0)),
        validation_above_KG=of_validation[0].sum(axis=2),
        validation_below_KG=of_validation[1].sum(axis=2),
        validation_patients_KG=_patients(validated[0], kind, groups, measures).reshape(shape).astype(np.float64),
    )


def _patients(predictions: Predictions, kind: str, groups: Sequence[str], measures: Measures) -> NDArray[np.int64]:
    """The patients that can be counted, [K x G]."""
    members_GN = _members(predictions.images, kind, groups)
    return num_patients(_within(missed.counted(predictions, measures), members_GN), predictions.patient_N)


def _sums(
    repeats: Sequence[Predictions], kind: str, groups: Sequence[str], measures: Measures, thresholds_SL: Floats
) -> tuple[Floats, Floats]:
    """The images with the event, and those that are counted, of each repeat, both [K, G, S]."""
    above, below = [], []
    for repeat, threshold_L in zip(repeats, thresholds_SL, strict=True):
        members_NG = _members(repeat.images, kind, groups).T.astype(np.float64)
        counted_KN = missed.counted(repeat, measures)
        above.append((counted_KN & missed.events(repeat, measures, threshold_L)) @ members_NG)
        below.append(counted_KN @ members_NG)
    return np.stack(above, axis=2), np.stack(below, axis=2)


def _draws(
    repeats: Sequence[Predictions],
    members_GN: Booleans,
    measures: Measures,
    thresholds_SL: Floats,
    weights_BN: NDArray[np.float32],
) -> tuple[Floats, Floats]:
    """The same in each draw: [K, G, S, B] and [K, G, B]. What is counted is the same in all repeats on one test set."""
    counted_KN = missed.counted(repeats[0], measures)
    shape = (len(counted_KN), len(members_GN), weights_BN.shape[0])
    above = [
        count_draws(_within(counted_KN & missed.events(repeat, measures, threshold_L), members_GN), weights_BN)
        for repeat, threshold_L in zip(repeats, thresholds_SL, strict=True)
    ]
    below_KGB = count_draws(_within(counted_KN, members_GN), weights_BN).reshape(shape)
    return np.stack([of_repeat.reshape(shape) for of_repeat in above], axis=2), below_KGB


def _within(chosen_KN: Booleans, members_GN: Booleans) -> Booleans:
    """The images of each set and group, [K x G, N]."""
    return np.asarray((chosen_KN[:, None, :] & members_GN[None]).reshape(-1, members_GN.shape[1]))


def _members(images: pd.DataFrame, kind: str, groups: Sequence[str]) -> Booleans:
    """Whether each image is in each group, and whether its group is known, [G, N]."""
    name_N = group_of(images, kind).to_numpy(dtype=object)
    known_N = name_N != ""
    return np.stack([*[name_N == group for group in groups], known_N])
