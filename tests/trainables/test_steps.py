"""The progress of a long step: a few whole lines in a log, and a bar in a terminal."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest

from trainables.steps import steps


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_log_gets_a_line_at_the_start_once_a_minute_and_at_the_end() -> None:
    stream, clock = io.StringIO(), Clock()
    with steps("decoding", 100, "image", stream=stream, clock=clock) as advance:
        for _ in range(100):
            clock.now_s += 1.25
            advance()
    assert stream.getvalue().splitlines() == [
        "decoding: 100 images ...",
        "decoding: 48 of 100 images",
        "decoding: 96 of 100 images",
        "decoding: 100 of 100 images in 125 s",
    ]


def test_a_note_is_printed_each_time() -> None:
    stream, clock = io.StringIO(), Clock()
    with steps("training", 2, "epoch", stream=stream, clock=clock) as advance:
        advance(1, "AUC 0.5")
        advance(1, "AUC 0.75")
    assert stream.getvalue().splitlines() == [
        "training: 2 epochs ...",
        "training: 1 of 2 epochs, AUC 0.5",
        "training: 2 of 2 epochs, AUC 0.75",
    ]


def test_what_failed_halfway_says_how_far_it_came() -> None:
    stream, clock = io.StringIO(), Clock()
    try:
        with steps("decoding", 100, "image", stream=stream, clock=clock) as advance:
            clock.now_s = 30.0
            advance(7)
            raise RuntimeError
    except RuntimeError:
        pass
    assert stream.getvalue().splitlines()[-1] == "decoding: 7 of 100 images in 30 s"


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainables.steps.DELAY_S", 0.0)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream: Any = Terminal()
    with steps("training", 2, "epoch", stream=stream) as advance:
        advance(2, "AUC 0.5")
    assert re.search(r"\rtraining: 100%.* 2/2 .*AUC 0.5", stream.getvalue())


def test_hidden_steps_print_nothing(capsys: Any) -> None:
    with steps("decoding", 2, "image", shown=False) as advance:
        advance(1, "a note")
    assert capsys.readouterr() == ("", "")


def test_only_two_modules_draw_bars_since_bars_alone_fill_a_log_with_carriage_returns() -> None:
    root = Path(__file__).parents[2]
    sources = [
        path for role in ("platform", "analysis", "search_spaces", "trainables") for path in (root / role).rglob("*.py")
    ]
    drawing = [
        path.relative_to(root).as_posix() for path in sources if "import tqdm" in path.read_text(encoding="utf-8")
    ]
    assert sorted(drawing) == ["platform/sweeping/progress.py", "trainables/steps.py"]
