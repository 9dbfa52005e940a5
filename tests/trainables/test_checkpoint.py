"""Checkpoints are whole or absent, and the one before serves where the last is damaged."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest
import torch

from trainables import atomic, checkpoint


def write(folder: Path, epoch: int, best_epoch: int) -> None:
    if epoch == best_epoch:
        checkpoint.save_best(folder, epoch, {"weight": torch.full((2,), float(epoch))})
    checkpoint.save_state(folder, epoch, best_epoch, {"epoch": epoch, "weight": torch.full((2,), 10.0 * epoch)})


def test_an_empty_folder_holds_no_state(tmp_path):
    assert checkpoint.load_state(tmp_path) is None


def test_the_last_state_comes_back_with_the_best_student_it_speaks_of(tmp_path):
    for epoch, best in [(1, 1), (2, 2), (3, 2), (4, 2)]:
        write(tmp_path, epoch, best)
    state, best_weights = checkpoint.load_state(tmp_path) or ({}, {})
    assert state["epoch"] == 4
    assert torch.equal(state["weight"], torch.full((2,), 40.0))
    assert torch.equal(best_weights["weight"], torch.full((2,), 2.0))


def test_only_the_last_two_states_and_their_best_students_are_kept(tmp_path):
    for epoch in range(1, 6):
        write(tmp_path, epoch, epoch)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best-00004.safetensors",
        "best-00005.safetensors",
        "epoch-00004-best-00004.ckpt",
        "epoch-00005-best-00005.ckpt",
    ]


@pytest.mark.parametrize("damage", ["cut short", "a flipped byte", "empty", "no state", "its best student is gone"])
def test_a_damaged_last_state_gives_way_to_the_one_before(tmp_path, caplog, damage):
    write(tmp_path, 1, 1)
    write(tmp_path, 2, 2)
    last = tmp_path / "epoch-00002-best-00002.ckpt"
    data = bytearray(last.read_bytes())
    if damage == "cut short":
        last.write_bytes(data[:-10])
    elif damage == "empty":
        last.write_bytes(b"")
    elif damage == "a flipped byte":
        data[200] ^= 1
        last.write_bytes(data)
    elif damage == "no state":  # written whole, as its checksum says
        content = b"PK\x03\x04" + bytes(100)
        last.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
    else:
        (tmp_path / "best-00002.safetensors").unlink()
    state, best_weights = checkpoint.load_state(tmp_path) or ({}, {})
    assert state["epoch"] == 1
    assert torch.equal(best_weights["weight"], torch.ones(2))
    is_whole = damage in ("no state", "its best student is gone")
    problem = "cannot be used" if is_whole else "is damaged (its checksum does not match)"
    assert f"epoch-00002-best-00002.ckpt {problem}" in caplog.text
    assert "continuing from the one before it" in caplog.text


def test_a_full_disk_leaves_the_old_file_and_no_part(tmp_path, monkeypatch):
    path = tmp_path / "file"
    atomic.write_bytes(path, b"old")

    def no_space(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        atomic.write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_waits_for_room_on_the_disk(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(atomic, "FULL_DISK_RETRY_S", 0.01)
    full, replace = [True, True], os.replace

    def move(source, target):
        if full:
            full.pop()
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", move)
    checkpoint.save_best(tmp_path, 1, {"weight": torch.ones(2)})
    checkpoint.save_state(tmp_path, 1, 1, {"epoch": 1})
    state, _ = checkpoint.load_state(tmp_path) or ({}, {})
    assert state == {"epoch": 1}
    assert caplog.text.count("no room on the disk for the best student: ") == 1


def test_other_errors_are_not_waited_for(tmp_path, monkeypatch):
    def denied(source, target):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "replace", denied)
    with pytest.raises(PermissionError, match="denied"):
        checkpoint.save_state(tmp_path, 1, 1, {"epoch": 1})
