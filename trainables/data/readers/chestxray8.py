"""ChestX-ray8: NIH ChestX-ray14 (Wang et al., CVPR 2017), whole, or Kaggle's 5% sample of it, which the paper uses.

112,120 frontal images of 30,805 patients of the NIH Clinical Center, 1992 to 2015; the sample has 5,606. 15 labels
mined from the reports: 14 findings, and No Finding. A label is 1 where it is named and 0 elsewhere. Layouts:

    sample_labels.csv, sample/images/00000013_005.png                                         the sample
    Data_Entry_2017.csv (or _v2020), images_001/images/00000001_000.png to images_012,         the release
    train_val_list.txt, test_list.txt, BBox_List_2017.csv

Split of the sample (Table II of Akbarian et al. 2020): 3,589 training, 848 validation and 1,169 test images, ours drawn
by patient. `official_split` is what the release's two lists say.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from trainables.data import csv_table
from trainables.data.csv_table import first
from trainables.data.dataset import BoxList, Dataset, Published
from trainables.data.listing import ROW_COLUMNS, Listing, check_paths, nothing_left_out
from trainables.data.person_columns import OLDEST_YEARS, sexes

LABELS = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
    "No Finding",
)
TABLES = ("sample_labels.csv", "Data_Entry_2017.csv", "Data_Entry_2017_v2020.csv")
IMAGE_FOLDERS = ("sample/images", "sample/sample/images", "images", "images_[0-9][0-9][0-9]/images")
LAYOUT = (
    "the NIH release: Data_Entry_2017.csv and images_001/images/*.png, or Kaggle's sample of it: sample_labels.csv and "
    "sample/images/*.png"
)
COLUMNS = ("Image Index", "Finding Labels", "Patient ID", "Patient Age", "View Position")
SEX_COLUMNS = ("Patient Gender", "Patient Sex")  # the table of 2017, and that of 2020
BOX_LIST = "BBox_List_2017.csv"
BOX_COLUMNS = {"x": "Bbox [x", "y": "y", "width": "w", "height": "h]"}  # by what they are
RELEASE_SIZE_PX = 1024  # both sides of every image
LISTS = {"train_val_list.txt": "train", "test_list.txt": "test"}
YEARS_PER_UNIT = {"": 1.0, "Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}


def read(root: Path) -> Listing:
    """The listing of the X-rays under `root`; ages that cannot be are unknown, and counted in `notes`.

    Raises:
        FileNotFoundError: there is no table.
        ValueError: a column, a finding, an age or a name is not as the release has it, or the two lists contradict it.
    """
    table_path = next((root / name for name in TABLES if (root / name).is_file()), root / TABLES[0])
    table = csv_table.read(table_path, COLUMNS, LAYOUT)
    sex = next((name for name in SEX_COLUMNS if name in table.columns), None)
    if sex is None:
        raise ValueError(f"{table_path} must have the column {' or '.join(SEX_COLUMNS)} of {LAYOUT}")
    check_paths(table["Image Index"], root, table_path)
    ages, notes = _ages(table, table_path)
    rows = pd.DataFrame(
        {
            "path": _folders(root, table["Image Index"]) + table["Image Index"],
            "patient": _patients(table, table_path),
            "view": table["View Position"],
            "sex": sexes(table, sex, table_path),
            "age_years": ages,
            "official_split": _official(root, table, table_path),
            "labels": _labels(table, table_path),
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
        notes=notes,
    )


def boxes(root: Path) -> pd.DataFrame:
    """Where radiologists saw findings: columns image, finding, x, y, width, height.

    Real ones are in pixels of the release's `RELEASE_SIZE_PX`, whatever copy is at hand; a phantom's in those of its
    files.

    Raises:
        FileNotFoundError: there is no BBox_List_2017.csv.
        ValueError: it does not have the release's columns, or a value is no number of pixels.
    """
    path = root / BOX_LIST
    table = csv_table.read(path, ("Image Index", "Finding Label", *BOX_COLUMNS.values()), LAYOUT, may_be_empty=True)
    numbers = pd.DataFrame({name: _pixels(table, column, path) for name, column in BOX_COLUMNS.items()})
    findings = table["Finding Label"].replace({"Infiltrate": "Infiltration"})  # as the box list calls it
    listed = pd.concat([table["Image Index"].rename("image"), findings.rename("finding"), numbers], axis=1)
    return listed.reset_index(drop=True)


def _pixels(table: pd.DataFrame, column: str, path: Path) -> pd.Series:
    numbers = pd.to_numeric(table[column], errors="coerce").astype(float)
    wrong = ~np.isfinite(numbers) | (numbers < 0)
    if wrong.any():
        at, where = first(table, wrong, path)
        raise ValueError(f"a box must have its place in pixels, but {where} has {column}={table[column].iloc[at]!r}")
    return numbers


def _folders(root: Path, names: pd.Series) -> pd.Series:
    """The folder of each image, relative to `root`, with a slash behind it."""
    folder_of: dict[str, str] = {}
    for pattern in IMAGE_FOLDERS:
        for folder in sorted(root.glob(pattern)):
            inside = folder.relative_to(root).as_posix() + "/"
            folder_of |= {path.name: inside for path in folder.iterdir()}
    # An image that is nowhere is named as absent when the store is made.
    return names.map(lambda name: folder_of.get(name, "images/"))


def _patients(table: pd.DataFrame, path: Path) -> pd.Series:
    """The patient's number; it must be that in the image's name."""
    numbers = table["Patient ID"].str.extract(r"^0*([0-9]+?)(?:\.0)?$")[0]
    named = table["Image Index"].str.extract(r"^0*([0-9]+?)_[^/]+$")[0]
    wrong = numbers.isna() | (numbers != named)
    if wrong.any():
        at, where = first(table, wrong, path)
        raise ValueError(
            f"an image must be named <patient>_<number>.png, but {where} has "
            f"{table['Image Index'].iloc[at]!r} for patient {table['Patient ID'].iloc[at]!r}"
        )
    return numbers


def _labels(table: pd.DataFrame, path: Path) -> list[np.ndarray]:
    codes = np.zeros((len(table), len(LABELS)), np.int8)
    known = {label: number for number, label in enumerate(LABELS)}
    for row, findings in enumerate(table["Finding Labels"]):
        for finding in findings.split("|"):
            if finding not in known:
                raise ValueError(
                    f"a finding must be one of {', '.join(LABELS)}, but row {table.index[row]} of {path} has "
                    f"{finding!r} for {table['Image Index'].iloc[row]}"
                )
            codes[row, known[finding]] = 1
    both = (codes[:, -1] == 1) & (codes.sum(axis=1) > 1)
    if both.any():
        at, where = first(table, both, path)
        raise ValueError(
            f"No Finding must stand alone, but {where} has {table['Finding Labels'].iloc[at]!r} "
            f"for {table['Image Index'].iloc[at]}"
        )
    return list(codes)


def _ages(table: pd.DataFrame, path: Path) -> tuple[pd.Series, tuple[str, ...]]:
    """Years; NaN where no person can be so old (the release has ages of up to 414), with a note that counts them."""
    parts = table["Patient Age"].str.extract(r"^(?P<number>[0-9]+)(?:\.0)?(?P<unit>[YMWD]?)$")
    wrong = parts["number"].isna()
    if wrong.any():
        at, where = first(table, wrong, path)
        raise ValueError(f"an age must be like 060Y, 018M or 60, but {where} has {table['Patient Age'].iloc[at]!r}")
    years = parts["number"].astype(float) * parts["unit"].map(YEARS_PER_UNIT)
    impossible = years > OLDEST_YEARS
    note = f"{int(impossible.sum())} ages over {OLDEST_YEARS} years count as unknown"
    return years.mask(impossible), (note,) if impossible.any() else ()


def _official(root: Path, table: pd.DataFrame, path: Path) -> pd.Series:
    """What the release's two lists say; "" where they are absent."""
    split_of: dict[str, str] = {}
    for name, split in LISTS.items():
        if not (root / name).is_file():
            continue
        listed = csv_table.text_of(root / name).split()
        doubled = split_of.keys() & set(listed)
        if doubled:
            raise ValueError(f"an image must be in one list alone, but {min(doubled)} is in both {' and '.join(LISTS)}")
        split_of |= dict.fromkeys(listed, split)
    official = table["Image Index"].map(lambda name: split_of.get(name, ""))
    num_splits = official[official != ""].groupby(table["Patient ID"]).nunique()
    if (num_splits > 1).any():
        raise ValueError(
            f"the release splits by patient, but patient {num_splits.index[num_splits > 1][0]} of {path.name} "
            f"is in both {' and '.join(LISTS)}"
        )
    return official


