"""The published sets at their full size, as CSV files: every row is read, and split with Table II's own counts."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trainables.data.catalogue import DATASETS
from trainables.data.readers import chestxray8, chexpert, retina
from trainables.data.splits import counts_for, split_patients

pytestmark = pytest.mark.slow

NUM_PATIENTS = {"retina": 17_563, "chexpert": 64_740, "chestxray8": 4_230}  # Table I; of the sample, its own table


def spread(num_images: int, num_patients: int) -> np.ndarray:
    """The patient of each image; some have many, most one or two."""
    rng = np.random.default_rng(0)
    weights = rng.pareto(1.5, size=num_patients) + 0.1
    more = rng.choice(num_patients, size=num_images - num_patients, p=weights / weights.sum())
    return np.sort(np.concatenate([np.arange(num_patients), more]))


def write_retina(root: Path) -> None:
    names = [f"{patient}_{side}" for patient in range(17_563) for side in ("left", "right")]
    levels = np.random.default_rng(0).choice(5, size=len(names), p=[0.735, 0.070, 0.151, 0.025, 0.019])
    pd.DataFrame({"image": names, "level": levels}).to_csv(root / "trainLabels.csv", index=False)


def write_chexpert(root: Path) -> None:
    rng = np.random.default_rng(0)
    patients = spread(223_648, 64_740)
    valid = np.zeros(len(patients), bool)
    valid[-234:] = True
    views = pd.Series(patients).groupby(patients).cumcount() + 1
    folder = np.where(valid, "valid", "train")
    paths = [
        f"CheXpert-v1.0/{part}/patient{patient + 1:05d}/study1/view{view}_frontal.jpg"
        for part, patient, view in zip(folder, patients, views, strict=True)
    ]
    table = pd.DataFrame({"Path": paths, "Sex": "Female", "Age": 60, "Frontal/Lateral": "Frontal", "AP/PA": "AP"})
    for label in chexpert.LABELS:
        table[label] = rng.choice(["1.0", "0.0", "-1.0", ""], size=len(table), p=[0.15, 0.1, 0.05, 0.7])
    table[~valid].to_csv(root / "train.csv", index=False)
    table[valid].to_csv(root / "valid.csv", index=False)


def write_chestxray8(root: Path) -> None:
    rng = np.random.default_rng(0)
    patients = spread(5_606, 4_230)
    visits = pd.Series(patients).groupby(patients).cumcount()
    table = pd.DataFrame(
        {
            "Image Index": [f"{p + 1:08d}_{v:03d}.png" for p, v in zip(patients, visits, strict=True)],
            "Finding Labels": rng.choice([*chestxray8.LABELS, "Mass|Nodule", "Edema|Effusion"], size=len(patients)),
            "Patient ID": patients + 1,
            "Patient Age": "060Y",
            "Patient Gender": "F",
            "View Position": "PA",
        }
    )
    table.to_csv(root / "sample_labels.csv", index=False)


WRITERS: dict[str, Callable[[Path], None]] = {
    "retina": write_retina,
    "chexpert": write_chexpert,
    "chestxray8": write_chestxray8,
}
READ = {"retina": retina.read, "chexpert": chexpert.read, "chestxray8": chestxray8.read}


@pytest.mark.parametrize("dataset", list(WRITERS))
def test_the_full_set_is_split_with_the_papers_counts(tmp_path: Path, dataset: str) -> None:
    WRITERS[dataset](tmp_path)
    started_s = time.perf_counter()
    rows = READ[dataset](tmp_path).rows
    split = split_patients(rows, counts_for(dataset, len(rows)), seed=0)
    assert time.perf_counter() - started_s < 30
    assert len(rows) == sum(DATASETS[dataset].split_counts.values())
    assert rows["patient"].nunique() == NUM_PATIENTS[dataset]
    assert dict(zip(*np.unique(split, return_counts=True), strict=True)) == DATASETS[dataset].split_counts
    assert (pd.Series(split).groupby(rows["patient"].to_numpy()).nunique() == 1).all()
