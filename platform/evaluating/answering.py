"""What recorded students, and teachers, answer to images that they were not trained on.

Shapes: N images, L labels or classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from analysis.reading import artifacts, other_hospital, predictions
from analysis.reading.trials import Runs
from analysis.scores.classes import matched
from platform.evaluating.external_images import OtherHospital, relabelled
from trainables.cell import ITSELF
from trainables.data.store import Store
from trainables.models.deployed import load_student, probabilities
from trainables.prediction_rows import prediction_rows
from trainables.teachers.itself import Itself
from trainables.teachers.shelf import Teacher

NUM_AT_ONCE = 1024  # images that are in memory together
BATCH_SIZE = 128
MULTICLASS = "multiclass"


@dataclass(frozen=True, kw_only=True)
class Answering:
    """Whom to ask, and about which images."""

    runs: Runs
    results: Path
    home: Store | None  # the students' own images; None where they are gone
    task: str
    label_names: tuple[str, ...]  # of the students' outputs
    hospital: OtherHospital
    device: torch.device

    def of_run(self, run: pd.Series) -> pd.DataFrame | None:
        """What a confirming repeat answers, as rows of a file; None where its weights, or its teacher's, are gone."""
        network = self._network(run)
        if network is None:
            return None
        columns = [self.label_names.index(name) for name in self.hospital.labels]
        store, rows = self.hospital.store, self.hospital.rows
        answers_NL = self._answers(network, store, rows, str(run["params.precision"]))[:, columns]
        named = relabelled(store, self.hospital.labels)
        return pd.DataFrame(prediction_rows(named, rows, other_hospital.SPLIT, answers_NL).to_pandas())

    def of_teacher(self, teacher: Teacher) -> pd.DataFrame:
        """What a teacher answers for the labels that it shares with both sets; to the students' own test images too,
        where those are at hand and the same for all repeats.
        """
        of_teacher = self.columns_of(teacher, self.hospital, self.label_names, self.task)
        network = teacher.network().eval().to(self.device)
        places = [teacher.label_names.index(name) for name in of_teacher.values()]
        parts = [(self.hospital.store, self.hospital.rows, other_hospital.SPLIT, self.hospital.labels)]
        if self.home is not None and self.runs.design.is_on_one_split:
            own = {name: name for name in self.label_names}
            parts.append((self.home, self.home.rows("test"), predictions.TEST, own))
        frames = []
        for store, rows, split, labels in parts:
            answers_NL = self._answers(network, store, rows, "float32")[:, places]
            named = relabelled(store, {name: labels[name] for name in of_teacher})
            frames.append(prediction_rows(named, rows, split, answers_NL).to_pandas())
        return pd.concat(frames, ignore_index=True)

    @staticmethod
    def columns_of(teacher: Teacher, hospital: OtherHospital, label_names: Sequence[str], task: str) -> dict[str, str]:
        """The shared labels that a teacher has outputs for -> its names for them; {} if it cannot be compared."""
        if teacher.task != task:
            return {}
        known = matched(label_names, teacher.label_names)
        shared = {name: known[name] for name in hospital.labels if name in known}
        is_whole = len(shared) == len(hospital.labels) == len(teacher.label_names)
        return shared if is_whole or task != MULTICLASS else {}

    def _network(self, run: pd.Series) -> nn.Module | None:
        if run["params.method"] == ITSELF:
            prints = str(run["tags.teacher_fingerprint"]).split("+")
            teachers = [artifacts.teacher_of(self.results, fingerprint) for fingerprint in prints]
            at_hand = [teacher for teacher in teachers if teacher is not None]
            if len(at_hand) < len(teachers):
                return None
            return Itself(at_hand, self.task, self.label_names).eval().to(self.device)
        folder = artifacts.of_run(self.runs.tracking_uri, run, "model")
        files = sorted(folder.glob("*.safetensors")) if folder else []
        if not files:
            return None
        return load_student(files[-1], str(run["params.student"]), len(self.label_names)).to(self.device)

    def _answers(
        self, network: nn.Module, store: Store, rows: NDArray[np.int64], precision: str
    ) -> NDArray[np.float32]:
        chunks = [
            probabilities(
                network,
                self.task,
                store.gather(rows[start : start + NUM_AT_ONCE]),
                BATCH_SIZE,
                device=self.device,
                precision=precision,
            )
            for start in range(0, len(rows), NUM_AT_ONCE)
        ]
        return np.concatenate(chunks)


def task_of(runs: Runs, home: Store | None) -> str:
    """What the students tell apart: "multiclass" or "multilabel".

    Raises:
        LookupError: their images and their predictions are gone.
    """
    if home is not None:
        return home.task
    for _, run in runs.confirm.iterrows():
        scored = predictions.load(runs.tracking_uri, run)
        if scored is not None:
            return MULTICLASS if scored.is_multiclass else "multilabel"
    raise LookupError(
        f"the prepared images of {runs.dataset} (fingerprint {runs.data_fingerprint}) and the runs' predictions are "
        "gone: say with --results where they are"
    )
