"""Ctrl-C is answered at once, and then does what it did before."""

from __future__ import annotations

import signal

import pytest

from platform.command_line.stopping import acknowledge_ctrl_c, clean_stops


def test_the_message_comes_first_and_the_handler_that_was_there_after_it(capfd: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []
    with clean_stops():
        signal.signal(signal.SIGINT, lambda *_: seen.append(capfd.readouterr().err))
        acknowledge_ctrl_c("stopping")
        signal.raise_signal(signal.SIGINT)
        assert seen == ["\nstopping\n"]
        signal.raise_signal(signal.SIGINT)
        assert seen == ["\nstopping\n", ""]  # the message is not repeated


def test_a_stop_still_stops(capfd: pytest.CaptureFixture[str]) -> None:
    with clean_stops():
        acknowledge_ctrl_c("stopping")
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    assert capfd.readouterr().err == "\nstopping\n"
