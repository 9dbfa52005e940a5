"""Small data sets in their providers' layouts, and what is read of them, for tests that spoil a table of theirs."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from platform.phantoms.chest_writers import write_chexpert, write_mimic_cxr
from platform.phantoms.nih_writer import write_chestxray8
from platform.phantoms.radiologists_writer import write_chexpert_radiologists
from platform.phantoms.writers import write_retina
from tests.hostile.mutations import Mutation, Sheet
from tests.hostile.pictures import COLOUR, saved
from trainables.data.listing import Listing
from trainables.data.readers import chestxray8, chexpert, chexpert_radiologists, mimic_cxr, own, retina
from trainables.data.store import Store
from trainables.data.store_making import prepare

OWN_LABELS = (
    "image,patient,Edema,Mass,age,sex",
    *(f"{n}.png,{n // 2 + 7:03d},{n % 2},{(1, 0, -1, '')[n % 4]},5{n},F" for n in range(8)),
)
OWN_CLASSES = (
    "image,patient,label,view",
    *(f"{n}.png,{n // 2 + 7:03d},{('well', 'ill')[n % 2]},left" for n in range(8)),
)


def write_own(lines: tuple[str, ...], folder: Path) -> Path:
    """A user's own data set `mine.csv`, beside eight grey images."""
    folder.mkdir()
    (folder / "mine.csv").write_text("\n".join([*lines, ""]))
    for number in range(8):
        Image.new("L", (16, 16), 20 * number).save(folder / f"{number}.png")
    return folder


def read_own(folder: Path) -> Listing:
    return own.read(folder / "mine.csv")


PICTURE = saved(COLOUR, "PNG")


def classes_of(folder: Path) -> Path:
    """Two classes of two pictures."""
    for name in ("cat", "dog"):
        (folder / "train" / name).mkdir(parents=True)
        for number in range(2):
            (folder / "train" / name / f"{number}.png").write_bytes(PICTURE)
    return folder


def made(listing: Listing, folder: Path, *, skip_unreadable: bool = False) -> Store:
    """The store of a listing."""
    (folder / "s.arrow").unlink(missing_ok=True)
    how: dict[str, Any] = {"image_size_px": 16, "salt": b"s", "num_threads": 2, "progress": False}
    return prepare(listing, folder / "s.arrow", skip_unreadable=skip_unreadable, **how)


_SMALL: dict[str, Any] = {"image_size_px": 16, "seed": 0, "progress": False, "num_processes": 1}
WRITERS: dict[str, Callable[[Path], object]] = {
    "retina": partial(write_retina, num_patients=4, **_SMALL),
    "chexpert": partial(write_chexpert, num_images=12, **_SMALL),
    "sample": partial(write_chestxray8, num_images=12, layout="sample", **_SMALL),
    "full": partial(write_chestxray8, num_images=12, layout="full", **_SMALL),
    "mimic": partial(write_mimic_cxr, num_images=12, **_SMALL),
    "radiologists": partial(write_chexpert_radiologists, num_images=12, **_SMALL),
    "labels": partial(write_own, OWN_LABELS),
    "classes": partial(write_own, OWN_CLASSES),
}


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of a data set: who reads it, and its columns that mutations go for."""

    written: str  # the data set, a key of `WRITERS`
    read: Callable[[Path], Listing]
    file: str
    image: str
    label: str = ""
    patient: str = ""
    age: str = ""
    sex: str = ""

    def sheet(self, root: Path) -> Sheet:
        content = (root / self.file).read_bytes()
        content = gzip.decompress(content) if self.file.endswith(".gz") else content
        rows = tuple(map(tuple, csv.reader(io.StringIO(content.decode()))))
        return Sheet(rows, self.image, self.label, self.patient, self.age, self.sex)

    @contextmanager
    def spoilt(self, root: Path, mutation: Mutation) -> Iterator[None]:
        """The table as the mutation makes it; afterwards it is as before."""
        path = root / self.file
        before = path.read_bytes()
        content = mutation.apply(self.sheet(root))
        path.write_bytes(gzip.compress(content, 1) if self.file.endswith(".gz") else content)
        try:
            yield
        finally:
            path.write_bytes(before)


MIMIC = "mimic-cxr-2.0.0-{}.csv.gz"
STUDY = partial(Table, written="radiologists", read=chexpert_radiologists.read, image="Study", label="Edema")
TABLES: dict[str, Table] = {
    "retina": Table(written="retina", read=retina.read, file="trainLabels.csv", image="image", label="level"),
    "chexpert train": Table(
        written="chexpert", read=chexpert.read, file="train.csv", image="Path", label="Edema", age="Age", sex="Sex"
    ),
    "chestxray8 sample": Table(
        written="sample",
        read=chestxray8.read,
        file="sample_labels.csv",
        image="Image Index",
        label="Finding Labels",
        patient="Patient ID",
        age="Patient Age",
        sex="Patient Gender",
    ),
    "chestxray8 full": Table(
        written="full",
        read=chestxray8.read,
        file="Data_Entry_2017.csv",
        image="Image Index",
        label="Finding Labels",
        patient="Patient ID",
        age="Patient Age",
        sex="Patient Gender",
    ),
    "mimic labels": Table(
        written="mimic",
        read=mimic_cxr.read,
        file=MIMIC.format("chexpert"),
        image="study_id",
        label="Edema",
        patient="subject_id",
    ),
    "mimic metadata": Table(
        written="mimic", read=mimic_cxr.read, file=MIMIC.format("metadata"), image="dicom_id", patient="subject_id"
    ),
    "mimic split": Table(
        written="mimic", read=mimic_cxr.read, file=MIMIC.format("split"), image="dicom_id", patient="subject_id"
    ),
    "radiologists": STUDY(file="groundtruth.csv"),
    "one radiologist": STUDY(file="radiologists/groundtruth/bc1_gt.csv"),
    "reports": STUDY(file="labeler/chexpert_labels.csv"),
    "own labels": Table(
        written="labels",
        read=read_own,
        file="mine.csv",
        image="image",
        label="Edema",
        patient="patient",
        age="age",
        sex="sex",
    ),
    "own classes": Table(
        written="classes", read=read_own, file="mine.csv", image="image", label="label", patient="patient"
    ),
}


def facts(listing: Listing) -> dict[tuple[str, ...], tuple[object, ...]]:
    """All that is known of each image by its path, and of each single reading by image and reader."""
    known: dict[tuple[str, ...], tuple[object, ...]] = {}
    for row in listing.rows.itertuples(index=False):
        codes = row.labels.tolist()
        is_class = listing.task == "multiclass"
        labels = [listing.label_names[codes[0]]] if is_class else zip(listing.label_names, codes, strict=True)
        age = None if row.age_years != row.age_years else row.age_years
        known[(row.path,)] = (*sorted(labels), row.patient, row.view, row.sex, age, row.official_split)
    if listing.votes is not None:
        for vote in listing.votes.itertuples(index=False):
            known[(vote.path, vote.reader)] = (tuple(vote.labels.tolist()), vote.study, vote.role)
    return known
