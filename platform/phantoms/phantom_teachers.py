"""Pre-train the phantom teachers: `imagenet` (and `imagenet-resnet50` ...) on generic pictures, `mimic-cxr` on X-rays.

They are trained in this process with small budgets, at first use, and kept, marked as phantoms.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from safetensors.torch import load_file

from platform.phantoms.sets import phantom_listing
from platform.sources.images import store_of
from platform.sources.places import Places
from search_spaces.space import RANDOM_TEACHER
from trainables import checkpoint
from trainables.config import AVERAGE_RULES, TrialConfig
from trainables.data.averaging import averaged_labels
from trainables.data.catalogue import DATASETS
from trainables.data.store import Store
from trainables.job import Job
from trainables.models.architectures import build
from trainables.pasting import command_line
from trainables.steps import steps
from trainables.teachers import imagenet, shelf
from trainables.teachers.shelf import Teacher
from trainables.training import EpochResult
from trainables.trial import TrialSpec

NUM_EPOCHS = {
    "generic": 4,
    "mimic-cxr": 1,
}  # by data set; after the weights of `imagenet`, a single epoch makes a difference
LEARNING_RATE, BATCH_SIZE = 1e-3, 16
ARCHITECTURE = "densenet121"  # of the teachers whose name says none
SOURCES = {"imagenet": ("generic", "random"), "mimic-cxr": ("mimic-cxr", "imagenet")}  # data set, first weights


def phantom_teacher(name: str, places: Places, image_size_px: int) -> Teacher:
    """The phantom teacher `name`, trained now if it does not exist yet; an interrupted training resumes.

    Raises:
        ValueError: there is no phantom teacher of that name.
    """
    folder = places.teachers(phantom=True, image_size_px=image_size_px)
    if (folder / name / shelf.FACTS_FILE).exists():
        return shelf.load(folder, name)
    architecture = imagenet.architecture_of(name) or ARCHITECTURE
    dataset, init = _source(name)
    if init != "random":
        phantom_teacher(init, places, image_size_px)
    store = store_of(phantom_listing(dataset, places), places, image_size_px)
    spec = _spec(store, folder, init, architecture)
    work = folder / f".{name}-{spec.key}"
    job = Job(
        spec=spec,
        store=str(store.path),
        teachers=str(folder),
        folder=str(work),
        num_threads=os.cpu_count() or 1,
    )
    last = _train(job, f"pre-training the phantom teacher {name}")
    teacher = shelf.save(
        folder,
        load_file(checkpoint.best_path(work, last.best_epoch)),
        name=name,
        architecture=architecture,
        task=store.task,
        label_names=store.label_names,
        source=f"phantom: {last.epoch} epochs on {store.num_images} synthetic {dataset} images, from {init} weights",
        is_phantom=True,
        scores={metric: value for metric, value in last.metrics.items() if metric.startswith(("val_", "test_"))},
        seen={"dataset": dataset, "data": "phantom", "data_fingerprint": store.fingerprint, "split": "train"},
    )
    shutil.rmtree(work)
    return teacher


def stand_in(name: str, folder: Path) -> Teacher:
    """A network of random weights in the place of the phantom teacher `name`, for a plan: as fast, and made at once.

    Raises:
        ValueError: there is no phantom teacher of that name.
    """
    architecture = imagenet.architecture_of(name) or ARCHITECTURE
    dataset = None if name == RANDOM_TEACHER else DATASETS[_source(name)[0]]
    label_names = (dataset.label_names if dataset else ()) or ("none",)
    return shelf.save(
        folder,
        build(architecture, len(label_names)).state_dict(),
        name=name,
        architecture=architecture,
        task=dataset.task if dataset else "multilabel",
        label_names=label_names,
        source="a stand-in: random weights, never trained",
        is_phantom=True,
    )


def _source(name: str) -> tuple[str, str]:
    """The data set that a phantom teacher learns from, and its first weights.

    Raises:
        ValueError: there is no phantom teacher of that name.
    """
    source = SOURCES.get(imagenet.NAME if imagenet.architecture_of(name) else name)
    if source is None:
        raise ValueError(
            f"the phantom teachers are {', '.join(SOURCES)}, but got {name!r}; "
            f"{command_line('platform.pretrain', 'DATASET')} makes others"
        )
    return source


def _spec(store: Store, folder: Path, init: str, architecture: str) -> TrialSpec:
    rule, metric = judged_by(store)
    config = TrialConfig(
        dataset=store.dataset,
        method="transfer",
        student=architecture,
        learning_rate=LEARNING_RATE,
        max_epochs=NUM_EPOCHS[store.dataset],
        batch_size=BATCH_SIZE,
        image_size_px=store.image_size_px,
        init=init,
        phase="pretrain",
        average_labels=rule,
        selection_metric=metric,
    )
    init_fingerprint = init if init == "random" else shelf.load(folder, init).fingerprint
    return TrialSpec(
        config=config,
        data_fingerprint=store.fingerprint,
        split_fingerprint=store.split_fingerprint,
        init_fingerprint=init_fingerprint,
    )


def judged_by(store: Store) -> tuple[str, str]:
    """Rule and metric that select the best epoch: a sweep's, or, on a set too small for those, what is defined.

    A sweep of real images would be refused, but a phantom says nothing about medicine.
    """
    for rule in AVERAGE_RULES:
        if averaged_labels(store, rule).names:
            return rule, "auc"
    return "defined", "accuracy"


def _train(job: Job, title: str) -> EpochResult:
    result: EpochResult | None = None
    with steps(title, job.spec.config.max_epochs, "epoch") as advance:
        for result in job.run():
            advance(1, f"validation AUC {result.metrics.get('val_auc', float('nan')):.3f}")
    assert result is not None, "a training has at least one epoch"
    return result
