"""One curve: a student trained at full length by the loop that a sweep's trial runs, and scored after every epoch.

`trainables.job.Job` makes the training as on a worker, with the teacher's knowledge from the cache, and
`trainables.loop.train` trains it. A curve differs from a trial in two things: nothing is saved between epochs, and the
test set is scored after each of them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.recording.design import Point, Setting
from trainables.cell import NO_TEACHER, Cell, members
from trainables.config import TrialConfig
from trainables.data.store import Store
from trainables.init_names import RANDOM
from trainables.job import Job
from trainables.judging import evaluate
from trainables.loop import train
from trainables.teachers.imagenet import first_weights
from trainables.teachers.shelf import load
from trainables.trial import TrialSpec

CACHE_BYTES = 8 << 30


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a setting's images, teachers and cached knowledge are; absolute paths."""

    store: str
    teachers: str
    cache: str


def rows_of(setting: Setting, point: Point, place: Place) -> list[dict[str, float]]:
    """Trains one curve; a row per epoch: ``epoch``, ``score`` and ``test_score`` of its weights, ``seconds``.

    The seconds are of a busy core, for training and validation; the test set's are not in them, which a search never
    scores.

    Raises:
        NonFiniteLossError: a loss is not finite.
        UndefinedScoreError: the selection metric is not defined on the validation set.
    """
    job = job_of(setting, point, place)
    job.meter()  # the threads and the memory of a worker
    training = job.training(job.opened_store())
    rows, before_s = [], time.process_time()
    for result in train(training):
        seconds = time.process_time() - before_s
        of_test = evaluate(training, "test")[0][setting.selection_metric]
        rows.append(
            {"epoch": result.epoch, "score": result.metrics["score"], "test_score": of_test, "seconds": seconds}
        )
        before_s = time.process_time()
    return rows


def job_of(setting: Setting, point: Point, place: Place) -> Job:
    """The curve as a worker gets a trial, without a folder, since nothing is saved."""
    config, store, folder = config_of(setting, point), Store.open(Path(place.store)), Path(place.teachers)
    init = first_weights(config.init, config.student)
    spec = TrialSpec(
        config=config,
        data_fingerprint=store.fingerprint,
        split_fingerprint=store.split_fingerprint,
        teacher_fingerprint="+".join(load(folder, name).fingerprint for name in members(config.teacher)) or NO_TEACHER,
        init_fingerprint=RANDOM if init == RANDOM else load(folder, init).fingerprint,
    )
    return Job(
        spec=spec, store=place.store, teachers=place.teachers, folder="", cache=place.cache, cache_bytes=CACHE_BYTES
    )


def config_of(setting: Setting, point: Point) -> TrialConfig:
    """The configuration of the trial."""
    values = {
        **setting.knobs,
        **Cell.parse(point.cell).axes,
        "beta": point.beta,
        "learning_rate": point.learning_rate,
        "weight_decay": point.weight_decay,
        "seed": point.seed,
    }
    return TrialConfig(dataset=setting.dataset, **values)
