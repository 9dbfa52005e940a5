"""CheXpert's images that radiologists read: 500 test studies of 500 patients, 668 images, published after the release.

Eight board-certified radiologists read each study. The majority of five is the ground truth, and the other three are
compared with it (Irvin et al., AAAI 2019; the readings: github.com/rajpurkarlab/cheXpert-test-set-labels). The patients
are in neither `train.csv` nor `valid.csv`. Layout, in a folder of its own or in the release's:

    test/patient64741/study1/view1_frontal.jpg
    test_labels.csv or test.csv         Path, the labels: the ground truth by image; or
    groundtruth.csv                     Study, the labels: the same by study, for the images that are there
    radiologists/groundtruth/bc1_gt.csv and so on, radiologists/benchmark_radiologists/bc4.csv and so on
                                        Study, the labels in an order of their own: one reader each; may be absent
    labeler/chexpert_labels.csv         Study, the labels mined from the reports of the same studies; may be absent

The last three may lie in `cheXpert-test-set-labels/`, as that repository is cloned. Where there is no test set, but the
release's `valid.csv`, its 234 images are taken, which three radiologists read. Those are not apart from CheXpert's own
splits, so that students or teachers of CheXpert's have seen some of their patients.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd

from trainables.data import csv_table
from trainables.data.csv_table import first
from trainables.data.dataset import DEFAULT_METRICS, Dataset
from trainables.data.listing import (
    EXTRA_TEST,
    ROW_COLUMNS,
    Listing,
    label_codes,
    nothing_left_out,
)
from trainables.data.readers import chexpert

LAYOUT = "CheXpert's test set: test/patient64741/study1/view1_frontal.jpg and test_labels.csv or groundtruth.csv"
CLONE = "cheXpert-test-set-labels"
BY_STUDY = "groundtruth.csv"
REFERENCE, BENCHMARK, REPORT = "reference", "benchmark", "report"  # the roles of those who read
FOLDERS = {"radiologists/groundtruth": REFERENCE, "radiologists/benchmark_radiologists": BENCHMARK, "labeler": REPORT}
REPORT_NAMES = {"chexpert_labels": "reports (CheXpert labeler)", "chexbert_labels": "reports (CheXbert)"}
VOTE_COLUMNS = ("path", "study", "reader", "role", "labels")
NOTE_VALID = (
    "there is no test set: the 234 images of valid.csv are taken, whose patients may be among those that CheXpert's "
    "students and teachers were trained on"
)
STUDY = r"(?:^|/)(patient\d+/study\d+)(?:/|$)"


def read(root: Path) -> Listing:
    """The listing, labelled by the radiologists' majority, with the single readings where they are there.

    Raises:
        FileNotFoundError: there is neither a test set nor `valid.csv`.
        ValueError: a column, a label's value or a path is not as published.
    """
    table = next((root / name for name in chexpert.TEST_TABLES if (root / name).is_file()), None)
    notes: tuple[str, ...] = ()
    if table is not None:
        rows = chexpert.rows_of(table, EXTRA_TEST)
    elif (by_study := _beside(root, BY_STUDY)) is not None:
        table, rows = by_study, _images_of_studies(root, by_study)
    elif (root / "valid.csv").is_file():
        table, notes = root / "valid.csv", (NOTE_VALID,)
        rows = chexpert.rows_of(table, EXTRA_TEST)
    else:
        raise FileNotFoundError(
            f"no {chexpert.TEST_TABLES[1]} and no {BY_STUDY} in {root}; expected the layout of {LAYOUT}"
        )
    listing = Listing(
        dataset=DATASET.name,
        root=root,
        task=DATASET.task,
        label_names=DATASET.label_names,
        channels=DATASET.channels,
        rows=rows.assign(official_split="")[list(ROW_COLUMNS)],
        left_out=nothing_left_out(),
        notes=notes,
    )
    votes = _votes(root, rows["path"])
    return listing if votes.empty else replace(listing, votes=votes)


def _beside(root: Path, name: str) -> Path | None:
    """A file or folder of the readings: here, or in their repository's clone."""
    return next((path for path in (root / name, root / CLONE / name) if path.exists()), None)


