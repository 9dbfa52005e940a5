"""A results folder that was moved or copied: noticed before anything is written, adopted in one step."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient
from mlflow.tracking._tracking_service import utils

import platform.pretrain
import platform.sweep
from platform.sources.places import Places
from platform.sweeping.conduct_sweep import alone
from platform.tracking import adopting
from platform.tracking.adopting import BACKUP, adopt, check_place


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def old(empty_mlflow: Path, tmp_path: Path) -> Path:
    """The results of a sweep with a finished run and a running one, each with a file, and a registered model."""
    folder = tmp_path / "old"
    (folder / "sweeps" / "first").mkdir(parents=True)
    (folder / "sweeps" / "first" / "lock").touch()
    shutil.copy(empty_mlflow, folder / "mlflow.db")
    client = client_of(folder)
    experiment = client.create_experiment("retina", (folder / "artifacts").as_uri())
    (tmp_path / "file").write_text("trained")
    for status in ("FINISHED", "RUNNING"):
        run = client.create_run(experiment)
        client.log_artifact(run.info.run_id, str(tmp_path / "file"), "model")
        client.update_run(run.info.run_id, status=status)
    client.create_registered_model("best")
    client.create_model_version("best", f"{run.info.artifact_uri}/model", run.info.run_id)
    return folder


@pytest.fixture(params=["moved", "copied"])
def new(old: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    utils._artifact_repos_cache.clear()  # by which this process would remember the places: another one asks MLflow
    if request.param == "moved":
        return old.rename(tmp_path / "new")
    return Path(shutil.copytree(old, tmp_path / "new"))


def client_of(folder: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")


def addresses(folder: Path) -> list[str]:
    """Every text in MLflow's file that names a folder of this test."""
    with sqlite3.connect(folder / "mlflow.db") as database:
        dump = "\n".join(database.iterdump())
    return sorted(part.split("'")[0] for part in dump.split("file://")[1:])


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_that_stayed_is_taken_as_it_is(old: Path) -> None:
    check_place(Places.under(old))
    assert adopt(old) == f"nothing to adopt: {old}/mlflow.db names {old} already"
    assert not (old / BACKUP).exists()


