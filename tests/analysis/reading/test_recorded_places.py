"""Where runs' files are, and where MLflow says that they are, after a results folder was moved, copied or mounted."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from analysis.reading import artifacts
from analysis.reading.recorded_places import beside, elsewhere, local_path


@pytest.fixture
def results(empty_mlflow: Path, tmp_path: Path) -> Path:
    """A results folder with one run that has a file; its name has what a URI must quote."""
    folder = tmp_path / "my résults 100%"
    folder.mkdir()
    shutil.copy(empty_mlflow, folder / "mlflow.db")
    client = MlflowClient(uri(folder))
    experiment = client.create_experiment("retina", (folder / "artifacts").as_uri())
    (tmp_path / "predictions.parquet").write_text("predicted")
    client.log_artifact(client.create_run(experiment).info.run_id, str(tmp_path / "predictions.parquet"))
    return folder


def uri(folder: Path) -> str:
    return f"sqlite:///{folder / 'mlflow.db'}"


def run_of(folder: Path) -> pd.Series:
    (run,) = MlflowClient(uri(folder)).search_runs(["1"])  # 0 is MLflow's own experiment
    return pd.Series({"run_id": run.info.run_id, "artifact_uri": run.info.artifact_uri})


def test_a_folder_that_stayed_is_nowhere_else(results: Path) -> None:
    assert elsewhere(results / "mlflow.db") == {}


def test_a_moved_folder_names_the_one_that_it_was(results: Path, tmp_path: Path) -> None:
    old = str(results)
    results.rename(tmp_path / "new")
    assert elsewhere(tmp_path / "new" / "mlflow.db") == {(Path(old) / "artifacts").as_uri(): Path(old)}


def test_a_run_that_was_recorded_elsewhere_is_found_although_its_experiment_is_right(
    results: Path, tmp_path: Path
) -> None:
    results.rename(tmp_path / "new")
    with sqlite3.connect(tmp_path / "new" / "mlflow.db") as database:
        new = (tmp_path / "new" / "artifacts").as_uri()
        database.execute("update experiments set artifact_location = ? where name = 'retina'", (new,))
    assert list(elsewhere(tmp_path / "new" / "mlflow.db").values()) == [results]


def test_one_folder_under_two_names_is_one(results: Path, tmp_path: Path) -> None:
    (tmp_path / "mount").symlink_to(results)
    assert elsewhere(tmp_path / "mount" / "mlflow.db") == {}


def test_what_is_no_file_of_mlflows_names_nothing(tmp_path: Path) -> None:
    assert elsewhere(tmp_path / "none.db") == {} and not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("no database" * 100)
    sqlite3.connect(tmp_path / "empty.db").close()
    assert elsewhere(tmp_path / "text.db") == elsewhere(tmp_path / "empty.db") == {}


def test_a_locked_file_is_no_answer(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path: connect(path, timeout=0))
    with connect(results / "mlflow.db") as database:
        database.execute("begin exclusive")
        message = (
            r"MLflow must answer at (.*mlflow\.db), but: database is locked; end the program .* \(`lsof \1` names it"
        )
        with pytest.raises(ConnectionError, match=message):
            elsewhere(results / "mlflow.db")


@pytest.mark.parametrize("is_copy", [False, True])
def test_files_are_read_beside_the_database_and_nothing_is_written(
    results: Path, tmp_path: Path, is_copy: bool
) -> None:
    new = tmp_path / "new"
    shutil.copytree(results, new) if is_copy else results.rename(new)
    run = run_of(new)
    (new / "artifacts" / run["run_id"] / "artifacts" / "predictions.parquet").write_text("the copy's own")
    before = (new / "mlflow.db").read_bytes()
    path = artifacts.of_run(uri(new), run, "predictions.parquet")
    assert path is not None and path.is_relative_to(new) and path.read_text() == "the copy's own"
    assert artifacts.of_run(uri(new), run, "absent") is None
    assert (new / "mlflow.db").read_bytes() == before


def test_files_that_are_only_in_the_old_folder_are_read_there(results: Path, tmp_path: Path) -> None:
    shutil.copytree(results, tmp_path / "new", ignore=shutil.ignore_patterns("artifacts"))
    path = artifacts.of_run(uri(tmp_path / "new"), run_of(tmp_path / "new"), "predictions.parquet")
    assert path is not None and path.read_text() == "predicted" and path.is_relative_to(results)


def test_an_address_that_is_not_a_results_folders_is_taken_as_it_is(tmp_path: Path) -> None:
    for recorded in (tmp_path / "mlruns" / "1" / "run" / "artifacts", Path("/short")):
        assert beside(tmp_path / "mlflow.db", recorded) == recorded


def test_addresses_of_files() -> None:
    assert local_path("file:" + "//" + "/a%20b/100%25") == Path("/a b/100%")
    assert local_path("/a%20b") == Path("/a%20b")
    assert local_path("mlflow-artifacts:/1") is None and local_path("s3://bucket/1") is None
