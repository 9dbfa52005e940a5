"""Two small hospitals of own CSVs in one results folder, with a sweep and everything that it leaves of a patient."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import platform.prepare
from platform.sources.places import Places
from tests.platform.withdrawing.left_behind import (
    NAME,
    NUM_PATIENTS,
    OTHER,
    SWEEP,
    leave_the_rest,
    record_sweep,
    record_teacher,
)
from trainables.data.store import Store, salted_hashes

HOW = ("--image-size", "32", "--validation-share", "0.2")
LEAVING = ("pat-03", "pat-08", "pat-11")  # of validation, test and train


@dataclass(frozen=True, kw_only=True)
class Clinic:
    """A results folder, and the table that it was made from."""

    places: Places
    csv: Path
    leaving: frozenset[str]  # the hashes of `LEAVING`
    images: frozenset[str]  # the hashes of their images
    pixels: tuple[bytes, ...]  # of their images in the store

    @property
    def results(self) -> Path:
        return self.places.results

    @property
    def store(self) -> Store:
        (path,) = (self.results / "stores").glob(f"{NAME}-*.arrow")
        return Store.open(path)

    def withdraw(self, *more: str, file: Path | None = None, name: str = NAME) -> int:
        listed = file or self.results.with_name("leaving.txt")
        return platform.prepare.main([name, "--without", str(listed), "--results", str(self.results), *more])

    def prepare(self) -> int:
        return platform.prepare.main([NAME, *HOW, "--results", str(self.results)])


def write_csv(folder: Path, name: str) -> Path:
    """Forty noisy images of twenty patients; the last two are copies of each other, and one of them is leaving."""
    rng = np.random.default_rng(len(name))
    (folder / name).mkdir(parents=True)
    rows, copied = [], np.zeros((8, 8), np.uint8)
    for patient in range(NUM_PATIENTS):
        for side in "ab":
            coarse = rng.integers(0, 256, (8, 8), dtype=np.uint8)
            if (patient, side) == (12, "a"):
                coarse = copied
            if (patient, side) == (11, "a"):
                copied = coarse
            image = f"{name}/{patient:02d}{side}.png"
            Image.fromarray(coarse).resize((48, 48), Image.Resampling.NEAREST).save(folder / image)
            rows.append(f"{image},pat-{patient:02d},{patient % 2},{rng.integers(2)},F,{40 + patient}")
    path = folder / f"{name}.csv"
    path.write_text("image,patient,Edema,Mass,sex,age\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="session")
def whole(empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a `Clinic` before anybody has left; nothing in it is changed."""
    folder = tmp_path_factory.mktemp("whole")
    places = Places.under(folder / "results")
    shutil.copy(empty_mlflow, places.results / "mlflow.db")
    for name in (NAME, OTHER):
        csv = write_csv(places.results / "raw", name)
        platform.prepare.main([str(csv), *HOW, "--results", str(places.results)])
    stores = [Store.open(next((places.results / "stores").glob(f"{name}-*.arrow"))) for name in (NAME, OTHER)]
    record_sweep(places, *stores)
    record_teacher(places, stores[0])
    leave_the_rest(places, stores[0], folder / "local")
    return folder


@pytest.fixture
def clinic(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    """A copy of it, adopted in its new place, and a file that lists `LEAVING`."""
    import platform.sweep

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = Path(shutil.copytree(whole, tmp_path / "clinic"))
    places = Places(folder / "results")
    platform.sweep.main(["--adopt", "--results", str(places.results)])
    places.results.joinpath("mlflow.db.before-adopt").unlink()
    standing = json.loads(places.standing(SWEEP).read_text())
    places.standing(SWEEP).write_text(json.dumps({**standing, "words": [NAME, "--local", str(folder / "local")]}))
    (folder / "leaving.txt").write_text("".join(f"{name}\n" for name in LEAVING))
    hashes = frozenset(salted_hashes(list(LEAVING), places.salt()))
    (path,) = (places.results / "stores").glob(f"{NAME}-*.arrow")
    store = Store.open(path)
    is_leaving = np.isin(store.patient, list(hashes))
    rows = np.flatnonzero(is_leaving)
    others = {image.tobytes() for image in store.gather(np.flatnonzero(~is_leaving))}  # one is a copy, and stays
    return Clinic(
        places=places, csv=places.results / "raw" / f"{NAME}.csv", leaving=hashes,
        images=frozenset(store.image_id[rows].tolist()),
        pixels=tuple({image.tobytes() for image in store.gather(rows)} - others),
    )  # fmt: skip


def frames(results: Path, pattern: str) -> list[pd.DataFrame]:
    """The tables among the artifacts of runs."""
    return [pd.read_parquet(path) for path in sorted((results / "artifacts").rglob(pattern))]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, but for locks."""
    files = (path for path in folder.rglob("*") if path.is_file() and "lock" not in path.name)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def holding(folder: Path, clinic: Clinic) -> list[Path]:
    """The files that hold a hash of the patients who leave, or of their images, or the images themselves."""
    texts = [text.encode() for text in (*clinic.leaving, *clinic.images)]
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path)
            holds = bool(frame["patient"].isin(clinic.leaving).any() | frame["image"].isin(clinic.images).any())
            holds = holds and f"{OTHER}.parquet" != path.name  # another hospital's patients of the same names
        else:
            content = path.read_bytes()
            holds = any(text in content for text in (*texts, *clinic.pixels)) and not path.name.startswith(OTHER)
        if holds:
            found.append(path)
    return found
