"""A search in MLflow as a sweep records it, trial by trial, for tests of what is made of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from platform.sweeping.records import TrialRecord
from platform.tracking.ledger import Ledger
from trainables.cell import Cell
from trainables.config import TrialConfig
from trainables.trial import TrialSpec

TRANSFER = Cell(method="transfer", teacher="none", student="densenet40")
ATTENTION = Cell(method="attention", teacher="imagenet", student="densenet40")
TUNED = {"learning_rate": [1e-4, 2e-3], "weight_decay": [1e-6, 1e-2]}
BASE = TrialConfig(
    dataset="retina", method="transfer", learning_rate=1e-3, weight_decay=1e-4, max_epochs=3, selection_metric="kappa"
)
START_MS = 1_700_000_000_000


@dataclass
class Sweep:
    """Trials as a sweep writes them; each begins a second after the one before it."""

    folder: Path
    ledger: Ledger
    num_trials: int = 0

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    def trial(
        self, cell: Cell, number: int, curve: list[float], *, study: str = "", status: str = "FINISHED",
        stopped: str = "", phase: str = "search", **config: Any,
    ) -> str:  # fmt: skip
        own = replace(BASE, phase=phase, **{**cell.axes, **config})
        spec = TrialSpec(config=own, data_fingerprint="d", split_fingerprint="s")
        record = TrialRecord(spec=spec, study=study or cell.name, number=number)
        self.num_trials += 1
        begun_ms = START_MS + 1000 * self.num_trials
        self.ledger.open(record, {"data": "phantom"}, begun_ms)
        for epoch, score in enumerate(curve, 1):
            metrics = {"score": score, "best_score": max(curve[:epoch]), "rung": 1.0}
            self.ledger.log(record.run_id, metrics, epoch, begun_ms + 100 * epoch)
        if status != "RUNNING":
            outcome = {"stopped": stopped, "error": "the loss must be finite" * (status == "FAILED")}
            self.ledger.close(record.run_id, status, [], outcome, begun_ms + 500)
        return record.run_id


def sweep_in(
    folder: Path, empty_mlflow: Path, name: str = "first", search: str = "optuna", dataset: str = "retina"
) -> Sweep:
    """A sweep of that data set, without a trial, in the MLflow file of the folder; made from an empty one if needed."""
    if not (folder / "mlflow.db").exists():
        shutil.copy(empty_mlflow, folder / "mlflow.db")
    facts = {"settings": json.dumps({"tuned": TUNED, "search": search}), "dataset": dataset, "data": "phantom"}
    return Sweep(folder, Ledger(f"sqlite:///{folder / 'mlflow.db'}", dataset, name, facts, folder / "artifacts"))
