"""Jobs of one cell on a few photographs, for the tests of what trains them together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from tests.tiny_network import NAME
from trainables.config import TrialConfig
from trainables.data.store import Store
from trainables.job import Job
from trainables.models.architectures import build
from trainables.pack import Pack
from trainables.teachers import shelf
from trainables.training import EpochResult
from trainables.trial import TrialSpec

RATES = (1e-3, 3e-3, 1e-2)
GUIDED: dict[str, Any] = {"method": "attention", "teacher": "wise", "beta": 5.0}
QUEUED: dict[str, Any] = {"method": "embedding-queue", "teacher": "wise", "beta": 2.0}


def draw_teacher(folder: Path) -> Path:
    """The folder with a teacher called `wise`."""
    torch.manual_seed(7)
    facts: dict[str, Any] = {"architecture": NAME, "task": "multiclass", "label_names": ("a", "b"), "source": "drawn"}
    shelf.save(folder, build(NAME, 2).state_dict(), name="wise", is_phantom=True, **facts)
    return folder


def jobs_of(store: Store, teachers: Path, folder: Path, *, cache: Path | None = None, **changes: Any) -> list[Job]:
    """A job for each of `RATES`, each with a weight decay of its own, and a beta where there is a teacher."""
    usual: dict[str, Any] = {
        "dataset": "retina",
        "method": "transfer",
        "student": NAME,
        "init": "random",
        "max_epochs": 3,
        "batch_size": 6,
        "image_size_px": 32,
        "selection_metric": "f1_weighted",
    }
    jobs = []
    for number, rate in enumerate(changes.pop("rates", RATES)):
        own = {"learning_rate": rate, "weight_decay": 1e-4 * number}
        if beta := changes.get("beta"):
            own["beta"] = beta * (number + 1)
        config = TrialConfig(**{**usual, **changes, **own})
        spec = TrialSpec(config=config, data_fingerprint=store.fingerprint, split_fingerprint="s")
        job = Job(spec=spec, store=str(store.path), teachers=str(teachers), folder=str(folder / spec.key))
        jobs.append(replace(job, cache=str(cache), cache_bytes=10**8) if cache else job)
    return jobs


def without_speed(result: EpochResult) -> EpochResult:
    return replace(result, metrics={k: v for k, v in result.metrics.items() if k != "images_per_s"}, costs={})


def alone(job: Job) -> list[EpochResult]:
    return [without_speed(result) for result in job.run()]


def together(pack: Pack) -> dict[str, list[Any]]:
    """What each member reports, by its key; an ending as its sentence."""
    reported: dict[str, list[Any]] = {}
    for reports in pack.run():
        for key, report in reports.items():
            each = without_speed(report) if isinstance(report, EpochResult) else str(report)
            reported.setdefault(key, []).append(each)
    return reported


def kept(folder: Path) -> dict[str, bytes]:
    """The best student's weights and the predictions, as they lie in a trial's folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".safetensors", ".parquet")}
