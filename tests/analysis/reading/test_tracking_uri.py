"""Where MLflow's store is, and what its address says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.reading import tracking_uri
from platform.sources.places import Places


def test_the_default_is_what_the_environment_names_else_a_file_of_the_results_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server:5000")
    assert tracking_uri.default() == tracking_uri.default(tmp_path) == "http://server:5000"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.delenv("TRANSFER_RESULTS", raising=False)
    monkeypatch.chdir(tmp_path)
    assert tracking_uri.default() == f"sqlite:///{tmp_path.resolve()}/results/mlflow.db"
    assert tracking_uri.default(Path("other")) == f"sqlite:///{tmp_path.resolve()}/other/mlflow.db"


def test_a_results_folder_holds_runs_and_files_whatever_command_reads_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("TRANSFER_RESULTS", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    mine, server = tmp_path / "mine", "http://server:5000"
    located = tracking_uri.located
    assert located(None, Path("mine")) == (f"sqlite:///{mine}/mlflow.db", mine)
    assert located(None, Path("mine")).uri == Places(mine).tracking_uri  # where a sweep with this --results writes
    assert located(None, None) == (f"sqlite:///{tmp_path}/results/mlflow.db", tmp_path / "results")
    mine.mkdir()
    assert located(f"sqlite:///{mine}/mlflow.db", None) == (f"sqlite:///{mine}/mlflow.db", mine)
    assert located(f"sqlite:///{mine}/mlflow.db", Path("results")).results == tmp_path / "results"
    assert located(server, Path("mine")) == (server, mine)
    monkeypatch.setenv("TRANSFER_RESULTS", str(mine))
    assert located(None, None) == (f"sqlite:///{mine}/mlflow.db", mine)
    assert tracking_uri.default() == f"sqlite:///{mine}/mlflow.db"
    assert located(server, None) == (server, mine)
    monkeypatch.setenv("TRANSFER_RESULTS", str(tmp_path / "nowhere"))
    assert located(server, None) == (server, None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    assert located(None, Path("mine")) == (server, mine)  # the sweep wrote there too


@pytest.mark.parametrize(
    ("uri", "is_server", "is_database", "file"),
    [
        ("http://server:5000", True, False, None),
        ("https://server", True, False, None),
        ("sqlite:////data/mlflow.db", False, True, Path("/data/mlflow.db")),
        ("postgresql://ann@db/runs", False, True, None),
        ("file:/data/mlruns", False, False, None),
        ("./mlruns", False, False, None),
    ],
)
def test_the_kind_of_store(uri: str, is_server: bool, is_database: bool, file: Path | None) -> None:
    assert tracking_uri.is_server(uri) == is_server
    assert tracking_uri.is_database(uri) == is_database
    assert tracking_uri.sqlite_file(uri) == file


def test_pages_are_the_servers_own_without_a_password_or_local_ones() -> None:
    assert tracking_uri.pages("https://ann:secret@server:5000") == "https://server:5000"
    assert tracking_uri.pages("sqlite:////data/mlflow.db") == tracking_uri.LOCAL_PAGES
    assert tracking_uri.pages("postgresql://ann:secret@db/runs", "http://head:5000") == "http://head:5000"


def test_a_store_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no MLflow file at .*typo\.db"):
        tracking_uri.require_store(f"sqlite:///{tmp_path / 'typo.db'}")
    with pytest.raises(ValueError, match=r"but got '\./mlruns'"):
        tracking_uri.require_store("./mlruns")
    tracking_uri.require_store("http://server:5000")
