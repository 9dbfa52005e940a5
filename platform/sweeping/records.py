"""A trial as a sweep knows it, wherever its record comes from: the ledger, the plan or the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from platform.sweeping.redraws import FOLD, in_words
from trainables.trial import TrialSpec


@dataclass(kw_only=True)
class TrialRecord:
    """One trial: what it is, and how far it has come."""

    spec: TrialSpec
    study: str  # the study that asked for it; "" in the other phases
    number: int  # the trial's number within its study, or the repeat's among those that draw the same anew
    drawn: str = ""  # of a repeat: the sources that it draws anew, as `platform.sweeping.redraws` says
    status: str = "RUNNING"  # "RUNNING", "FINISHED" or "FAILED"
    stopped: str = ""  # the scheduler that stopped the trial early, such as "asha"
    best_scores: list[float] = field(default_factory=list)  # after each epoch, the best validation score so far
    behind_gap: frozenset[int] = frozenset()  # epochs that the ledger has, although it lacks earlier ones
    known_to: int = 0  # the epoch that the trial is known to have reached, where the ledger lacks epochs before it
    num_judged: int = 0  # epochs after which the scheduler let the trial continue
    run_id: str = ""
    node: str = ""  # the address of the machine that trained it last
    hardware: str = ""  # the GPU or the CPU of that machine
    seconds: float = 0.0  # for which it has held its CPUs and GPUs
    test_auc: float | None = None  # of a finished repeat, where it is defined
    error: str = ""  # why it failed

    @property
    def score(self) -> float | None:
        """The best validation score, None where the trial failed or has not reported yet."""
        return self.best_scores[-1] if self.best_scores and self.status != "FAILED" else None

    @property
    def title(self) -> str:
        """The trial within its cell, as people count: from 1; and, unless it is the seed alone, what it draws anew."""
        config = self.spec.config
        fold = f"fold {config.fold}, " if config.fold else ""
        if config.phase != "confirm":
            return f"{fold}trial {self.number + 1}"
        anew = "" if self.drawn in ("", "seed", FOLD) else f" (new {in_words(self.drawn)})"
        return f"{fold}repeat {self.number}{anew}"


def trial_folder(sweep_folder: Path, key: str) -> Path:
    """Where the trial with that `TrialSpec.key` keeps its state."""
    return sweep_folder / "trials" / key


def out_of_memory(record: TrialRecord, metrics: Mapping[str, float]) -> str:
    """How the trial continued where the GPU was too small for its batch; "" where it was not."""
    if "micro_batch_size" not in metrics:
        return ""
    size = int(metrics["micro_batch_size"])
    return f"ended with at most {size} of the batch's {record.spec.config.batch_size} images at once"
