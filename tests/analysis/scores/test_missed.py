"""What underdiagnosis is on each kind of data set, image by image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from analysis.reading.predictions import Predictions
from analysis.scores.missed import (
    ANY,
    NO_FINDING,
    UNDERDIAGNOSIS,
    Measures,
    counted,
    definition_of,
    events,
    measures_of,
)
from analysis.scores.operating_points import REFERABLE, decided


def made(
    labels: Sequence[str], scores: Sequence[Sequence[float]], positives: Sequence[Sequence[int]], grades: bool = False
) -> Predictions:
    """One image per row; -1 is a label that is not scored."""
    codes = np.array(positives)
    num_images = len(codes)
    images = pd.DataFrame(
        {"image": [f"i{n}" for n in range(num_images)], "patient": [f"p{n}" for n in range(num_images)]}
    )
    return Predictions(
        label_names=tuple(labels),
        probabilities_NL=np.array(scores, dtype=np.float32),
        positive_NL=codes == 1,
        known_NL=codes != -1,
        averaged_L=np.ones(len(labels), dtype=bool),
        is_multiclass=grades,
        images=images.assign(view="", sex="", age_years=np.nan),
    )


def at(
    predictions: Predictions, thresholds: Sequence[float]
) -> tuple[Measures, dict[str, list[bool]], dict[str, list[bool]]]:
    """The measures, and by measure which images are counted, and which of them have the event."""
    limits = np.array(thresholds)
    measures = measures_of(predictions, limits[None])
    counted_KN = counted(predictions, measures)
    both = (counted_KN, counted_KN & events(predictions, measures, limits))
    first, second = (dict(zip(measures.names, each.tolist(), strict=True)) for each in both)
    return measures, first, second


def test_a_false_positive_of_no_finding_is_underdiagnosed() -> None:
    xrays = made(
        ["Edema", "No_Finding"],
        [[0.9, 0.8], [0.1, 0.2], [0.2, 0.7], [0.4, 0.9], [0.6, 0.9]],
        [[1, 0], [1, 0], [0, 1], [0, 0], [-1, -1]],
    )
    measures, counts, found = at(xrays, [0.5, 0.8])
    assert measures.definition.kind == NO_FINDING and measures.names == (UNDERDIAGNOSIS, "Edema")
    assert counts[UNDERDIAGNOSIS] == [True, True, False, True, False]  # with a finding, and known
    assert found[UNDERDIAGNOSIS] == [True, False, False, True, False]  # at the threshold counts as above it
    assert counts["Edema"] == [True, True, False, False, False]
    assert found["Edema"] == [True, False, False, False, False]


def test_without_such_a_label_an_image_is_missed_where_no_label_is_raised() -> None:
    own = made(["Mass", "Cyst"], [[0.9, 0.1], [0.1, 0.9], [0.1, 0.2], [0.9, 0.9]], [[1, 0], [1, 0], [1, 1], [0, 0]])
    measures, counts, found = at(own, [0.5, 0.5])
    assert measures.definition.kind == ANY
    assert counts[UNDERDIAGNOSIS] == [True, True, True, False]
    assert found[UNDERDIAGNOSIS] == [False, False, True, False]  # the second is sent on, though for the wrong reason


def test_of_one_label_the_sensitivity_says_nothing_more() -> None:
    measures, _, found = at(made(["Mass"], [[0.9], [0.1]], [[1], [1]]), [0.5])
    assert measures.names == (UNDERDIAGNOSIS,) and found[UNDERDIAGNOSIS] == [False, True]


def test_a_missed_referral() -> None:
    names = ["No_DR", "Mild", "Moderate", "Severe", "Proliferative_DR"]
    scores = [[0.1, 0.1, 0.3, 0.3, 0.2], [0.5, 0.1, 0.2, 0.1, 0.1], [0.2, 0.7, 0.1, 0.0, 0.0]]
    eyes = decided(made(names, scores, np.eye(5, dtype=int)[[2, 4, 1]].tolist(), grades=True), "retina")
    measures, counts, found = at(eyes, [0.5])
    assert measures.definition.kind == REFERABLE and measures.names == (UNDERDIAGNOSIS,)
    assert counts[UNDERDIAGNOSIS] == [True, True, False] and found[UNDERDIAGNOSIS] == [False, True, False]


def test_classes_that_nobody_explains_have_no_underdiagnosis() -> None:
    tumours = made(["benign", "malignant"], [[0.9, 0.1], [0.3, 0.7]], [[1, 0], [0, 1]], grades=True)
    measures, _, found = at(tumours, [0.5, 0.8])
    assert measures.definition.kind == "" and measures.names == ("benign", "malignant")
    assert found == {"benign": [True, False], "malignant": [False, False]}
    assert "no underdiagnosis to count" in measures.definition.sentence


@pytest.mark.parametrize("missing", [0, 1], ids=["a finding", "no finding"])
def test_a_label_without_a_threshold_in_some_repeat_is_left_out(missing: int) -> None:
    xrays = made(["Edema", "No_Finding"], [[0.9, 0.8]], [[1, 0]])
    thresholds = np.full((3, 2), 0.5)
    thresholds[1, missing] = np.nan
    measures = measures_of(xrays, thresholds)
    assert measures.names == ((UNDERDIAGNOSIS,), ("Edema",))[missing]
    assert measures.lacking == ((("Edema", "No_Finding")[missing]) + " (in 2 of 3 repeats)",)


def test_a_definition_is_in_words_for_each_kind() -> None:
    for labels, word in ((["Edema", "No_Finding"], "false positive of No_Finding"), (["Edema"], "positive label")):
        assert word in definition_of(made(labels, [[0.1] * len(labels)], [[0] * len(labels)])).sentence
