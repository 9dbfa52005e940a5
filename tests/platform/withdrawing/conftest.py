"""Two small hospitals of own CSVs in one results folder, with a sweep and everything that it leaves of a patient."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

import platform.prepare
from analysis.reading.other_hospital import Opened
from platform.sources.places import Places
from platform.sweeping.records import TrialRecord
from platform.sweeping.scoring import averaging_tags
from platform.sweeping.setup import parent_tags
from platform.tracking.ledger import Ledger
from trainables.config import TrialConfig
from trainables.data.averaging import averaged_labels
from trainables.data.store import Store, salted_hashes
from trainables.prediction_rows import prediction_rows, predictions
from trainables.teachers import shelf
from trainables.teachers.cache import KnowledgeCache
from trainables.trial import TrialSpec

NUM_PATIENTS = 20
NAME, OTHER = "clinic", "elsewhere"
SWEEP = "first"
FACTS = {"init_fingerprint": "random", "num_trainable": "1", "teacher_is_phantom": "false", "init_is_phantom": "false"}
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


def record_sweep(places: Places, store: Store, other: Store) -> None:
    """A sweep of one cell with two confirmed repeats, and an evaluation on the other hospital's images."""
    facts = parent_tags(store, json.dumps({"data": store.fingerprint}))
    ledger = Ledger(places.tracking_uri, NAME, SWEEP, facts, places.artifacts)
    opened = Opened(
        target=OTHER, data="real", fingerprint=other.fingerprint, part="all", labels={"Edema": "Edema"},
        num_images=other.num_images, num_patients=NUM_PATIENTS, opened="2026-11-01",
    )  # fmt: skip
    ledger.set_tag(opened.tag, opened.text)
    base = TrialConfig(
        dataset=NAME,
        method="transfer",
        student="densenet40",
        image_size_px=32,
        phase="confirm",
        average_labels="defined",
    )
    averages = averaging_tags(averaged_labels(store, "defined"))
    scratch = places.results / "scratch"
    (scratch / "model").mkdir(parents=True)
    for seed in range(2):
        config = TrialConfig(**{**base.__dict__, "seed": seed})
        spec = TrialSpec(
            config=config, data_fingerprint=store.fingerprint, split_fingerprint=store.split_fingerprint,
            teacher_fingerprint="none",
        )  # fmt: skip
        record = TrialRecord(spec=spec, study="", number=seed)
        ledger.open(
            record,
            averages | {"data": "real", **FACTS},
            at_ms=1_700_000_000_000 + seed,
        )
        rng = np.random.default_rng(seed)
        parts = [predictions(store, split, _drawn(rng, len(store.rows(split)))) for split in ("validation", "test")]
        pq.write_table(_joined(parts), scratch / "predictions.parquet")
        everybody = np.arange(other.num_images)
        rows = prediction_rows(other, everybody, "external", _drawn(rng, other.num_images))
        pq.write_table(rows, scratch / f"{OTHER}.parquet")
        (scratch / "best-00001.safetensors").write_bytes(b"weights")
        ledger.log(record.run_id, {"best_score": 0.5, "test_auc": 0.75}, 1, 1_700_000_000_000)
        files = [(scratch / "best-00001.safetensors", "model"), (scratch / "predictions.parquet", "")]
        files += [(scratch / f"{OTHER}.parquet", "external")]
        ledger.close(record.run_id, "FINISHED", files, {}, 1_700_000_001_000)
    ledger.close_sweep("FINISHED")
    shutil.rmtree(scratch)


def _drawn(rng: np.random.Generator, num_images: int) -> np.ndarray:
    return rng.random((num_images, 2), dtype=np.float32)


def _joined(parts: list) -> object:
    return pa.concat_tables(parts)


def leave_the_rest(places: Places, store: Store, local: Path) -> None:
    """A teacher, a knowledge cache, a copied store, an unfinished trial, a standing, and what a killed process left."""
    seen = {"dataset": NAME, "patients": sorted(set(store.patient[store.split == "train"])), "data": "real"}
    shelf.save(
        places.teachers(phantom=False, image_size_px=0), {"w": torch.zeros(1)}, name=NAME, source="here",
        architecture="densenet121", task="multilabel", label_names=("Edema",), is_phantom=False,
        seen={**seen, "salt": places.salt_fingerprint()},
    )  # fmt: skip
    for folder in (places.cache, local / "cache"):
        cache = KnowledgeCache(folder, {"data": store.fingerprint}, store.num_images, 10**6)
        cache.knowledge(1, np.arange(4), torch.zeros(4, 1, 2, 2), lambda views: views, 4)
    (local / "stores").mkdir()
    shutil.copy(store.path, local / "stores" / f"{store.path.stem}-{store.fingerprint}.arrow")
    trial = places.sweep(SWEEP) / "trials" / "key"
    trial.mkdir(parents=True)
    (places.sweep(SWEEP) / "lock").touch()
    shutil.copy(next((places.results / "artifacts").rglob("predictions.parquet")), trial)
    words = [NAME, "--local", str(local)]
    places.standing(SWEEP).write_text(json.dumps({"sweep": SWEEP, "words": words}))
    shutil.copy(store.path, store.path.with_name(f".{store.path.name}.abc.part"))


@pytest.fixture(scope="module")
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
