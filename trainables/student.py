"""One trial as Ray Tune runs it: `trainables.loop` behind Ray's class interface. The only file here that imports ray.

torch is imported in a trial's first step, not with this file: if a process took ten seconds to start, Ray would give
its trial to one that had just become free, end the process, and start it again for the next trial.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray.tune

if TYPE_CHECKING:
    from trainables.training import EpochResult


class StudentTrial(ray.tune.Trainable):
    """Trains one student; a step is an epoch.

    The trial's own folder (shared by all machines of a cluster) is its memory: however the process ended, a new one
    with the same configuration first repeats the epochs that were reported and then continues, so that Ray's scheduler
    and the ledger see one uninterrupted trial.
    """

    _job: dict[str, Any]
    _epochs: Iterator[EpochResult] | None

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
        """
        from trainables.data.replaced_store import ReplacedStoreError, check_same
        from trainables.job import GpuFullError, Job
        from trainables.judging import NonFiniteLossError, UndefinedScoreError
        from trainables.meter import hardware

        try:
            if self._epochs is None:
                job = Job.from_dict(self._job)
                check_same(Path(job.store), job.spec.data_fingerprint)
                self._epochs = job.run()
            result = next(self._epochs)
        except (NonFiniteLossError, UndefinedScoreError, GpuFullError) as error:
            return {"done": True, "error": str(error)}
        except ReplacedStoreError as error:  # no trial could go on: the driver ends the sweep
            return {"done": True, "refused": str(error)}
        return {
            "epoch": result.epoch,
            "metrics": result.metrics,
            "costs": result.costs,
            "hardware": hardware(),
            "best_score": result.best_score,
            "done": result.last,
        }

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Notes the trial's own folder, where each epoch is saved anyway."""
        (Path(checkpoint_dir) / "folder.txt").write_text(str(self._job["folder"]))

    def load_checkpoint(self, checkpoint: dict[str, Any] | str | None) -> None:
        """Nothing to load: the trial's own folder is read when its first step begins."""

    def cleanup(self) -> None:
        self._epochs = None  # frees the student and the teacher

    def _assign(self, config: dict[str, Any]) -> None:
        self._job = config["job"]
        self._epochs = None
