"""The runs in MLflow and their files with a row per image: which of these rows are of patients who have withdrawn."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from mlflow.entities import RunTag
from mlflow.tracking import MlflowClient
from numpy.typing import NDArray

from analysis.reading import artifacts, mlflow_frames, other_hospital, withdrawn_since
from analysis.reading.recorded_places import ARTIFACTS, local_path
from analysis.reading.tracking_uri import is_database, sqlite_file
from platform.sources.places import Places
from trainables import atomic
from trainables.data.withdrawn import Withdrawn

NEEDED = ("run_id", "artifact_uri", "status", "dataset", "tags.kind", "tags.sweep", "tags.data_fingerprint")
SHOWN = ("tags.cell", "tags.phase", "tags.mlflow.parentRunId", "params.seed", "params.split_draw", "params.fold")

_MODELS = "select source_run_id, artifact_location from logged_models order by creation_timestamp_ms, model_id"


@dataclass(frozen=True, kw_only=True)
class PredictionFile:
    """A file with a row per image, among a run's artifacts."""

    path: Path
    dataset: str  # of the run
    fingerprint: str  # of the run's images; "" where MLflow has forgotten the run
    target: str  # the other hospital whose images the rows of the split "external" are; "" for none
    target_fingerprint: str

    @property
    def columns(self) -> pd.DataFrame:
        """The patient and the split of each row."""
        return pd.read_parquet(self.path, columns=["patient", "split"])

    def is_gone(self, withdrawn: Withdrawn) -> NDArray[np.bool_]:
        """Which of its rows [N] are of patients who have withdrawn."""
        rows = self.columns
        is_own = rows["split"] != other_hospital.SPLIT
        own, others = (withdrawn.of(name) if name else set() for name in (self.dataset, self.target))
        return np.where(is_own, rows["patient"].isin(own), rows["patient"].isin(others))

    def rewrite_without(self, withdrawn: Withdrawn) -> None:
        """Puts the file without these rows in its place, in one step."""
        kept = pq.read_table(self.path).filter(~self.is_gone(withdrawn))
        with atomic.new_file(self.path) as part:
            pq.write_table(kept, part)


class RecordedRuns:
    """All runs of MLflow, of every data set.

    Args:
        places: the results.
        dataset: that of runs which MLflow has forgotten, but whose files are there.
    """

    def __init__(self, places: Places, dataset: str) -> None:
        self._places, self._uri, self._dataset = places, places.tracking_uri, dataset

    @property
    def is_local(self) -> bool:
        """Whether the files of runs can be written here; a server has its own."""
        return is_database(self._uri)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per run, with `NEEDED` and `SHOWN`; the data set by its tag: one experiment has all teachers."""
        database = sqlite_file(self._uri)
        if database is not None and not database.is_file():
            return pd.DataFrame(columns=[*NEEDED, *SHOWN])
        names = mlflow_frames.experiments(self._uri)
        frames = [mlflow_frames.run_frame(self._uri, name, None).assign(dataset=name) for name in names]
        whole = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        whole = whole.reindex(columns=list(dict.fromkeys([*NEEDED, *SHOWN, "tags.dataset", *whole.columns])))
        return whole.assign(dataset=whole["tags.dataset"].fillna(whole["dataset"]))

    def targets_of(self, run: pd.Series) -> dict[str, str]:
        """The other hospitals that its sweep has opened -> the fingerprint of their images."""
        parents = self.frame[self.frame["run_id"].isin([run["run_id"], run["tags.mlflow.parentRunId"]])]
        return {name: opened[-1].fingerprint for name, opened in other_hospital.opened(parents).items()}

    def files(self) -> Iterator[PredictionFile]:
        """Every file with a row per image that lies on this machine's disks."""
        if not self.is_local:
            return
        known: set[Path] = set()
        for _, run in self.frame.iterrows():
            folder = artifacts.folder_of(self._uri, run)
            if folder is not None and folder.is_dir():
                known.add(folder.resolve())
                targets = self.targets_of(run) if (folder / other_hospital.FOLDER).is_dir() else {}
                for path in _tables(folder):
                    yield _file(path, folder, str(run["dataset"]), str(run["tags.data_fingerprint"]), targets)
        for folder in sorted((self._places.results / ARTIFACTS).glob("*/artifacts")):
            if folder.resolve() not in known:
                for path in _tables(folder):
                    yield _file(path, folder, self._dataset, "", {})

    def tags(self, withdrawn: Withdrawn) -> dict[str, dict[str, str]]:
        """The tags that runs should have and do not have yet, by run: how many patients have left their images."""
        tags: dict[str, dict[str, str]] = {}
        for _, run in self.frame.iterrows():
            prints = {withdrawn_since.TAG: str(run["tags.data_fingerprint"])}
            prints |= {withdrawn_since.tag_of_target(name): each for name, each in self.targets_of(run).items()}
            numbers = {name: str(len(withdrawn.left(each))) for name, each in prints.items() if withdrawn.left(each)}
            new = {name: number for name, number in numbers.items() if run.get(f"tags.{name}") != number}
            if new:
                tags[str(run["run_id"])] = new
        return tags

    def models(self) -> dict[str, list[Path]]:
        """Run -> the folders of models with a copy of its weights; MLflow keeps those of deleted models, too."""
        database = sqlite_file(self._uri)
        if database is None or not database.is_file():
            return {}
        with closing(sqlite3.connect(database)) as connection:
            recorded = connection.execute(_MODELS).fetchall()
        models: dict[str, list[Path]] = {}
        for run_id, address in recorded:
            path = local_path(str(address))
            if path is not None and path.is_dir():
                models.setdefault(str(run_id), []).append(path)
        return models

    def set_tags(self, tags: Mapping[str, Mapping[str, str]]) -> None:
        """Sets tags of runs."""
        client = MlflowClient(self._uri)
        for run_id, of_run in tags.items():
            client.log_batch(run_id, tags=[RunTag(name, value) for name, value in of_run.items()])

    def affected(self, withdrawn: Withdrawn) -> pd.DataFrame:
        """The runs whose own images patients have left."""
        has_lost = self.frame["tags.data_fingerprint"].map(lambda each: bool(withdrawn.left(str(each))))
        return self.frame[has_lost.astype(bool)]


def _tables(folder: Path) -> list[Path]:
    """The files of a folder that name patients by row."""
    return [
        path for path in sorted(folder.rglob("*.parquet")) if {"patient", "split"} <= set(pq.read_schema(path).names)
    ]


def _file(path: Path, folder: Path, dataset: str, fingerprint: str, targets: Mapping[str, str]) -> PredictionFile:
    parts = path.relative_to(folder).parts
    target = parts[1].removesuffix(".parquet") if parts[0] == other_hospital.FOLDER and len(parts) > 1 else ""
    return PredictionFile(
        path=path,
        dataset=dataset,
        fingerprint=fingerprint,
        target=target,
        target_fingerprint=targets.get(target, ""),
    )
