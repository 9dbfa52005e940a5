"""A trial as a sweep knows it, wherever its record comes from: the ledger, the plan or the journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from trainables.trial import TrialSpec


@dataclass(kw_only=True)
class TrialRecord:
    """One trial: what it is, and how far it has come."""

    spec: TrialSpec
    study: str  # the study that asked for it; "" in the other phases
    number: int  # the trial's number within its study, or the repeat's number
    status: str = "RUNNING"  # "RUNNING", "FINISHED" or "FAILED"
    stopped: str = ""  # "asha" where the trial was stopped early
    best_scores: list[float] = field(default_factory=list)  # after each epoch, the best validation score so far
    num_judged: int = 0  # epochs after which the scheduler let the trial continue
    run_id: str = ""
    node: str = ""  # the address of the machine that trained it last
    seconds: float = 0.0  # for which it has held its CPUs and GPUs
    test_auc: float | None = None  # of a finished repeat, where it is defined
    error: str = ""  # why it failed

    @property
    def score(self) -> float | None:
        """The best validation score, None where the trial failed or has not reported yet."""
        return self.best_scores[-1] if self.best_scores and self.status != "FAILED" else None

    @property
    def title(self) -> str:
        """The trial within its cell, as people count: from 1."""
        return f"repeat {self.number}" if self.spec.config.phase == "confirm" else f"trial {self.number + 1}"


def trial_folder(sweep_folder: Path, key: str) -> Path:
    """Where the trial with that `TrialSpec.key` keeps its state."""
    return sweep_folder / "trials" / key
