"""Images prepared once more, since their folder is elsewhere now or what was prepared is gone: the same numbers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import platform.phantoms.sets
import platform.prepare
from platform.phantoms.writers import write_retina
from tests.platform.sources.clinic import write_clinic
from trainables.data.listing import PHANTOM_MARK
from trainables.data.store import Store


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", 32)


def prepare(results: Path, dataset: str, *more: str) -> list[Store]:
    """Prepares, and returns all that is prepared."""
    platform.prepare.main([dataset, "--image-size", "32", "--results", str(results), *more])
    return [Store.open(path) for path in sorted((results / "stores").glob("*.arrow"))]


def facts(store: Store) -> tuple[str, str, list[str]]:
    return store.fingerprint, store.split_fingerprint, list(store.patient)


def test_what_was_prepared_and_drawn_may_be_deleted(tmp_path: Path) -> None:
    (before,) = prepare(tmp_path, "retina", "--phantom-size", "14")
    for name in ("stores", "phantoms"):
        shutil.rmtree(tmp_path / name)
    (after,) = prepare(tmp_path, "retina", "--phantom-size", "14")
    assert facts(after) == facts(before)


def test_images_that_are_found_elsewhere_are_prepared_again_with_the_same_numbers(tmp_path: Path) -> None:
    old, new, results = tmp_path / "old", tmp_path / "new", tmp_path / "results"
    write_retina(old / "retina", num_patients=14, image_size_px=32, seed=1, progress=False)
    (old / "retina" / PHANTOM_MARK).unlink()
    prepare(results, "retina", "--data", str(old))
    old.rename(new)
    before, after = prepare(results, "retina", "--data", str(new))
    assert facts(before) == facts(after)


def test_a_csv_that_has_moved_is_prepared_again_by_its_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new, results = tmp_path / "old", tmp_path / "new", tmp_path / "results"
    write_clinic(old / "clinic.csv")
    (before,) = prepare(results, str(old / "clinic.csv"))
    old.rename(new)
    with pytest.raises(SystemExit) as ended:
        prepare(results, "clinic")
    assert ended.value.code == 2 and f"no clinic.csv in {old}; " in capsys.readouterr().err
    assert all(facts(store) == facts(before) for store in prepare(results, str(new / "clinic.csv")))
    assert all(facts(store) == facts(before) for store in prepare(results, "clinic"))