DATASET = Dataset(
    name="chestxray8",
    title="ChestX-ray8",
    source="ChestX-ray8, Wang et al. 2017, NIH Clinical Center",
    task="multilabel",
    channels=1,
    selection_metric="auc",  # section V.A
    label_names=LABELS,
    read=read,
    no_finding="No Finding",
    folders=("chestxray8",),
    published=Published(
        labeling="automatic",
        views="frontal",
        num_images=112_120,
        num_patients=30_805,
        split_counts={"train": 3_589, "validation": 848, "test": 1_169},
        training_sets={"ChestX-ray8-5.6k": 3_589},
        results_table=4,
    ),
    boxes=BoxList(file=BOX_LIST, read=boxes, image_size_px=RELEASE_SIZE_PX),
    # Names of the whole release, of which the paper's sample is a part; and challenges that took their images from it.
    shares_patients_with=("chestxray14", "nih", "rsna", "siim"),
    patient_in_path=r"(?:^|/)(?=\d{8}_)0*(\d+)_\d{3}\.(?:png|jpe?g)$",
    synonyms={"Effusion": "Pleural Effusion"},  # of CheXpert and MIMIC-CXR
    # The labeller of CheXpert and MIMIC-CXR (Irvin et al. 2019) lists mass and nodule as mentions of Lung Lesion,
    # pleural thickening and fibrosis as mentions of Pleural Other.
    broader_labels={
        "Mass": "Lung Lesion",
        "Nodule": "Lung Lesion",
        "Fibrosis": "Pleural Other",
        "Pleural_Thickening": "Pleural Other",
    },
)
