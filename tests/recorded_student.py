"""A results folder as a sweep leaves it, with a tiny student that was really trained: for export and prediction."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from platform.phantoms.writers import write_retina
from platform.sweeping.records import TrialRecord
from platform.sweeping.scoring import averaging_tags
from platform.sweeping.setup import parent_tags
from platform.tracking.ledger import Ledger
from trainables.config import TrialConfig
from trainables.data.averaging import averaged_labels
from trainables.data.readers import retina
from trainables.data.store import Store
from trainables.data.store_making import prepare
from trainables.job import Job
from trainables.models.architectures import build
from trainables.teachers import shelf as teachers
from trainables.teachers.imagenet import name_of
from trainables.trial import TrialSpec

SEEN = {"dataset": "generic", "patients": ["Mueller-9001"], "salt": "0"}
SALT = b"s"


def record(folder: Path, tiny: str, empty_mlflow: Path) -> dict[str, Any]:
    """A results folder after two repeats of a cell, trained for an epoch at 32 px, and runs that cannot be exported."""
    root = write_retina(folder / "phantoms" / "retina", num_patients=14, image_size_px=64, seed=0, progress=False)
    prepare(retina.read(root), folder / "stores" / "retina.arrow", image_size_px=32, salt=SALT, progress=False)
    store = Store.open(folder / "stores" / "retina.arrow")
    torch.manual_seed(0)
    first = teachers.save(
        folder / "teachers" / "phantom-32px", build(tiny, 2).state_dict(), name=name_of(tiny),
        source="drawn | so", is_phantom=True, seen=SEEN, architecture=tiny, task="multiclass",
        label_names=("a", "b"),
    )  # fmt: skip
    shutil.copy(empty_mlflow, folder / "mlflow.db")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    overlap = "the teacher x was trained on 2 of 3 test patients"
    ledger = Ledger(uri, "retina", "first", parent_tags(store, "{}", overlap), folder / "artifacts")
    config = TrialConfig(
        dataset="retina", method="transfer", student=tiny, image_size_px=32, max_epochs=1, batch_size=8,
        phase="confirm", average_labels="defined", selection_metric="f1_weighted",
    )  # fmt: skip
    spec = TrialSpec(
        config=config, data_fingerprint=store.fingerprint, split_fingerprint=store.split_fingerprint,
        init_fingerprint=first.fingerprint,
    )  # fmt: skip
    ids: dict[str, str] = {}

    def trial(name: str, tags: dict[str, str] | None = None, trains: bool = False, **changed: Any) -> None:
        own = replace(spec, config=replace(config, **changed))
        record = TrialRecord(spec=own, study="", number=own.config.seed)
        facts = {"data": "phantom", "init_fingerprint": first.fingerprint, "num_trainable": "1"}
        facts |= averaging_tags(averaged_labels(store, own.config.average_labels)) | (tags or {})
        ledger.open(record, facts, at_ms=1_700_000_000_000 + len(ids))
        files = []
        if trains:
            place = folder / "trials" / name
            job = Job(spec=own, store=str(store.path), folder=str(place), teachers=str(first.folder.parent))
            (result,) = job.run()
            # The second has the better score on the validation set, and the first on the test set.
            decided = {"best_score": 0.2 + 0.1 * own.config.seed, "test_f1_weighted": 0.9 - 0.8 * own.config.seed}
            ledger.log(record.run_id, result.metrics | decided, 1, 1_700_000_000_000)
            files = [(path, "model") for path in place.glob("best-*.safetensors")]
            files.append((place / "predictions.parquet", ""))
        ledger.close(record.run_id, "FINISHED", files, {}, at_ms=1_700_000_001_000)
        ids[name] = record.run_id

    trial("old", tags={"recipe": "0"}, seed=7)
    trial("searched", phase="search")
    trial("weightless", student="densenet121")
    trial("zero", trains=True, seed=0)
    trial("one", trains=True, seed=1)
    ids["parent"] = ledger.parent_id
    for _ in range(17):  # of which two begin alike
        ledger.client.create_run(ledger.experiment_id)
    return {"folder": folder, "uri": uri, "ids": ids, "store": store, "root": root, "client": ledger.client}
