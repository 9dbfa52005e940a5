"""Where things lie, and a secret that is drawn once and read by its owner alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from platform.sources.places import Places


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_every_path_is_absolute_wherever_a_worker_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    places = Places.under("some/results")
    monkeypatch.chdir("/")
    assert places.results == tmp_path.resolve() / "some" / "results"
    assert places.results.is_dir()
    assert places.artifacts is not None
    paths = [
        places.phantoms,
        places.artifacts,
        places.store("retina", 64, "real-abc"),
        places.teachers(phantom=False, image_size_px=64),
        places.sweep("first"),
    ]
    assert all(path.is_absolute() and path.is_relative_to(places.results) for path in paths)
    assert len(set(paths)) == len(paths)


def test_a_folder_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "mine").write_text("kept")
    Places.under(tmp_path / "results")
    assert (tmp_path / "results" / "mine").read_text() == "kept"


def test_stores_of_two_sizes_or_sources_are_two(tmp_path: Path) -> None:
    places = Places.under(tmp_path)
    stores = {
        places.store(name, size, source)
        for name in ("retina", "chexpert")
        for size in (64, 256)
        for source in ("real-a", "phantom-a")
    }
    assert len(stores) == 8
    assert places.store("retina", 64, "real-a").name == "retina-64px-real-a.arrow"


def test_phantom_teachers_are_never_among_the_real_ones(tmp_path: Path) -> None:
    places = Places.under(tmp_path)
    real = places.teachers(phantom=False, image_size_px=64)
    assert real == places.teachers(phantom=False, image_size_px=256)
    phantoms = {places.teachers(phantom=True, image_size_px=size) for size in (64, 256)}
    assert len(phantoms) == 2 and real not in phantoms
    assert all("phantom" in path.name for path in phantoms)


def test_the_ledger_is_a_file_here_or_the_server_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = Places.under(tmp_path)
    assert places.tracking_uri == f"sqlite:///{places.results}/mlflow.db"
    assert places.artifacts == places.results / "artifacts"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ledger:5000")
    assert places.tracking_uri == "http://ledger:5000"
    assert places.artifacts is None  # the server decides
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert places.tracking_uri.startswith("sqlite:")


def test_the_salt_is_drawn_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    salt = Places.under(tmp_path / "one").salt()
    assert len(salt) == 32
    path = tmp_path / "one" / "salt"
    assert path.read_bytes() == salt
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Places.under(tmp_path / "one").salt() == salt
    assert Places.under(tmp_path / "two").salt() != salt


def test_an_existing_salt_is_never_drawn_again(tmp_path: Path) -> None:
    (tmp_path / "salt").write_bytes(b"an older one")
    assert Places.under(tmp_path).salt() == b"an older one"
    assert [path.name for path in tmp_path.iterdir()] == ["salt"]


@pytest.mark.parametrize(
    ("uri", "printable"),
    [
        ("http://ann:secret@mlflow:5000", "http://mlflow:5000"),
        ("postgresql://ann:se@cret@db/runs", "postgresql://db/runs"),
        ("sqlite:////data/ann@home/mlflow.db", "sqlite:////data/ann@home/mlflow.db"),
    ],
)
def test_an_address_is_shown_without_its_password(
    uri: str, printable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert Places.under(tmp_path).printable_tracking_uri == printable
