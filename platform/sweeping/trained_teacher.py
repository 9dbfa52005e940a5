"""From a teacher's finished training to the teacher: its best weights, its scores, and what they have seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.torch import load_file

from analysis.reading import artifacts
from analysis.reading.mlflow_frames import metric_frame, run_frame
from analysis.reading.teacher_costs import EXPERIMENT
from platform.sources.places import Places
from platform.sweeping.records import TrialRecord
from platform.sweeping.setup import Setup
from trainables import checkpoint
from trainables.data.store import Store
from trainables.init_names import is_matched
from trainables.metrics import metric_name
from trainables.models.stages import ALL
from trainables.models.stages import title as depth_title
from trainables.teachers import shelf
from trainables.teachers.imagenet import first_weights
from trainables.teachers.overlap import sets_seen
from trainables.teachers.shelf import Teacher, eyes_of_first_weights


def keep(setup: Setup, record: TrialRecord, name: str, places: Places) -> Teacher:
    """Keeps the best epoch's weights as a teacher, with its scores and the patients that it has seen.

    All of it is read from MLflow: the trial's own folder is gone once that has everything.

    Raises:
        FileNotFoundError: MLflow has no weights of it.
    """
    trained = run_frame(places.tracking_uri, EXPERIMENT, setup.name)
    run = trained[trained["tags.trial"] == record.spec.key].iloc[0]
    folder = artifacts.of_run(places.tracking_uri, run, "model")
    files = sorted(folder.glob("best-*.safetensors")) if folder else []
    if not files:
        raise FileNotFoundError(f"the training of {name} is finished, but its run {run['run_id']} has no weights left")
    best_epoch, num_epochs, scores = scores_of(places.tracking_uri, run, files[-1])
    base, store, origin = setup.base, setup.store, _origin(setup)
    seen_rows = np.concatenate([store.rows("train", base.data_fraction), store.rows("validation")])
    return shelf.save(
        places.teachers(phantom=store.is_phantom, image_size_px=store.image_size_px),
        load_file(files[-1]),
        name=name,
        architecture=base.student,
        eyes=eyes_of_first_weights(base.init, base.student, origin),
        task=store.task,
        label_names=store.label_names,
        source=f"{_trained(setup, num_epochs)}, best at {best_epoch}" + (f"; {origin.source}" if origin else ""),
        is_phantom=store.is_phantom or any(teacher.is_phantom for teacher in setup.teachers.values()),
        scores=scores,
        licence=origin.licence if origin else "",
        trained_on=origin.trained_on if origin else "",
        seen=seen_with(store, set(store.patient[seen_rows].tolist()), origin, places.salt_fingerprint()),
    )


def seen_with(store: Store, patients: set[str], origin: Teacher | None, salt_fingerprint: str) -> dict[str, Any]:
    """What a teacher has seen that was trained on these patients of `store`, and began as `origin`: all that it had.

    Of a data set that the origin knows by its name alone, or under another salt, any patient may be among them.
    """
    data = "phantom" if store.is_phantom else "real"
    before: dict[str, list[str]] = {}
    if origin and origin.seen.get("data", "real") == data:
        has_salt = origin.seen.get("salt") == salt_fingerprint
        before = {name: known if has_salt else [] for name, known in sets_seen(origin.seen).items()}
    earlier = before.pop(store.dataset, None)
    return {
        "dataset": store.dataset,
        "data": data,
        "split": "train and validation",
        "data_fingerprint": store.fingerprint,
        "split_fingerprint": store.split_fingerprint,
        "salt": salt_fingerprint,
        "patients": [] if earlier == [] else sorted(patients | set(earlier or ())),
        **({"datasets": before} if before else {}),
    }


def _origin(setup: Setup) -> Teacher | None:
    """The teacher that gave its weights as they are; None for weights that were drawn."""
    base = setup.base
    return None if is_matched(base.init) else setup.teachers.get(first_weights(base.init, base.student))


def _trained(setup: Setup, num_epochs: int) -> str:
    """On what, how long and from where, in words."""
    base, store = setup.base, setup.store
    images = f"{store.dataset} without {store.held_out}" if store.held_out else store.dataset
    depth = "" if base.unfreeze == ALL else f" ({depth_title(base.unfreeze)})"
    return f"{images}, {num_epochs} epochs{depth} from {base.init} weights"


def scores_of(uri: str, run: pd.Series, weights: Path) -> tuple[int, int, dict[str, float]]:
    """The best epoch, the number of epochs, and the scores: validation at the best epoch, test after the last one."""
    names = [name.removeprefix("metrics.") for name in run.index if name.startswith(("metrics.val_", "metrics.test_"))]
    values = metric_frame(uri, [run["run_id"]], names)
    best_epoch, num_epochs = checkpoint.epoch_of(weights), int(values["step"].max())
    kept = values[values["step"] == values["metric"].str.startswith("val_").map({True: best_epoch, False: num_epochs})]
    return best_epoch, num_epochs, dict(sorted(zip(kept["metric"], kept["value"], strict=True)))


def summary(teacher: Teacher) -> str:
    """The teacher's own scores, one line per label."""
    lines = [f"teacher {teacher.name}{' (PHANTOM)' if teacher.is_phantom else ''}, fingerprint {teacher.fingerprint}"]
    lines.append(f"  {'AUC':30} validation    test")
    for label in ("", *teacher.label_names):
        key = f"auc_{metric_name(label)}" if label else "auc"
        val, test = (teacher.scores.get(f"{split}_{key}") for split in ("val", "test"))
        if (val, test) != (None, None):
            lines.append(f"  {label or 'mean':30} {_number(val):>10} {_number(test):>7}")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
