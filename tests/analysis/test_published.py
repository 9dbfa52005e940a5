"""The carried numbers against the paper's own text."""

from __future__ import annotations

import pytest

from analysis import published


def test_headline_numbers_of_the_text() -> None:
    # Section VI.1 and VI.2 name these in the running text.
    frame = published.results().set_index(["dataset", "metric", "method", "teacher", "student", "unfreeze"])
    named = {
        ("CheXpert-5k", "auc", "attention", "mimic-cxr", "densenet121", "all"): (76.6, 0.03),
        ("ChestX-ray8-5.6k", "auc", "attention", "mimic-cxr", "densenet121", "all"): (80.45, 0.38),
        ("Retina", "auc", "attention", "imagenet", "densenet40", "all"): (85.04, 0.28),
        ("Retina", "f1_weighted", "attention", "imagenet", "densenet40", "all"): (78.01, 0.55),
    }
    for key, numbers in named.items():
        assert tuple(frame.loc[key, ["mean", "half_width"]]) == numbers


def test_shapes() -> None:
    assert len(published.datasets()) == 4
    assert len(published.splits()) == 5
    assert len(published.betas()) == 20
    assert published.results().groupby(["table", "metric"]).size().to_dict() == {
        ("IV", "auc"): 14,
        ("V", "auc"): 7,
        ("V", "f1_weighted"): 7,
    }
    assert len(published.cells()) == 7
    assert published.results()["unfreeze"].notna().all()


def test_splits_sum_to_the_data_sets() -> None:
    totals = published.splits().set_index("dataset")[["train", "validation", "test"]].sum(axis=1)
    images = published.datasets().set_index("dataset")["images"]
    assert totals["CheXpert-220k"] == images["CheXpert"]
    assert totals["Retina"] == images["Retina"]
    assert totals["ChestX-ray8-5.6k"] == 5606


@pytest.mark.parametrize(
    ("dataset", "fraction", "name"),
    [
        ("retina", 1.0, "Retina"),
        ("retina", 0.25, "Retina @0.25"),
        ("chexpert", 1.0, "CheXpert-220k"),
        ("chexpert", 5000 / 178352, "CheXpert-5k"),
        ("chexpert", 0.28, "CheXpert-50k"),
        ("chexpert", 0.5, "CheXpert @0.5"),
        ("chestxray8", 1.0, "ChestX-ray8-5.6k"),
        ("covid", 1.0, "covid"),
    ],
)
def test_row_name(dataset: str, fraction: float, name: str) -> None:
    assert published.row_name(dataset, fraction) == name
