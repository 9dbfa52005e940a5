"""Where MLflow's store is, and what its address says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.reading import tracking_uri


def test_the_default_is_what_the_environment_names_else_a_file_of_the_results_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server:5000")
    assert tracking_uri.default() == tracking_uri.default(tmp_path) == "http://server:5000"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.chdir(tmp_path)
    assert tracking_uri.default() == f"sqlite:///{tmp_path.resolve()}/results/mlflow.db"
    assert tracking_uri.default(Path("other")) == f"sqlite:///{tmp_path.resolve()}/other/mlflow.db"


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
