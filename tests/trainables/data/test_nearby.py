"""The images on a machine's own disk: copied once, whole or absent, checked; a full disk costs time, never a trial."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from platform.phantoms.writers import write_retina
from trainables.data.nearby import nearby
from trainables.data.readers import retina
from trainables.data.store import Store
from trainables.data.store_making import prepare


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """28 photographs of 32 px."""
    folder = tmp_path_factory.mktemp("shared")
    root = write_retina(folder / "retina", num_patients=14, image_size_px=32, seed=1, progress=False)
    return prepare(retina.read(root), folder / "s.arrow", image_size_px=32, salt=b"x", num_threads=1, progress=False)


def test_the_fingerprint_can_be_had_again_from_the_file(store: Store) -> None:
    assert store.recomputed_fingerprint() == store.fingerprint


def test_a_copy_holds_the_same_images_and_is_made_once(store: Store, tmp_path: Path) -> None:
    place = nearby(store.path, store.fingerprint, tmp_path)
    assert place == tmp_path / "stores" / f"s-{store.fingerprint}.arrow"
    rows = np.arange(store.num_images)
    np.testing.assert_array_equal(Store.open(place).gather(rows), store.gather(rows))
    assert place.read_bytes() == store.path.read_bytes()
    before = place.stat()
    assert nearby(Path("gone.arrow").with_stem("s"), store.fingerprint, tmp_path) == place  # asks the original no more
    assert place.stat().st_mtime_ns == before.st_mtime_ns
    assert sorted(path.suffix for path in place.parent.iterdir()) == [".arrow", ".lock"]


def test_stores_of_other_contents_do_not_meet(store: Store, tmp_path: Path) -> None:
    first = nearby(store.path, store.fingerprint, tmp_path)
    with pytest.raises(ValueError, match="must have the fingerprint 0123456789abcdef, but the copy of"):
        nearby(store.path, "0123456789abcdef", tmp_path)
    assert list(first.parent.glob("*.arrow")) == [first]
    assert not list(first.parent.glob("*.part"))


@pytest.mark.parametrize("place", [4096, -2000])
def test_a_copy_that_differs_in_one_byte_is_refused(store: Store, tmp_path: Path, place: int) -> None:
    spoiled = tmp_path / "spoiled.arrow"
    content = bytearray(store.path.read_bytes())
    content[place] ^= 0xFF
    spoiled.write_bytes(content)
    with pytest.raises(ValueError, match=r"must have the fingerprint|must be a whole store"):
        nearby(spoiled, store.fingerprint, tmp_path / "local")
    assert not list((tmp_path / "local" / "stores").glob("*.arrow"))


def test_a_copy_that_was_cut_short_is_refused(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "copyfile", lambda a, b: Path(b).write_bytes(Path(a).read_bytes()[:5000]))
    with pytest.raises(ValueError, match="must be a whole store, but cannot be read"):
        nearby(store.path, store.fingerprint, tmp_path)
    assert not list(tmp_path.rglob("*.part")) and not list(tmp_path.rglob("*.arrow"))


def test_what_a_killed_process_left_is_written_over(store: Store, tmp_path: Path) -> None:
    part = tmp_path / "stores" / f".s-{store.fingerprint}.arrow.part"
    part.parent.mkdir()
    part.write_bytes(b"half" * 100_000)
    place = nearby(store.path, store.fingerprint, tmp_path)
    assert place.read_bytes() == store.path.read_bytes() and not part.exists()


def test_the_folder_of_copies_may_be_deleted_while_one_is_read(store: Store, tmp_path: Path) -> None:
    place = nearby(store.path, store.fingerprint, tmp_path / "local")
    copy, rows = Store.open(place), np.arange(store.num_images)
    shutil.rmtree(tmp_path / "local")
    np.testing.assert_array_equal(copy.gather(rows), store.gather(rows))
    assert nearby(store.path, store.fingerprint, tmp_path / "local") == place  # the next trial's is made again
    np.testing.assert_array_equal(Store.open(place).gather(rows), store.gather(rows))


def test_a_store_that_this_machine_does_not_see_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"every machine must see the prepared data, but there is no .*s.arrow on"
    ):
        nearby(tmp_path / "s.arrow", "0" * 16, tmp_path / "local")
    assert not (tmp_path / "local").exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_without_room_the_store_itself_is_read(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    monkeypatch.setattr(shutil, "copyfile", failing(OSError(code, "no room")))
    assert nearby(store.path, store.fingerprint, tmp_path) == store.path
    assert "no room for the images in" in caplog.text


def test_another_fault_of_the_disk_is_not_hidden(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "copyfile", failing(OSError(errno.EIO, "broken disk")))
    with pytest.raises(OSError, match="broken disk"):
        nearby(store.path, store.fingerprint, tmp_path)


def failing(error: OSError) -> Callable[..., Any]:
    def copy(*_: Any) -> None:
        raise error

    return copy


def _ask(store: Path, fingerprint: str, folder: Path, log: Path) -> None:
    copy = shutil.copyfile

    def counted(source: Any, target: Any) -> Any:
        with log.open("a") as file:
            file.write(f"{os.getpid()}\n")
        return copy(source, target)

    shutil.copyfile = counted  # type: ignore[assignment]
    assert Store.open(nearby(store, fingerprint, folder)).fingerprint == fingerprint


def test_of_processes_that_ask_at_once_one_copies(store: Store, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    arguments = (store.path, store.fingerprint, tmp_path / "local", tmp_path / "log")
    processes = [context.Process(target=_ask, args=arguments) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 6
    assert len((tmp_path / "log").read_text().split()) == 1
