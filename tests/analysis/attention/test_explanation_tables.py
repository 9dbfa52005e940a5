"""What the notes below the tables of `analysis.attention_maps` say of the tests that were made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.attention import association, pointing
from analysis.attention.explanation_tables import association_table, pointing_table, sentences
from analysis.reading.trials import Runs

CELL = "attention/imagenet/densenet40/all"


@pytest.fixture
def nothing() -> Runs:
    none = pd.DataFrame({"tags.data": []})
    return Runs(dataset="chestxray8", tracking_uri="", trials=none, sweeps=none, left_out=none)


def associated(*p_values: float) -> pd.DataFrame:
    facts: dict[str, Any] = dict.fromkeys(association.COLUMNS, np.nan)
    facts |= {
        "subject": CELL,
        "label": "Mass",
        "measure": "total",
        "num_positives": 11,
        "num_images": 88,
        "phantom": "",
    }
    return pd.DataFrame([{**facts, "p_value": p, "p_holm": p} for p in p_values])


def pointed(*p_values: float) -> pd.DataFrame:
    facts: dict[str, Any] = dict.fromkeys(pointing.COLUMNS, 0.5)
    facts |= {"subject": CELL, "map": "attention", "label": pointing.ALL, "hits": 1, "num_images": 2, "phantom": ""}
    return pd.DataFrame([{**facts, "p_value": p, "p_holm": p} for p in p_values])


@pytest.mark.parametrize(
    ("p_values", "said"),
    [
        ([0.1, 0.2, np.nan], "Holm's correction for the 2 tests of this table"),
        ([0.1, np.nan], "the only test, so not corrected"),
        ([np.nan], "no test could be made"),
    ],
)
def test_the_note_on_the_correction_says_how_many_tests_there_were(
    p_values: list[float], said: str, nothing: Runs
) -> None:
    for table in (association_table(associated(*p_values), nothing), pointing_table(pointed(*p_values), nothing)):
        (note,) = [note for note in table.notes if note.startswith("p: ")]
        assert said in note and "for the 0" not in note
        assert ("none can be below" in note) == (table.name == "attention_and_labels" and said[0] != "n")


def test_a_cell_is_called_by_its_title_with_its_name_beside_it(nothing: Runs) -> None:
    (field, *_) = association_table(associated(0.1), nothing).body[0]
    assert (field.title, field.text) == ("Attention transfer, ImageNet teacher, DenseNet-40", CELL)
    (line,) = sentences(pointed(0.5))
    assert line.startswith("Attention transfer, ImageNet teacher, DenseNet-40, attention: points into a box in 1 of 2")
