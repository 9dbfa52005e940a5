"""What a sweep, an evaluation and a trained teacher leave of patients in a results folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from analysis.reading.other_hospital import Opened
from analysis.reading.teacher_costs import EXPERIMENT
from platform.sources.places import EXPORTS, Places
from platform.sweeping.records import TrialRecord
from platform.sweeping.scoring import averaging_tags
from platform.sweeping.setup import parent_tags
from platform.tracking.ledger import Ledger
from trainables.config import TrialConfig
from trainables.data.averaging import averaged_labels
from trainables.data.store import Store
from trainables.prediction_rows import prediction_rows, predictions
from trainables.teachers import shelf
from trainables.teachers.cache import KnowledgeCache
from trainables.trial import TrialSpec

NAME, OTHER = "clinic", "elsewhere"
SWEEP = "first"
FACTS = {"init_fingerprint": "random", "num_trainable": "1", "teacher_is_phantom": "false", "init_is_phantom": "false"}
NUM_PATIENTS = 20


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
    leave_copies(ledger, record.run_id, scratch / "best-00001.safetensors")
    ledger.close_sweep("FINISHED")
    shutil.rmtree(scratch)


def leave_copies(ledger: Ledger, run_id: str, weights: Path) -> None:
    """An export of a run, and a model in MLflow that a newer one has taken the place of."""
    page = Path(ledger.client.get_run(run_id).info.artifact_uri.removeprefix("file://")).parents[2] / EXPORTS / "one"
    page.mkdir(parents=True)
    (page / "README.md").write_text(f"| run | {run_id} of 2026-11-01 |\n")
    model = ledger.client.create_logged_model(ledger.experiment_id, "clinic", source_run_id=run_id)
    ledger.client.log_model_artifact(model.model_id, str(weights))
    ledger.client.delete_logged_model(model.model_id)


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
        (path,) = folder.glob("*-*")
        shutil.copytree(path, folder / "0123456789abcdef")  # an earlier version did not name it by the images
    (local / "stores").mkdir()
    shutil.copy(store.path, local / "stores" / f"{store.path.stem}-{store.fingerprint}.arrow")
    trial = places.sweep(SWEEP) / "trials" / "key"
    trial.mkdir(parents=True)
    (places.sweep(SWEEP) / "lock").touch()
    shutil.copy(next((places.results / "artifacts").rglob("predictions.parquet")), trial)
    words = [NAME, "--local", str(local)]
    places.standing(SWEEP).write_text(json.dumps({"sweep": SWEEP, "words": words}))
    shutil.copy(store.path, store.path.with_name(f".{store.path.name}.abc.part"))


def record_teacher(places: Places, store: Store) -> None:
    """The training of a teacher: teachers of all data sets are of one experiment."""
    name = "teacher-clinic"
    ledger = Ledger(places.tracking_uri, EXPERIMENT, name, parent_tags(store, "{}"), places.artifacts)
    config = TrialConfig(dataset=NAME, method="transfer", student="densenet121", image_size_px=32, phase="pretrain")
    spec = TrialSpec(
        config=config, data_fingerprint=store.fingerprint, split_fingerprint=store.split_fingerprint,
        teacher_fingerprint="none",
    )  # fmt: skip
    record = TrialRecord(spec=spec, study="", number=0)
    ledger.open(record, {"data": "real", **FACTS}, at_ms=1_700_000_000_000)
    (scratch := places.results / "scratch").mkdir()
    rows = predictions(store, "validation", _drawn(np.random.default_rng(2), len(store.rows("validation"))))
    pq.write_table(rows, scratch / "predictions.parquet")
    (scratch / "best-00001.safetensors").write_bytes(b"weights of a teacher")
    files = [(scratch / "best-00001.safetensors", "model"), (scratch / "predictions.parquet", "")]
    ledger.close(record.run_id, "FINISHED", files, {}, 1_700_000_001_000)
    ledger.close_sweep("FINISHED")
    shutil.rmtree(scratch)