@pytest.mark.parametrize("main", [platform.sweep.main, platform.pretrain.main])
def test_what_would_write_refuses_at_once_and_says_what_to_do(
    main: Callable[..., int], new: Path, old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    was_there, before = old.exists(), files(new)
    with pytest.raises(SystemExit) as ended:
        main(["retina", "--results", str(new)])
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert f"but {new} was moved or copied from {old} ({'still there' if was_there else 'gone'})" in error
    assert f"-m platform.sweep --adopt --results {new}` records the new place" in error
    assert (old.exists(), files(new)) == (was_there, before)


def test_adopting_changes_every_address_and_nothing_else(
    new: Path, old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    was_there, before, recorded = old.exists(), files(new), addresses(new)
    assert len(recorded) == 5 and all(address.startswith(f"{old}/artifacts") for address in recorded)
    assert platform.sweep.main(["--adopt", "--results", str(new)]) == 0
    printed = capsys.readouterr().out
    assert f"{new}/mlflow.db now names {new} instead of {old}: 5 addresses changed; " in printed
    assert addresses(new) == [address.replace(f"{old}/", f"{new}/") for address in recorded]
    after = files(new)
    assert after.pop(BACKUP) and {**after, "mlflow.db": b""} == {**before, "mlflow.db": b""}
    shutil.copy(new / BACKUP, new.parent / "mlflow.db")
    assert addresses(new.parent) == recorded  # as it was before
    assert old.exists() == was_there
    check_place(Places.under(new))


def test_adopting_twice_is_adopting_once(new: Path) -> None:
    adopt(new)
    before = files(new)
    assert adopt(new).startswith("nothing to adopt: ")
    assert files(new) == before


def test_new_files_go_to_the_new_place(new: Path, old: Path, tmp_path: Path) -> None:
    was_there = old.exists()
    kept = files(old) if was_there else {}
    adopt(new)
    client = client_of(new)
    runs = [client.create_run("1"), *client.search_runs(["1"], "attributes.status = 'RUNNING'")]
    for run in runs:
        client.log_artifact(run.info.run_id, str(tmp_path / "file"), "later")
        assert (new / "artifacts" / run.info.run_id / "artifacts" / "later" / "file").read_text() == "trained"
    assert (files(old) if old.exists() else {}) == kept and old.exists() == was_there


def test_files_that_were_written_to_the_old_place_after_the_copy_come_along(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = Path(shutil.copytree(old, tmp_path / "new"))
    client = client_of(new)
    later = client.create_run("1").info.run_id
    client.log_artifact(later, str(tmp_path / "file"), "model")
    client.set_terminated(later)
    assert (old / "artifacts" / later).exists() and not (new / "artifacts" / later).exists()
    (running,) = client.search_runs(["1"], "attributes.status = 'RUNNING'")
    shutil.rmtree(new / "artifacts" / running.info.run_id)
    stranger = old / "artifacts" / "0123" / "artifacts"
    stranger.mkdir(parents=True)
    kept = files(old)
    assert "; 1 files that were only there were copied; " in adopt(new)
    assert (new / "artifacts" / later / "artifacts" / "model" / "file").read_text() == "trained"
    assert not (new / "artifacts" / running.info.run_id).exists()  # its trial here has not ended
    assert not (new / "artifacts" / "0123").exists() and files(old) == kept


def test_a_sweep_that_runs_is_not_disturbed(new: Path) -> None:
    before = files(new)
    message = r"results can be adopted only while no sweep runs in them, but first does: stop it first"
    with alone(new / "sweeps" / "first"), pytest.raises(BlockingIOError, match=message):
        adopt(new)
    assert files(new) == before
    adopt(new)
    with alone(new / "sweeps" / "first"):  # and can be started at once
        pass


def test_a_file_that_another_process_writes_is_not_touched(new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adopting, "PATIENCE_S", 0.0)
    recorded = addresses(new)
    with sqlite3.connect(new / "mlflow.db") as database:
        database.execute("begin immediate")
        with pytest.raises(BlockingIOError, match=r"mlflow\.db must be free to be written, but: database is locked"):
            adopt(new)
    assert addresses(new) == recorded and not (new / BACKUP).exists()


def test_a_failure_on_the_way_changes_nothing(new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = addresses(new)
    monkeypatch.setattr(adopting, "ADDRESSES", (*adopting.ADDRESSES, ("runs", "artifact_uri) = 1 --")))
    monkeypatch.setattr(adopting, "_columns", lambda connection, table: {column for _, column in adopting.ADDRESSES})
    with pytest.raises(OSError, match="MLflow's file is unchanged"):
        adopt(new)
    assert addresses(new) == recorded


@pytest.mark.parametrize("problem", ["database or disk is full", "attempt to write a readonly database"])
def test_a_disk_that_is_full_or_cannot_be_written_is_not_blamed_on_another_process(
    new: Path, monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    def fail(database: Path) -> None:
        raise sqlite3.OperationalError(problem)

    recorded = addresses(new)
    monkeypatch.setattr(adopting, "_back_up", fail)
    with pytest.raises(OSError, match=f"on a disk that can be written and has room .*, but: {problem}; ") as refused:
        adopt(new)
    assert not isinstance(refused.value, BlockingIOError) and addresses(new) == recorded


def test_columns_that_this_mlflow_lacks_are_passed_over(new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adopting, "ADDRESSES", (("no_table", "place"), ("runs", "no_column"), *adopting.ADDRESSES))
    assert ": 5 addresses changed; " in adopt(new)


def test_a_folder_whose_name_begins_alike_is_another(new: Path, old: Path) -> None:
    other = f"file://{old}-2/artifacts"
    with sqlite3.connect(new / "mlflow.db") as database:
        database.execute("update model_versions set source = ?", (other,))
    adopt(new)
    assert addresses(new).count(f"{old}-2/artifacts") == 1


def test_with_a_server_there_is_nothing_to_adopt(
    new: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@mlflow:5000")
    before = files(new)
    check_place(Places.under(new))
    assert platform.sweep.main(["--adopt", "--results", str(new)]) == 0
    assert capsys.readouterr().out == (
        "nothing to adopt: MLflow is at http://mlflow:5000, which decides where files are\n"
    )
    assert files(new) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--adopt", "--results", "{}/typing error"], "--results must name the folder that was moved or copied, but "),
        (["retina", "--adopt"], "usage: python -m platform.sweep --adopt [--results DIR]"),
        (["--adopt", "--epochs", "3"], "unrecognized arguments: --epochs 3"),
    ],
)
def test_what_is_wrong_gets_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        platform.sweep.main([word.format(tmp_path) for word in words])
    assert ended.value.code == 2 and message in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


def test_the_results_may_be_named_by_the_environment(
    new: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRANSFER_RESULTS", str(new))
    assert platform.sweep.main(["--adopt"]) == 0
    assert "5 addresses changed" in capsys.readouterr().out


def test_the_sweeps_help_lists_it(capsys: pytest.CaptureFixture[Any]) -> None:
    with pytest.raises(SystemExit):
        platform.sweep.main(["--help"])
    assert "--adopt " in capsys.readouterr().out
