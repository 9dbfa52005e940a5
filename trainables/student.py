"""One trial as Ray Tune runs it: `trainables.job` behind Ray's class interface. The only file here that imports ray.

A trial of Ray's may be a pack: several trials of the sweep, of one cell, that are trained together (`trainables.pack`).

torch is imported in a trial's first step, not with this file: if a process took ten seconds to start, Ray would give
its trial to one that had just become free, end the process, and start it again for the next trial.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray.tune

if TYPE_CHECKING:
    from trainables.job import Job
    from trainables.pack import Pack, Reports
    from trainables.training import EpochResult

MEMBERS, NUM_LEFT = "members", "num_left"  # of a pack's result: what each member reports, and how many train on


class StudentTrial(ray.tune.Trainable):
    """Trains one student, or those of a pack; a step is an epoch.

    Its configuration has a ``job``, and a pack's has more of them, in the configurations of its other members
    (``beside``, by key).

    The trial's own folder (shared by all machines of a cluster) is its memory: however the process ended, a new one
    with the same configuration first repeats the epochs that were reported and then continues, so that Ray's scheduler
    and the ledger see one uninterrupted trial.
    """

    _job: dict[str, Any]
    _beside: list[dict[str, Any]]
    _epochs: Iterator[EpochResult] | None
    _pack: tuple[Pack, Iterator[Reports]] | None

    def setup(self, config: dict[str, Any]) -> None:
        self._assign(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Takes the next trial without a new process. Only notes it, since Ray treats an error in here as final."""
        self._assign(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Trains one epoch.

        A loss that is not finite, a score that is not defined, or a GPU that is too small ends the trial with the
        reason under ``error``; prepared images that are not the sweep's end the sweep, with it under ``refused``.

        A pack's result has one such result for each member that reports, with its ``key``, under ``members``.
        """
        from trainables.data.replaced_store import ReplacedStoreError
        from trainables.job import GpuFullError
        from trainables.judging import NonFiniteLossError, UndefinedScoreError
        from trainables.meter import hardware

        try:
            result = self._step_of_pack() if self._beside else _as_dict(self._next())
        except (NonFiniteLossError, UndefinedScoreError, GpuFullError) as error:
            return _ending(error)
        except ReplacedStoreError as error:  # no trial could go on: the driver ends the sweep
            return {"done": True, "refused": str(error)}
        return {**result, "hardware": hardware()}

    def _next(self) -> EpochResult:
        if self._epochs is None:
            self._epochs = _checked(self._job).run()
        return next(self._epochs)

    def _step_of_pack(self) -> dict[str, Any]:
        from trainables.pack import Pack, note_of
        from trainables.training import EpochResult

        if self._pack is None:
            pack = Pack([_checked(job) for job in (self._job, *self._beside)], lambda job: note_of(job.folder).exists())
            self._pack = pack, pack.run()
        pack, epochs = self._pack
        members = [
            {"key": key, **(_as_dict(report) if isinstance(report, EpochResult) else _ending(report))}
            for key, report in next(epochs, {}).items()
        ]
        num_left = pack.num_left()
        return {MEMBERS: members, NUM_LEFT: num_left, "done": num_left == 0}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Notes the trial's own folder, where each epoch is saved anyway."""
        (Path(checkpoint_dir) / "folder.txt").write_text(str(self._job["folder"]))

    def load_checkpoint(self, checkpoint: dict[str, Any] | str | None) -> None:
        """Nothing to load: the trial's own folder is read when its first step begins."""

    def cleanup(self) -> None:
        self._epochs = self._pack = None  # frees the student and the teacher

    def _assign(self, config: dict[str, Any]) -> None:
        self._job = config["job"]
        self._beside = [each["job"] for each in config.get("beside", {}).values()]
        self._epochs = self._pack = None


def _checked(values: dict[str, Any]) -> Job:
    """The job of these plain values; raises `ReplacedStoreError` where the prepared images are not the sweep's."""
    from trainables.data.replaced_store import check_same
    from trainables.job import Job

    job = Job.from_dict(values)
    check_same(Path(job.store), job.spec.data_fingerprint)
    return job


def _as_dict(result: EpochResult) -> dict[str, Any]:
    return {
        "epoch": result.epoch,
        "metrics": result.metrics,
        "costs": result.costs,
        "best_score": result.best_score,
        "done": result.last,
    }


def _ending(error: Exception) -> dict[str, Any]:
    return {"done": True, "error": str(error)}
