"""Retina: Diabetic Retinopathy Detection (EyePACS), Kaggle 2015, the training set.

35,126 colour fundus photographs of 17,563 patients, a left and a right eye each, graded by a clinician: 0 no diabetic
retinopathy, 1 mild, 2 moderate, 3 severe, 4 proliferative. Layout of the download:

    trainLabels.csv            columns image (10_left), level (0 to 4)
    train/10_left.jpeg

The patient is the number before ``_left`` or ``_right``. Split (Table II of Akbarian et al. 2020): 21,126 training,
7,000 validation and 7,000 test images, ours drawn by patient.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from trainables.data import csv_table
from trainables.data.csv_table import first
from trainables.data.dataset import Dataset, Published
from trainables.data.listing import ROW_COLUMNS, Listing, check_paths, class_labels, nothing_left_out

GRADES = ("No DR", "Mild", "Moderate", "Severe", "Proliferative DR")
LAYOUT = "the Kaggle download: trainLabels.csv (image, level) and train/<patient>_<left or right>.jpeg"


def read(root: Path) -> Listing:
    """The listing of the photographs under `root`.

    Raises:
        FileNotFoundError: there is no such folder, or no trainLabels.csv in it.
        ValueError: a column, a grade or a name is not as the release has it.
    """
    table_path = root / "trainLabels.csv"
    table = csv_table.read(table_path, ("image", "level"), LAYOUT)
    grades = table["level"].str.removesuffix(".0")  # as a table is saved that had empty grades once
    wrong = ~grades.isin([str(grade) for grade in range(len(GRADES))])
    if wrong.any():
        at, where = first(table, wrong, table_path)
        raise ValueError(
            f"a grade must be one of 0 to 4, but {where} has level={table['level'].iloc[at]!r} "
            f"for {table['image'].iloc[at]!r}"
        )
    paths = "train/" + table["image"] + ".jpeg"
    check_paths(paths, root, table_path)
    eyes = _eyes(table, table_path)
    rows = pd.DataFrame(
        {
            "path": paths,
            "patient": eyes["patient"],
            "view": eyes["view"],
            "sex": "",
            "age_years": float("nan"),
            "official_split": "",
            "labels": class_labels(grades.astype(int)),
        }
    )
    return Listing(
        dataset=DATASET.name,
        root=root,
        task=DATASET.task,
        label_names=DATASET.label_names,
        channels=DATASET.channels,
        rows=rows[list(ROW_COLUMNS)].reset_index(drop=True),
        left_out=nothing_left_out(),
    )


def _eyes(table: pd.DataFrame, table_path: Path) -> pd.DataFrame:
    """The patient and the view (left, right) in each image's name."""
    eyes = table["image"].str.extract(r"^(?P<patient>[^/]+)_(?P<view>left|right)$")
    wrong = eyes["patient"].isna()
    if wrong.any():
        at, where = first(table, wrong, table_path)
        raise ValueError(
            f"an image must be named <patient>_<left or right>, but {where} has {table['image'].iloc[at]!r}"
        )
    return eyes


DATASET = Dataset(
    name="retina",
    title="Retina",
    source="Diabetic Retinopathy Detection, EyePACS and Kaggle 2015",
    task="multiclass",
    selection_metric="f1_weighted",  # section V.A and Table V
    label_names=GRADES,
    read=read,
    no_finding="No DR",
    referable_from="Moderate",  # as in Gulshan et al., JAMA 316 (2016); there, macular oedema is referable as well
    folders=("retina",),
    published=Published(
        labeling="manual",
        views="left/right eyes",
        num_images=35_126,
        num_patients=17_563,
        split_counts={"train": 21_126, "validation": 7_000, "test": 7_000},
        training_sets={"Retina": 21_126},
        results_table=5,
    ),
    shares_patients_with=("eyepacs",),  # which took the photographs
    patient_in_path=r"(?:^|/)(\d+)_(?:left|right)\.(?:jpe?g|png)$",
)