def _images_of_studies(root: Path, table: Path) -> pd.DataFrame:
    """A row per image that is there of the studies in the table, as `Listing.rows` has them.

    Raises:
        FileNotFoundError: there is none.
    """
    labels = _by_study(table)
    files = (path for path in root.glob("test/patient*/study*/[!.]*") if path.suffix.lower() == ".jpg")
    paths = pd.Series(sorted(path.relative_to(root).as_posix() for path in files))
    paths = paths.astype(object)
    studies = paths.str.extract(STUDY)[0] if len(paths) else pd.Series(dtype=object)
    known = studies.isin(labels.index)
    if not known.any():
        raise FileNotFoundError(f"no image of a study of {table.name} in {root / 'test'}; expected {LAYOUT}")
    paths, studies = paths[known].reset_index(drop=True), studies[known].reset_index(drop=True)
    return pd.DataFrame(
        {
            "path": paths,
            "patient": studies.str.extract(r"(patient\d+)")[0],
            "view": paths.str.extract(r"_(frontal|lateral)\.\w+$")[0].fillna(""),
            "sex": "",
            "age_years": float("nan"),
            "labels": labels[studies].to_list(),
        }
    )


def _by_study(table: Path) -> pd.Series:
    """The labels of each study, in the order of `chexpert.LABELS`, whatever the order in the table."""
    read = csv_table.read(table, ("Study", *chexpert.LABELS), LAYOUT)
    studies = read["Study"].str.extract(STUDY)[0]
    if studies.isna().any():
        at, where = first(read, studies.isna(), table)
        raise ValueError(
            f"a study must be like CheXpert-v1.0/test/patient64741/study1, but {where} has {read['Study'].iloc[at]!r}"
        )
    if studies.duplicated().any():
        at, where = first(read, studies.duplicated(), table)
        raise ValueError(f"every study must be listed once, but {where} lists {studies.iloc[at]} again")
    return pd.Series(label_codes(read, chexpert.LABELS, table, "Study"), index=studies.to_numpy())


def _votes(root: Path, paths: pd.Series) -> pd.DataFrame:
    """One row per reader and image of a study that they read: `VOTE_COLUMNS`."""
    studies = paths.str.extract(STUDY)[0]
    parts = []
    for table, role in _tables(root):
        labels = _by_study(table)
        known = studies.isin(labels.index)
        reader = REPORT_NAMES.get(table.stem, table.stem.removesuffix("_gt"))
        facts = {"path": paths[known], "study": studies[known], "reader": reader, "role": role}
        parts.append(pd.DataFrame(facts).assign(labels=labels[studies[known]].to_list()))
    empty = pd.DataFrame({name: pd.Series(dtype=object) for name in VOTE_COLUMNS})
    return pd.concat(parts, ignore_index=True)[list(VOTE_COLUMNS)] if parts else empty


def _tables(root: Path) -> Iterator[tuple[Path, str]]:
    for name, role in FOLDERS.items():
        if (folder := _beside(root, name)) is not None:
            yield from ((path, role) for path in sorted(folder.glob("[!.]*.csv")))


DATASET = Dataset(
    name="chexpert-radiologists",
    title="CheXpert, read by radiologists",
    task="multilabel",
    channels=1,
    selection_metric=DEFAULT_METRICS["multilabel"],
    label_names=chexpert.LABELS,
    read=read,
    no_finding="No Finding",
    folders=("chexpert-radiologists", "chexlocalize/CheXpert", "CheXpert", "chexpert", *chexpert.RELEASES),
    patient_in_path=r"(?:^|/)(patient\d+)/study\d+/",
)
