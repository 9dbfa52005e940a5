"""Who is missed at the operating point: what underdiagnosis is on a data set, and what is decided image by image.

L. Seyyed-Kalantari et al. (Nature Medicine 27, 2021) call an image underdiagnosed that has a finding and is said to
have none. Not every data set has a label for that; `Definition` says what is counted instead.

Shapes: K measures, L labels or classes, N images, S repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.reading.predictions import Predictions
from analysis.scores.operating_points import REFERABLE
from trainables.data.catalogue import DATASETS
from trainables.metrics import metric_name

UNDERDIAGNOSIS = "underdiagnosis"
SENSITIVITY = "sensitivity"  # the mean over labels; that of one label is called by the label
NO_FINDING, ANY = "no finding", "any finding"


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What counts as underdiagnosis."""

    kind: str  # `NO_FINDING`, `REFERABLE` or `ANY`; "" where the data set has nothing to count
    label: str = ""  # the one label that decides, as predictions spell it; "" where several do

    @property
    def eligible(self) -> str:
        """Which images can be underdiagnosed, for the head of a column."""
        return "referable" if self.kind == REFERABLE else "with a finding"

    @property
    def sentence(self) -> str:
        """The definition in words."""
        if self.kind == NO_FINDING:
            return (
                f"Underdiagnosis is a false positive of {self.label}: the share of the images with a finding that are "
                "said to have none (Seyyed-Kalantari et al. 2021)."
            )
        if self.kind == REFERABLE:
            return (
                "Underdiagnosis is a missed referral: the share of the referable images that are not called referable; "
                "the sensitivity is what is left to 100%."
            )
        if self.kind == ANY:
            return (
                "The data set has no label for images without a finding, so that underdiagnosis is the share of the "
                "images with a positive label for which no label reaches its operating point."
            )
        return (
            "No class of this data set is known to mean that nothing was found, so that there is no underdiagnosis to "
            "count; the sensitivity of each class against all others is shown."
        )


def definition_of(predictions: Predictions) -> Definition:
    """What underdiagnosis is here.

    Args:
        predictions: as `analysis.scores.operating_points.decided` gives them.
    """
    nothing = {metric_name(record.no_finding) for record in DATASETS.values() if record.no_finding}
    if predictions.label_names == (REFERABLE,):
        return Definition(kind=REFERABLE, label=REFERABLE)
    label = next((name for name in predictions.label_names if name in nothing), "")
    if label:
        return Definition(kind=NO_FINDING, label=label)
    return Definition(kind="" if predictions.is_multiclass else ANY)


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What can be measured of a cell: labels whose threshold exists in every repeat, and what is made of them."""

    definition: Definition
    findings: tuple[str, ...]  # averaged labels with a threshold, without the one that means no finding
    names: tuple[str, ...]  # the K measures: `UNDERDIAGNOSIS`, where it is defined, and labels
    lacking: tuple[str, ...]  # labels without a threshold in some repeat, in words


def measures_of(predictions: Predictions, thresholds_SL: NDArray[np.float64]) -> Measures:
    """What these thresholds allow to be measured.

    Args:
        predictions: of any repeat.
        thresholds_SL: of each repeat; NaN where a label has none.
    """
    definition, names = definition_of(predictions), predictions.label_names
    num_defined_L = np.isfinite(thresholds_SL).sum(axis=0)
    has = {name: bool(num == len(thresholds_SL)) for name, num in zip(names, num_defined_L, strict=True)}
    averaged = [name for name, chosen in zip(names, predictions.averaged_L, strict=True) if chosen]
    wanted = [name for name in averaged if name != definition.label]
    findings = tuple(name for name in wanted if has[name])
    is_defined = has[definition.label] if definition.label else definition.kind == ANY and bool(findings)
    is_alone = definition.kind == ANY and len(findings) == 1  # then the sensitivity is what is left to 100%
    lacking = [
        f"{name} (in {num} of {len(thresholds_SL)} repeats)"
        for name, num in zip(names, num_defined_L, strict=True)
        if name in {*wanted, definition.label} and not has[name]
    ]
    return Measures(
        definition=definition,
        findings=findings,
        names=(*([UNDERDIAGNOSIS] if is_defined else []), *(() if is_alone else findings)),
        lacking=tuple(lacking),
    )


def counted(predictions: Predictions, measures: Measures) -> NDArray[np.bool_]:
    """The images that each measure counts, [K, N]: those that have the finding, or any."""
    present_NL, absent_NL = (
        predictions.known_NL & is_it for is_it in (predictions.positive_NL, ~predictions.positive_NL)
    )
    places = {name: place for place, name in enumerate(predictions.label_names)}
    rows = []
    for name in measures.names:
        if name != UNDERDIAGNOSIS:
            rows.append(present_NL[:, places[name]])
        elif measures.definition.kind == NO_FINDING:
            rows.append(absent_NL[:, places[measures.definition.label]])
        else:
            rows.append(np.asarray(present_NL[:, _deciding(places, measures)].any(axis=1)))
    return np.array(rows, dtype=bool).reshape(len(rows), len(predictions.images))


def events(predictions: Predictions, measures: Measures, threshold_L: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which images are underdiagnosed, or have a label that is found, [K, N]; only those that are `counted` matter."""
    alarm_NL = predictions.probabilities_NL >= threshold_L
    places = {name: place for place, name in enumerate(predictions.label_names)}
    rows = []
    for name in measures.names:
        if name != UNDERDIAGNOSIS:
            rows.append(alarm_NL[:, places[name]])
        elif measures.definition.kind == NO_FINDING:
            rows.append(alarm_NL[:, places[measures.definition.label]])
        else:
            rows.append(~np.asarray(alarm_NL[:, _deciding(places, measures)].any(axis=1)))
    return np.array(rows, dtype=bool).reshape(len(rows), len(predictions.images))


def _deciding(places: dict[str, int], measures: Measures) -> Sequence[int]:
    """The labels of which one must reach its threshold, so that an image is not missed."""
    label = measures.definition.label
    return [places[label]] if label else [places[name] for name in measures.findings]
