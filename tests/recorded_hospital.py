"""Small sweeps of phantom chest X-rays as a sweep leaves them, with students that were really trained for an epoch."""

from __future__ import annotations

from dataclasses import replace

from platform.sources.places import Places
from platform.sweeping.records import TrialRecord
from platform.sweeping.scoring import averaging_tags
from platform.sweeping.setup import parent_tags
from platform.tracking.ledger import Ledger
from trainables.config import TrialConfig
from trainables.data.averaging import averaged_labels
from trainables.data.store import Store
from trainables.job import Job
from trainables.teachers import shelf
from trainables.trial import TrialSpec


def record(places: Places, store: Store, name: str, teacher: shelf.Teacher, student: str) -> None:
    """A sweep of plain transfer and of hints; two repeats of each where it is called "first", and else one."""
    ledger = Ledger(places.tracking_uri, "chexpert", name, parent_tags(store, "{}"), places.artifacts)
    base = TrialConfig(
        dataset="chexpert", method="transfer", student=student, image_size_px=32, max_epochs=1, phase="confirm",
        init="random", average_labels="defined", batch_size=16,
    )  # fmt: skip
    taught = replace(base, method="hints", teacher=teacher.name, beta=1.0)
    for number, config in enumerate((base, taught) * 2 if name == "first" else (base, taught)):
        spec = TrialSpec(
            config=replace(config, seed=number // 2), data_fingerprint=store.fingerprint,
            split_fingerprint=store.split_fingerprint,
            teacher_fingerprint=teacher.fingerprint if config is taught else "none",
        )  # fmt: skip
        record = TrialRecord(spec=spec, study="", number=number)
        facts = {"data": "phantom", "init_fingerprint": "random", "num_trainable": "1"}
        facts |= averaging_tags(averaged_labels(store, "defined"))
        ledger.open(record, facts, at_ms=1_700_000_000_000 + number)
        place = places.results / "trials" / f"{name}{number}"
        job = Job(spec=spec, store=str(store.path), folder=str(place), teachers=str(teacher.folder.parent))
        (result,) = job.run()
        ledger.log(record.run_id, result.metrics | {"best_score": 0.5 + number / 100}, 1, 1_700_000_000_000)
        files = [(path, "model") for path in place.glob("best-*.safetensors")]
        ledger.close(record.run_id, "FINISHED", [*files, (place / "predictions.parquet", "")], {}, 1_700_000_001_000)
    ledger.close_sweep("FINISHED")
