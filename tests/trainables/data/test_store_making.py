"""How a store is made: a few images ahead of what is written, and no failed write of the disk is lost."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainables.data import store_making, store_writing


def test_few_images_are_decoded_ahead_and_their_order_is_kept() -> None:
    begun: list[str] = []
    lock = threading.Lock()

    def work(path: str) -> tuple[np.ndarray, bytes]:
        with lock:
            begun.append(path)
        return np.zeros(1, np.uint8), path.encode()

    paths = [str(number) for number in range(50)]
    with ThreadPoolExecutor(3) as pool:
        outcomes = store_making._ahead(pool, work, paths, num_ahead=4)
        for number in range(50):
            outcome = next(outcomes)
            assert isinstance(outcome, tuple) and outcome[1] == str(number).encode()
            with lock:
                assert len(begun) <= number + 5
        assert next(outcomes, None) is None
    assert sorted(begun) == sorted(paths)


def test_a_flush_that_fails_while_others_are_decoded_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_writing, "ROWS_PER_BATCH", 2)
    flush, main = os.fsync, threading.get_ident()

    def failing_once(descriptor: int) -> None:
        if threading.get_ident() != main:
            raise OSError("the disk has failed")
        flush(descriptor)  # as the kernel: whoever asks a second time hears nothing of it

    monkeypatch.setattr(os, "fsync", failing_once)
    columns: dict[str, list[Any]] = {
        "labels": [np.zeros(1, np.int8)] * 5,
        "split": ["train"] * 5,
        "train_rank": [*range(5)],
    }
    columns |= {name: ["x"] * 5 for name in ("patient", "image_id", "view", "sex")} | {"age_years": [1.0] * 5}
    images = ((row, np.zeros((8, 8, 1), np.uint8), b"") for row in range(5))
    with pytest.raises(OSError, match="the disk has failed"):
        store_writing.write(tmp_path / "part", columns, images, dict, shape=(8, 8, 1), held_out="")
