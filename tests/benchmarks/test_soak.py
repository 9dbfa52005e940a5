"""A soak is resumed where its time was up, and killed once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import soak


def test_a_soak_goes_on_after_its_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_time, asked = iter([False, True, False, True]), []
    monkeypatch.setattr(soak, "draw_teacher", lambda folder: None)

    def watch(*_: Any, kill_at: int | None = None) -> bool:
        asked.append(kill_at)
        return next(in_time)

    monkeypatch.setattr(soak, "_watch", watch)
    assert [soak._run(tmp_path, 100, None, 0.0) for _ in range(3)] == [False, False, True]
    assert asked == [90, 90, None, None]
