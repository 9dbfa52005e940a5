"""What is in the journal outlasts the process and the power; a line that was cut short was never promised."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from platform.tracking.journal import Journal
from trainables import atomic

ENTRIES = [
    {"do": "log", "trial": "a", "metrics": {"val_auc": 0.1 + 0.2, "loss": float("inf")}, "epoch": n} for n in (1, 2, 3)
]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    filled = Journal(tmp_path / "journal.jsonl")
    for entry in ENTRIES:
        filled.append(entry)
    return filled


def test_records_come_back_in_order_and_exactly(journal: Journal) -> None:
    assert Journal(journal.path).pending() == ENTRIES
    journal.clear()
    assert journal.pending() == []
    journal.append(ENTRIES[1])
    assert journal.pending() == ENTRIES[1:2]


def test_no_journal_is_an_empty_one(tmp_path: Path) -> None:
    assert Journal(tmp_path / "none").pending() == []


@pytest.mark.parametrize("num_bytes", [1, 5, 40])
def test_a_last_record_cut_short_is_left_out(journal: Journal, num_bytes: int) -> None:
    os.truncate(journal.path, journal.path.stat().st_size - num_bytes)
    assert journal.pending() == ENTRIES[:2]
    journal.append(ENTRIES[2])  # and does not take the next one with it
    assert journal.pending() == ENTRIES


def test_a_spoilt_record_is_left_out_and_those_around_it_stay(journal: Journal) -> None:
    content = journal.path.read_bytes()
    journal.path.write_bytes(content.replace(b'"epoch": 2', b'"epoch": 7'))
    assert journal.pending() == [ENTRIES[0], ENTRIES[2]]


def test_a_full_disk_is_waited_for_and_leaves_no_part(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(atomic, "FULL_DISK_RETRY_S", 0.01)
    full, sync = [True, True], os.fsync

    def fsync(descriptor: int) -> None:
        if full:
            full.pop()
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    journal.append({"do": "close"})
    assert journal.pending() == [*ENTRIES, {"do": "close"}]
    warning, end = caplog.messages  # two attempts failed, but nobody wants to read that every two seconds
    assert warning.startswith("no room on the disk for the journal: ")
    assert f" MB are free in {journal.path.parent}, which is too little; free some space" in warning
    assert end == "there is room for the journal again"


def test_a_disk_that_stays_full_is_an_error(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic, "FULL_DISK_PATIENCE_S", -1)

    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="No space left"):
        journal.append({"do": "close"})
    assert journal.pending() == ENTRIES
