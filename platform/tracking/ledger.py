"""The ledger: what MLflow holds of a sweep, and the only memory that a sweep has.

A sweep is a parent run and a trial a run under it, found again by its tag ``trial`` (`TrialSpec.key`). A run is opened
before its trial starts and closed once it has ended, so a run without an end is a trial to resume.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NOTE

from analysis.reading.mlflow_frames import run_frame
from analysis.reading.record_form import RECORD_VERSION, UNKNOWN_FORM, key_of
from analysis.reading.tracking_uri import sqlite_file
from platform.sweeping.records import TrialRecord
from platform.tracking.data_inputs import Facts, as_input
from platform.tracking.database import make_database
from platform.tracking.recorded_trials import COLUMNS, TEST_AUC, records_of
from platform.tracking.restored import SameFile
from platform.tracking.settings import check_withdrawn, grown
from trainables.beta import BETA_CONVENTION
from trainables.trial import RECIPE_VERSION

MAX_TAG_CHARS = 5000  # MLflow's own limit on a tag's value


class Ledger:
    """The runs of one sweep in MLflow.

    Args:
        tracking_uri: where MLflow keeps them, for example ``sqlite:////data/results/mlflow.db``.
        experiment: MLflow's experiment: the data set's name.
        sweep: the sweep's name.
        facts: tags of the parent run, set again each time; the tag ``settings`` may only get more teachers.
        artifact_folder: where a new experiment's files go; None leaves that to the tracking server.

    Raises:
        ValueError: a sweep of that name has other settings.
    """

    file = SameFile(None)  # the SQLite file, where it is one

    def __init__(
        self, tracking_uri: str, experiment: str, sweep: str, facts: Mapping[str, str], artifact_folder: Path | None
    ) -> None:
        make_database(tracking_uri)
        self.file = SameFile(sqlite_file(tracking_uri))
        self._uri, self._experiment_name = tracking_uri, experiment
        self.client = MlflowClient(tracking_uri)
        self.sweep = sweep
        self.experiment_id = self._experiment(experiment, artifact_folder)
        self._facts = dict(facts)
        self.parent_id = self._parent()

    def records(self) -> list[TrialRecord]:
        """Every trial of the sweep under the present recipe, in the order in which they were opened."""
        runs = run_frame(self._uri, self._experiment_name, self.sweep).reindex(columns=COLUMNS)
        runs = runs[(runs["tags.kind"] == "trial") & (runs["tags.recipe"] == str(RECIPE_VERSION))]
        return records_of(runs.sort_values(["start_time", "run_id"]), self._uri)

    def record(self, run_id: str) -> TrialRecord:
        """The trial of that run."""
        run = self.client.get_run(run_id)
        tags = {f"tags.{name}": value for name, value in run.data.tags.items()}
        test_auc = run.data.metrics.get(key_of(TEST_AUC))
        row = {"run_id": run_id, "status": run.info.status, f"metrics.{TEST_AUC}": test_auc, **tags}
        return records_of(pd.DataFrame([row]).reindex(columns=COLUMNS), self._uri)[0]

    def run_id_of(self, key: str) -> str:
        """The id of the trial's run (`TrialSpec.key`); "" where it has none."""
        runs = self._search(f"tags.kind = 'trial' and tags.sweep = '{self.sweep}' and tags.trial = '{key}'")
        return str(runs[0].info.run_id) if runs else ""

    def describe(self, text: str, inputs: Iterable[Facts] = ()) -> None:
        """The parent run's description, in Markdown, and what the sweep's trials may read."""
        self.client.set_tag(self.parent_id, MLFLOW_RUN_NOTE, text)
        self.client.log_inputs(self.parent_id, [as_input(facts) for facts in inputs])

    def tag(self, name: str) -> str:
        """A tag of the parent run; "" where it has none of that name."""
        return str(self.client.get_run(self.parent_id).data.tags.get(name, ""))

    def set_tag(self, name: str, value: str) -> None:
        """Sets a tag of the parent run."""
        self.client.set_tag(self.parent_id, name, value)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Sets several tags of the parent run, in one call."""
        self.client.log_batch(self.parent_id, tags=[RunTag(name, value) for name, value in tags.items()])

    def open(self, record: TrialRecord, tags: Mapping[str, str], at_ms: int, inputs: Iterable[Facts] = ()) -> None:
        """Makes the trial's run, or reopens an earlier one, and notes its id in `record`; `inputs` are its images."""
        if record.run_id:
            self.client.update_run(record.run_id, status="RUNNING")
            self._log_params(record)
            return
        config, key = record.spec.config, record.spec.key
        all_tags = {
            MLFLOW_PARENT_RUN_ID: self.parent_id,
            "kind": "trial",
            "sweep": self.sweep,
            "trial": key,
            "study": record.study,
            "number": str(record.number),
            "spec": json.dumps(asdict(record.spec), sort_keys=True),
            "dataset": config.dataset,
            "phase": config.phase,
            "cell": record.spec.cell.name,
            "seed": str(config.seed),
            "recipe": str(RECIPE_VERSION),
            "record": str(RECORD_VERSION),
            "data_fingerprint": record.spec.data_fingerprint,
            "split_fingerprint": record.spec.split_fingerprint,
            "teacher_fingerprint": record.spec.teacher_fingerprint,
            "beta_convention": BETA_CONVENTION,
            **({"drawn": record.drawn} if record.drawn else {}),
            **tags,
        }
        name = f"{config.phase} {record.spec.cell.name} {record.title}"
        run = self.client.create_run(self.experiment_id, start_time=at_ms, run_name=name, tags=all_tags)
        record.run_id = run.info.run_id
        self._log_params(record)
        if datasets := [as_input(facts) for facts in inputs]:
            self.client.log_inputs(record.run_id, datasets)

    def log(self, run_id: str, metrics: Mapping[str, float], epoch: int, timestamp_ms: int) -> None:
        """The metrics of one epoch, in one call."""
        batch = [Metric(key_of(name), value, timestamp_ms, epoch) for name, value in metrics.items()]
        self.client.log_batch(run_id, batch)

    def close(
        self,
        run_id: str,
        status: str,
        files: Iterable[tuple[Path, str]],
        outcome: Mapping[str, str],
        at_ms: int,
    ) -> None:
        """Ends a trial's run with its outcome as tags; its files (path, folder within the artifacts) go first."""
        for path, folder in files:
            if path.exists():
                self.client.log_artifact(run_id, str(path), folder or None)
        tags = [RunTag(name, value[:MAX_TAG_CHARS]) for name, value in outcome.items() if value]
        self.client.log_batch(run_id, tags=tags)
        self.client.set_terminated(run_id, status=status, end_time=at_ms)

    def close_sweep(self, status: str) -> None:
        """Ends the parent run; the same command, run again, reopens it."""
        self.client.set_terminated(self.parent_id, status=status)

    def _experiment(self, name: str, artifact_folder: Path | None) -> str:
        experiment = self.client.get_experiment_by_name(name)
        if experiment is not None:
            return str(experiment.experiment_id)
        return str(self.client.create_experiment(name, artifact_folder.as_uri() if artifact_folder else None))

    def _parent(self) -> str:
        runs = self._search(f"tags.kind = 'sweep' and tags.sweep = '{self.sweep}'")
        tags = {"kind": "sweep", "sweep": self.sweep, "record": str(RECORD_VERSION), **self._facts}
        if runs:
            parent_id = str(runs[0].info.run_id)
            self._check_form(runs[0].data.tags.get("record", UNKNOWN_FORM))
            check_withdrawn(runs[0].data.tags, tags.get("settings", ""), self.sweep)
            tags["settings"] = grown(runs[0].data.tags.get("settings", ""), tags.get("settings", ""), self.sweep)
            self.client.update_run(parent_id, status="RUNNING")
            self.client.log_batch(parent_id, tags=[RunTag(name, value) for name, value in tags.items()])
            return parent_id
        return str(self.client.create_run(self.experiment_id, run_name=self.sweep, tags=tags).info.run_id)

    def _check_form(self, form: str) -> None:
        if form != str(RECORD_VERSION):
            raise ValueError(
                f"a sweep must be recorded in form {RECORD_VERSION} to be resumed, but {self.sweep} is in form {form}; "
                "give this one another --name, or resume that one with the version of the code that began it"
            )

    def _search(self, query: str) -> list[Run]:
        return list(self.client.search_runs([self.experiment_id], query))

    def _log_params(self, record: TrialRecord) -> None:
        params = [Param(name, str(value)) for name, value in asdict(record.spec.config).items()]
        self.client.log_batch(record.run_id, params=params)
