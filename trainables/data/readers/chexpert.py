"""CheXpert: CheXpert-v1.0 and -small (Irvin et al., AAAI 2019), chest X-rays of Stanford Hospital, 2002 to 2017.

223,414 images of `train.csv`, labelled from the reports, and 234 of `valid.csv`, read by three radiologists: 223,648
images of 64,740 patients. 14 labels: 1.0 positive, 0.0 negative, -1.0 uncertain, empty not mentioned. Layout:

    CheXpert-v1.0-small/train.csv     Path, Sex, Age, Frontal/Lateral, AP/PA, the labels
    CheXpert-v1.0-small/valid.csv     may be absent, which is noted: then train.csv is all there is
    CheXpert-v1.0-small/test.csv      or test_labels.csv (Path, the labels): 668 images, read by five, published later
    CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg

The patient is in the path. Split (Table II of Akbarian et al. 2020): 178,352 training, 23,022 validation and 22,274
test images, ours drawn by patient from the first two tables together. The third one, where it is present, is used with
the official split alone: the paper's counts do not include it.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from trainables.data import csv_table
from trainables.data.csv_table import first
from trainables.data.dataset import Dataset, Published
from trainables.data.listing import (
    EXTRA_TEST,
    ROW_COLUMNS,
    Listing,
    check_paths,
    label_codes,
    nothing_left_out,
)
from trainables.data.person_columns import ages, sexes

LABELS = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)
RELEASES = ("CheXpert-v1.0-small", "CheXpert-v1.0")
LAYOUT = "CheXpert-v1.0[-small]: train.csv, valid.csv and train/patient00001/study1/view1_frontal.jpg"
TABLES = {"train.csv": "train", "valid.csv": "validation"}
NOTE_WITHOUT_VALID = (
    "there is no valid.csv: the release's 234 images that three radiologists read are absent, and train.csv is used "
    "without them"
)
TEST_TABLES = ("test.csv", "test_labels.csv")


def read(root: Path) -> Listing:
    """The listing of the tables; `root` is the release's folder or holds it. Without `valid.csv` there is a note.

    Raises:
        FileNotFoundError: `train.csv` is absent.
        ValueError: a column, a label's value, a path or a view is not as the release has it.
    """
    root = next((root / name for name in RELEASES if (root / name / "train.csv").is_file()), root)
    has_valid = (root / "valid.csv").is_file()
    tables = [rows_of(root / name, split) for name, split in TABLES.items() if has_valid or name != "valid.csv"]
    tables += [rows_of(root / name, EXTRA_TEST) for name in TEST_TABLES if (root / name).is_file()][:1]
    table = pd.concat(tables, ignore_index=True)
    _check_apart(table)
    return Listing(
        dataset=DATASET.name,
        root=root,
        task=DATASET.task,
        label_names=DATASET.label_names,
        channels=DATASET.channels,
        rows=table[list(ROW_COLUMNS)],
        left_out=nothing_left_out(),
        notes=() if has_valid else (NOTE_WITHOUT_VALID,),
    )


def rows_of(path: Path, split: str) -> pd.DataFrame:
    """The rows of one of the release's tables, as `Listing.rows` has them; raises what `read` does."""
    facts = () if split == EXTRA_TEST else ("Sex", "Age", "Frontal/Lateral", "AP/PA")
    table = csv_table.read(path, ("Path", *facts, *LABELS), LAYOUT, may_be_empty=split == TABLES["valid.csv"])
    if "Frontal/Lateral" not in table:  # the labels of the test set came alone; the view is in the file's name
        sides = table["Path"].str.extract(r"_(frontal|lateral)\.\w+$")[0].str.capitalize().fillna("")
        table = table.assign(Sex="", Age="", **{"Frontal/Lateral": sides, "AP/PA": ""})
    # The path begins with the release's name, whatever the folder is called here; that of the test set may not.
    within = table["Path"].str.replace(r"^(?!(?:train|valid|test)/patient)[^/]*/", "", regex=True)
    patients = within.str.extract(r"^\w+/(patient\d+)/study\d+/[^/]+$")[0]
    if patients.isna().any():
        at, where = first(table, patients.isna(), path)
        raise ValueError(
            f"a path must be like CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg, "
            f"but {where} has {table['Path'].iloc[at]!r}"
        )
    check_paths(within, path.parent, path)
    rows = pd.DataFrame(
        {
            "path": within,
            "patient": patients,
            "view": _views(table, path),
            "sex": sexes(table, "Sex", path),
            "age_years": ages(table, "Age", path),
            "official_split": split,
            "labels": label_codes(table, LABELS, path, "Path"),
        }
    )
    return rows.reset_index(drop=True)


def _check_apart(table: pd.DataFrame) -> None:
    """No image is in two of the tables; each of them has been checked already."""
    doubled = table["path"][table["path"].duplicated()]
    if len(doubled):
        raise ValueError(f"every image must be listed once, but two of the tables list {doubled.iloc[0]!r}")


def _views(table: pd.DataFrame, path: Path) -> pd.Series:
    sides = table["Frontal/Lateral"]
    unknown = ~sides.isin(["Frontal", "Lateral"])
    if unknown.any():
        at, where = first(table, unknown, path)
        raise ValueError(
            f"Frontal/Lateral must be one of the two, but {where} has {sides.iloc[at]!r} for {table['Path'].iloc[at]}"
        )
    plane = table["AP/PA"].where(table["AP/PA"] != "", "frontal")
    return plane.where(sides == "Frontal", "lateral")


DATASET = Dataset(
    name="chexpert",
    title="CheXpert",
    source="CheXpert, Irvin et al. 2019, Stanford Hospital",
    task="multilabel",
    channels=1,
    selection_metric="auc",  # section V.A
    label_names=LABELS,
    read=read,
    no_finding="No Finding",
    folders=("chexpert", *RELEASES),
    published=Published(
        labeling="automatic",
        views="frontal/lateral",
        num_images=223_648,
        num_patients=64_740,
        split_counts={"train": 178_352, "validation": 23_022, "test": 22_274},
        training_sets={"CheXpert-5k": 5_000, "CheXpert-50k": 50_000, "CheXpert-220k": 178_352},
        results_table=4,
    ),
    patient_in_path=r"(?:^|/)(patient\d+)/study\d+/",
)
