"""MIMIC-CXR: MIMIC-CXR-JPG 2.x (Johnson et al. 2019), chest X-rays of a hospital in Boston, 2011 to 2016.

The paper counts 371,858 images of 65,079 patients with 14 labels mined from the reports by the CheXpert labeler:
1.0 positive, 0.0 negative, -1.0 uncertain, empty not mentioned. Layout of the download:

    mimic-cxr-2.0.0-chexpert.csv.gz      a row per study: subject_id, study_id, the labels
    mimic-cxr-2.0.0-metadata.csv.gz      a row per image: dicom_id, subject_id, study_id, ViewPosition, ...
    mimic-cxr-2.0.0-split.csv.gz         a row per image: dicom_id, study_id, subject_id, split
    files/p10/p10000032/s50414267/<dicom_id>.jpg

`official_split` is the release's, by patient; a store draws 80 / 10 / 10 by patient, as CheXclusion did.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from trainables.data import csv_table
from trainables.data.csv_table import first
from trainables.data.dataset import DEFAULT_METRICS, Dataset, Published
from trainables.data.listing import ROW_COLUMNS, Listing, check_paths, label_codes

LABELS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Enlarged Cardiomediastinum",
    "Fracture",
    "Lung Lesion",
    "Lung Opacity",
    "No Finding",
    "Pleural Effusion",
    "Pleural Other",
    "Pneumonia",
    "Pneumothorax",
    "Support Devices",
)
LAYOUT = (
    "MIMIC-CXR-JPG 2.x: mimic-cxr-2.0.0-{chexpert,metadata,split}.csv.gz and "
    "files/p10/p10000032/s50414267/<dicom_id>.jpg"
)
SPLIT_NAMES = {"train": "train", "validate": "validation", "test": "test"}
IMAGE_KEY = ["dicom_id", "study_id", "subject_id"]
STUDY_KEY = ["study_id", "subject_id"]
IDS = {"dicom_id": r"[^/\s]+"}  # the others have eight digits


def read(root: Path) -> Listing:
    """The listing of the images that have labels; images of studies without a row of labels are left out, by name.

    Raises:
        FileNotFoundError: a table is absent.
        ValueError: a column, a label's value, a name or a split is not as the release has it.
    """
    table = _images(root)
    has_labels = table["labels"].notna()
    kept = table[has_labels].reset_index(drop=True)
    if kept.empty:
        raise ValueError(
            f"{_path(root, 'chexpert')} must have labels of the images, but of none of {len(table)} has it any"
        )
    left_out = table.loc[~has_labels, ["path"]].assign(reason="its study has no row of labels")
    rows = pd.DataFrame(
        {
            "path": kept["path"],
            "patient": kept["subject_id"],
            "view": kept["ViewPosition"].replace({"LATERAL": "lateral", "LL": "lateral"}),
            "sex": "",  # not part of the release
            "age_years": float("nan"),
            "official_split": _official(kept, _path(root, "split")),
            "labels": kept["labels"],
        }
    )
    return Listing(
        dataset=DATASET.name,
        root=root,
        task=DATASET.task,
        label_names=DATASET.label_names,
        channels=DATASET.channels,
        rows=rows[list(ROW_COLUMNS)],
        left_out=left_out.reset_index(drop=True),
    )


def _images(root: Path) -> pd.DataFrame:
    """Every image with its path, split and labels; the labels are NaN where the study has none."""
    labelled = _table(root, "chexpert", STUDY_KEY, LABELS)
    images = _table(root, "metadata", IMAGE_KEY, ("ViewPosition",))
    splits = _table(root, "split", IMAGE_KEY, ("split",))
    codes = labelled[STUDY_KEY].assign(labels=label_codes(labelled, LABELS, _path(root, "chexpert"), "study_id"))
    table = images.merge(splits[[*IMAGE_KEY, "split"]], on=IMAGE_KEY, how="left")
    table = table.merge(codes, on=STUDY_KEY, how="left").set_axis(images.index)
    table["path"] = (
        "files/p" + table["subject_id"].str[:2] + "/p" + table["subject_id"] + "/s" + table["study_id"] + "/"
        + table["dicom_id"] + ".jpg"
    )  # fmt: skip
    check_paths(table["path"], root, _path(root, "metadata"))
    return table


def _path(root: Path, name: str) -> Path:
    return root / f"mimic-cxr-2.0.0-{name}.csv.gz"


def _table(root: Path, name: str, key: list[str], others: tuple[str, ...]) -> pd.DataFrame:
    """A table of the release; its ids are as the release has them, and no two of its rows have the same."""
    path = _path(root, name)
    table = csv_table.read(path, (*key, *others), LAYOUT)
    for column in key:
        wrong = ~table[column].str.fullmatch(IDS.get(column, r"[0-9]{8}"))
        if wrong.any():
            at, where = first(table, wrong, path)
            raise ValueError(f"{column} must be as in {LAYOUT}, but {where} has {table[column].iloc[at]!r}")
    doubled = table.duplicated(key)
    if doubled.any():
        at, where = first(table, doubled, path)
        raise ValueError(f"every row must be listed once, but {where} has {', '.join(table[key].iloc[at])} again")
    return table


def _official(kept: pd.DataFrame, path: Path) -> pd.Series:
    names = kept["split"].map(SPLIT_NAMES)
    if names.isna().any():
        image = kept["dicom_id"][names.isna()].iloc[0]
        raise ValueError(
            f"a split must be one of {', '.join(SPLIT_NAMES)}, but image {image} has "
            f"{kept['split'][names.isna()].iloc[0]!r} in {path}"
        )
    split_of = names.groupby(kept["subject_id"]).nunique()
    if (split_of > 1).any():
        raise ValueError(
            f"the release splits by patient, but patient {split_of.index[split_of > 1][0]} is in two splits"
        )
    return names


DATASET = Dataset(
    name="mimic-cxr",
    title="MIMIC-CXR",
    source="MIMIC-CXR-JPG, Johnson et al. 2019, Beth Israel Deaconess Medical Center",
    task="multilabel",
    channels=1,
    selection_metric=DEFAULT_METRICS["multilabel"],
    label_names=LABELS,
    read=read,
    no_finding="No Finding",
    folders=("mimic-cxr",),
    published=Published(
        labeling="automatic",
        views="frontal/lateral",
        num_images=371_858,
        num_patients=65_079,
    ),
    patient_in_path=r"(?:^|/)p(\d{8})/s\d{8}/",
)
