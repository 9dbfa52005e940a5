"""Faults of files that are replaced or deleted: MLflow's file, checkpoints, and the prepared images."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pyarrow as pa

from tests.chaos.fault_record import REFUSED
from tests.chaos.faults import Target, kill_driver
from trainables.data.store import FACTS_KEY

RESTORED = "as after a restored backup"  # a piece of the sentence with which a sweep ends
REPLACED = "the prepared images must stay as they were when the sweep began"
BEGUN = "  images:  "  # of the lines with which a sweep begins, once it has opened the prepared images


def restore_database(target: Target) -> str | None:
    """The driver, and MLflow's server, are stopped; MLflow's file is replaced by its copy of half a minute ago."""
    copy = _old_copy(target)
    if target.rng.random() < 0.5:
        target.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            target.process.wait(timeout=90)
    if target.process.poll() is None:
        kill_driver(target)
        target.process.wait()
    target.must_go_on = True  # even if it had finished
    if copy:
        with _server_stopped(target):
            _put_in_place(copy, target.results / "mlflow.db")
    return None


def restore_database_under_it(target: Target) -> str | None:
    """MLflow's file is replaced by its copy of half a minute ago while the sweep runs."""
    copy = _old_copy(target)
    if copy:
        with _server_stopped(target):
            _put_in_place(copy, target.results / "mlflow.db")
    return _ends_or_recovers(target)


def overwrite_database(target: Target) -> str | None:
    """The same, but the copy's content is written over that of the file, which stays the same one."""
    copy = _old_copy(target)
    if copy:
        with (
            closing(sqlite3.connect(copy)) as source,
            closing(sqlite3.connect(target.results / "mlflow.db", timeout=30)) as database,
        ):
            source.backup(database)
    return _ends_or_recovers(target)


def delete_checkpoints(target: Target) -> None:
    """The folders of unfinished trials, with their checkpoints, are deleted under the worker."""
    for folder in target.results.glob("sweeps/*/trials/*"):
        shutil.rmtree(folder, ignore_errors=True)


def kill_and_delete_checkpoints(target: Target) -> None:
    """The driver is killed, and the folders of unfinished trials are deleted."""
    kill_driver(target)
    time.sleep(1)  # a worker may still end its epoch
    delete_checkpoints(target)


def delete_best(target: Target) -> None:
    """The best student of each unfinished trial is deleted under the worker."""
    for path in target.results.glob("sweeps/*/trials/*/best-*.safetensors"):
        path.unlink(missing_ok=True)


def kill_and_delete_best(target: Target) -> None:
    """The driver is killed, and the best student of each unfinished trial is deleted."""
    kill_driver(target)
    time.sleep(1)
    delete_best(target)


def replace_store_by_copy(target: Target) -> None:
    """The file of prepared images is replaced by an identical copy."""
    store = _store(target)
    copy = target.orders / "copy.arrow"
    shutil.copyfile(store, copy)
    _put_in_place(copy, store)


def replace_store(target: Target) -> str | None:
    """The file of prepared images is replaced by that of other images; the sweep must refuse, and refuse again."""
    while BEGUN not in target.said.read_text() and target.process.poll() is None:
        time.sleep(0.1)  # put there before a sweep has read any, the other images are simply those that it is about
    store = _store(target)
    original, other = target.orders / "original.arrow", target.orders / "other.arrow"
    shutil.copyfile(store, original)
    _write_other_images(store, other)
    _put_in_place(other, store)
    try:
        status = target.process.wait(timeout=120)
        if status == 0:  # its last trial had already opened the right one
            return None
        error = target.complaints.read_text()
        assert status == 2 and REPLACED in error, f"other images under a sweep: exit {status}: {error[-300:]}"
        again = subprocess.run(
            target.command, cwd=target.root, env=target.environment, capture_output=True, text=True, timeout=300
        )
        assert again.returncode == 2 and REPLACED in again.stderr, (
            f"a sweep that resumes with other images: exit {again.returncode}: {again.stderr[-300:]}"
        )
    finally:
        _put_in_place(original, store)
    target.may_refuse = (*target.may_refuse, REPLACED)
    return REFUSED


def _ends_or_recovers(target: Target) -> str | None:
    """A sweep whose records were replaced must end with a sentence; it must not end as if nothing had happened."""
    with suppress(subprocess.TimeoutExpired):
        target.process.wait(timeout=60)
    status, error = target.process.poll(), target.complaints.read_text()
    target.must_go_on = status == 0  # what it had lost is found missing at the next start
    assert status in (0, 3), f"a restored MLflow file under a sweep: exit {status}: {error[-300:]}"
    assert status == 0 or RESTORED in error, f"a restored MLflow file under a sweep is not named: {error[-300:]}"
    return None


def _old_copy(target: Target) -> Path | None:
    """MLflow's file of half a minute ago, or the oldest copy; waits for one, and None if the sweep ends before."""
    assert target.backups
    while not (copy := target.backups.of_half_a_minute_ago()):
        if target.process.poll() is not None:
            return None
        target.backups.keep()
        time.sleep(0.1)
    return copy


@contextmanager
def _server_stopped(target: Target) -> Iterator[None]:
    if target.server:
        target.server.kill()
    yield
    if target.server:
        target.server.start()


def _put_in_place(new: Path, place: Path) -> None:
    """As a careful person replaces a file: under a database's lock, and whole from one moment to the next."""
    part = place.with_name(f".{place.name}.chaos")
    shutil.copyfile(new, part)
    if place.suffix != ".db":
        os.replace(part, place)
        return
    with closing(sqlite3.connect(place, timeout=30, isolation_level=None)) as database:
        database.execute("begin exclusive")
        os.replace(part, place)
        place.with_name(f"{place.name}-journal").unlink(missing_ok=True)


def _store(target: Target) -> Path:
    (store,) = target.results.glob("stores/*.arrow")
    return store


def _write_other_images(store: Path, out: Path) -> None:
    """The same rows with other pixels, as if the images had been prepared from other files."""
    reader = pa.ipc.open_file(pa.py_buffer(store.read_bytes()))
    with out.open("wb") as file, pa.ipc.new_file(file, reader.schema) as writer:
        for number in range(reader.num_record_batches):
            batch, extra = reader.get_batch_with_custom_metadata(number)
            images = batch.column("image")
            turned = pa.array([bytes(255 - byte for byte in image.as_py()) for image in images], images.type)
            batch = batch.set_column(batch.schema.get_field_index("image"), batch.schema.field("image"), turned)
            facts = json.loads((extra or {}).get(FACTS_KEY, b"null"))
            if facts:
                facts["fingerprint"] = hashlib.sha256(facts["fingerprint"].encode()).hexdigest()[:16]
            writer.write_batch(batch, custom_metadata={FACTS_KEY: json.dumps(facts).encode()} if facts else None)
