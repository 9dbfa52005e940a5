"""A trial on a worker: from fingerprints and paths to a training that saves itself after every epoch."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import nn

from trainables import checkpoint
from trainables.answers_kept import cache_key
from trainables.atomic import patiently, write_bytes
from trainables.cell import ITSELF, NO_TEACHER, members
from trainables.data.nearby import nearby
from trainables.data.resplit import split_for
from trainables.data.store import Store
from trainables.data.withdrawn import check_before_reading
from trainables.energy import WATTS_PER_CORE
from trainables.freed_memory import keep_freed_memory
from trainables.init_names import RANDOM
from trainables.judging import evaluate
from trainables.latency import latencies
from trainables.loop import train, untrained
from trainables.meter import Meter
from trainables.models.architectures import build
from trainables.models.beginning import give_first_weights
from trainables.models.eyes import look_through
from trainables.models.freezing import unfreeze
from trainables.prediction_rows import PREDICTIONS_FILE, predictions
from trainables.stuck_steps import Watch, watching
from trainables.teachers.cache import KnowledgeCache
from trainables.teachers.guide import Guide
from trainables.teachers.imagenet import first_weights
from trainables.teachers.itself import Itself
from trainables.teachers.shelf import Teacher, eyes_of_first_weights, load
from trainables.training import EpochResult, Training, resume, state_of
from trainables.trial import TrialSpec

MIN_MICRO_BATCH_SIZE = 2  # batch norm cannot normalise a single value


class GpuFullError(RuntimeError):
    """The GPU has no room for so many images at once."""

    def __init__(self, spec: TrialSpec, micro_batch_size: int | None) -> None:
        self.num_images = micro_batch_size or spec.config.batch_size
        super().__init__(
            f"the GPU must have room for {self.num_images} images at once, but does not, in {spec.cell}: "
            "give each trial more of it (--gpus-per-trial), or make the images smaller (--image-size)"
        )


@dataclass(frozen=True, kw_only=True)
class Job:
    """A trial, and where a worker finds what it needs. All paths are absolute."""

    spec: TrialSpec
    store: str  # the prepared data set
    teachers: str  # the folder of the prepared teachers, which also give the first weights
    folder: str  # the trial's own folder: checkpoints and predictions
    num_threads: int = 1
    cache: str = ""  # the folder of the knowledge cache, on this machine's own disk; "" for none
    cache_bytes: int = 0  # its budget
    local: str = ""  # a folder on this machine's own disk for a copy of the store; "" where the store itself is read
    gpus: float = 1.0  # the share of a GPU that it holds, where there is one
    watts_per_core: float = WATTS_PER_CORE  # of the CPU, for an estimate of its energy
    step_timeout_s: float | None = None  # after which a step that hangs ends the process; None for never

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for Ray to carry."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Job:
        """The inverse of `as_dict`."""
        return cls(**{**values, "spec": TrialSpec.from_dict(values["spec"])})

    def run(self) -> Generator[EpochResult, None, None]:
        """Trains from the last checkpoint, or from the start; saves after every epoch, before it is reported.

        Where the GPU is too small for a batch, the trial continues from its last checkpoint with half as many images at
        once, whose gradients add up to the same batch, and says so in its metrics.

        Raises:
            NonFiniteLossError: the loss of an epoch is not finite.
            UndefinedScoreError: the selection metric is not defined on the validation set.
            GpuFullError: not even the smallest part of a batch fits.
        """
        reported, micro_batch_size = 0, None
        meter = self.meter()
        watch = Watch(self.spec.cell.name, Path(self.folder), self.step_timeout_s)
        while True:
            try:
                with watching(watch):
                    for result in self._epochs(micro_batch_size, meter):
                        if result.epoch > reported:
                            reported = result.epoch
                            yield result
                    return
            except GpuFullError as error:
                if error.num_images <= MIN_MICRO_BATCH_SIZE:
                    raise
                micro_batch_size = error.num_images // 2
            # Out here nothing holds the broken training any more, so its memory goes back to the device.
            gc.collect()
            torch.cuda.empty_cache()

    def meter(self) -> Meter:
        """Readies this process for the job, and counts what it uses from now on."""
        torch.set_num_threads(self.num_threads)
        if not torch.cuda.is_available():
            config = self.spec.config
            keep_freed_memory((config.cell.name, config.image_size_px, config.batch_size, config.precision, self.store))
        return Meter(gpus=self.gpus, watts_per_core=self.watts_per_core)

    def _epochs(self, micro_batch_size: int | None, meter: Meter) -> Iterator[EpochResult]:
        training = self.resumed(self.opened_store())
        training.micro_batch_size = micro_batch_size or training.micro_batch_size
        num_saved = len(training.history)
        try:
            if self.spec.config.method == ITSELF:  # nothing to save: scoring it again has the same outcome
                result = self.tested(training, untrained(training))
                yield self.with_costs(training, result, meter, meter.take())
                return
            for result in train(training):
                if result.epoch > num_saved:
                    result = self.tested(training, result)
                    work = training.guide.take_work() if training.guide else {}
                    result = self.with_costs(training, result, meter, meter.take(work))
                    self.save(training, result)
                yield result
        except torch.OutOfMemoryError as error:
            raise GpuFullError(self.spec, training.micro_batch_size) from error

    def resumed(self, store: Store, beside: Guide | None = None) -> Training:
        """The training after its last saved epoch, on the images of `store`; `beside` as in `training`."""
        training = self.training(store, beside)
        if saved := checkpoint.load_state(Path(self.folder)):
            resume(training, *saved)
        return training

    def save(self, training: Training, result: EpochResult) -> None:
        """Saves the epoch, whose result this is by now."""
        folder = Path(self.folder)
        if result.best_epoch == result.epoch or not checkpoint.best_path(folder, result.best_epoch).exists():
            checkpoint.save_best(folder, result.best_epoch, training.best_weights)  # again, where it was deleted
        training.history[-1] = result
        checkpoint.save_state(folder, result.epoch, result.best_epoch, state_of(training))

    def tested(self, training: Training, result: EpochResult) -> EpochResult:
        """The epoch; the last one of a confirm run opens the test set."""
        if not self._opens_the_test_set(result):
            return result
        return replace(result, metrics=result.metrics | self._open_the_test_set(training))

    def with_costs(
        self, training: Training, result: EpochResult, meter: Meter, used: Mapping[str, float]
    ) -> EpochResult:
        """The epoch with its costs; `used` is what it took."""
        before = training.history[-2].costs if len(training.history) > 1 else {}
        speeds = latencies(training) if self._opens_the_test_set(result) else {}
        return replace(result, costs=meter.totals(before, used) | speeds)

    def _opens_the_test_set(self, result: EpochResult) -> bool:
        return result.last and self.spec.config.phase != "search"

    def training(self, store: Store, beside: Guide | None = None) -> Training:
        """The training before its first epoch, on the images of `store`.

        Args:
            beside: the teacher's side of another job's training, whose networks and cache this one shares.
        """
        config = self.spec.config
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        teachers = [load(Path(self.teachers), name) for name in members(config.teacher)]
        student = self._student(teachers, store)
        guide = None
        if config.teacher != NO_TEACHER and config.method != ITSELF:
            guide = Guide(
                config.method,
                config.student,
                teachers,
                device,
                task=store.task,
                label_names=store.label_names,
                knobs=dict(config.knobs),
                seed=config.seed_of_init,
                batch_size=config.batch_size,
                cache=None if beside else self._cache(teachers, store, device),
                beside=beside,
            )
        return Training(config=config, store=store, student=student, guide=guide, device=device)

    def _student(self, teachers: list[Teacher], store: Store) -> nn.Module:
        """The student before its first epoch; or the teacher, where that is scored itself."""
        config = self.spec.config
        if config.method == ITSELF:
            return Itself(teachers, store.task, store.label_names)
        torch.manual_seed(config.seed_of_init)  # decides the layers that no weights are loaded into
        student = build(config.student, len(store.label_names))
        source = first_weights(config.init, config.student)
        origin = None if source == RANDOM else load(Path(self.teachers), source)
        give_first_weights(student, config.student, config.init, origin.state_dict() if origin else None)
        if config.phase == "pretrain":  # a teacher keeps its eyes; a student has those of its architecture
            look_through(student, eyes_of_first_weights(config.init, config.student, origin))
        unfreeze(student, config.student, config.unfreeze)
        return student

    def opened_store(self) -> Store:
        """The prepared data set, or its copy on this machine's own disk, made at first use; split as the trial asks."""
        path = Path(self.store)
        check_before_reading(path, self.spec.data_fingerprint, local=self.local, cache=self.cache)
        path = nearby(path, self.spec.data_fingerprint, Path(self.local)) if self.local else path
        return split_for(Store.open(path), self.spec.config)

    def _cache(self, teachers: list[Teacher], store: Store, device: torch.device) -> KnowledgeCache | None:
        if not self.cache_bytes:
            return None
        key = cache_key(self.spec.config, teachers, store, device, num_threads=self.num_threads)
        return KnowledgeCache(Path(self.cache), key, store.num_images, self.cache_bytes)

    def _open_the_test_set(self, training: Training) -> dict[str, float]:
        """The best student's metrics on the test set, with one row of `PREDICTIONS_FILE` per validation and test image.

        Thresholds and temperatures are fitted on the validation rows, so that no test label decides them.
        """
        training.scored.load_state_dict(training.best_weights)
        metrics, probabilities_NL = evaluate(training, "test")
        on_validation_NL = evaluate(training, "validation")[1]
        table = pa.concat_tables(
            [
                predictions(training.store, "validation", on_validation_NL),
                predictions(training.store, "test", probabilities_NL),
            ]
        )
        file = pa.BufferOutputStream()
        pq.write_table(table, file)
        path, payload = Path(self.folder) / PREDICTIONS_FILE, file.getvalue().to_pybytes()
        patiently(lambda: write_bytes(path, payload), "the predictions", path.parent)
        return {f"test_{name}": value for name, value in metrics.items()}
