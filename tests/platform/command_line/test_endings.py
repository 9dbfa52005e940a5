"""What the verbs' command lines share: one clear line for every way to end."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from platform.command_line.endings import EXIT_UNFINISHED, say_errors

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("error", [ValueError, FileNotFoundError, LookupError, ImportError])
def test_what_is_at_fault_gets_one_clear_line(error: type[Exception], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, say_errors(argparse.ArgumentParser(prog="verb")):
        raise error("this and that")
    assert ended.value.code == 2
    assert capsys.readouterr().err == "verb: error: this and that\n"


def test_what_does_not_answer_leaves_something_to_resume(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, say_errors(argparse.ArgumentParser(prog="verb")):
        raise ConnectionError("MLflow must answer")
    assert ended.value.code == EXIT_UNFINISHED == 3
    assert capsys.readouterr().err == "verb: error: MLflow must answer\n"


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_at_any_moment_says_how_to_resume(stop: signal.Signals, capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended, say_errors(argparse.ArgumentParser(prog="verb")):
        signal.raise_signal(stop)
    assert ended.value.code == EXIT_UNFINISHED
    assert capsys.readouterr().err == "verb: stopped; run the same command again to resume\n"
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_mistake_of_ours_is_not_hidden() -> None:
    with pytest.raises(AssertionError), say_errors(argparse.ArgumentParser()):
        raise AssertionError


LEAVES = """
import atexit, sys
from platform.command_line.endings import end

class Slow:
    def __del__(self):
        print("taken apart")

sys.slow = Slow()
atexit.register(print, "a library's handler")
print("the table")
end(int(sys.argv[1]))
"""


@pytest.mark.parametrize("status", [0, EXIT_UNFINISHED])
def test_the_end_comes_after_the_exit_handlers_and_before_python_takes_modules_apart(status: int) -> None:
    done = subprocess.run([sys.executable, "-c", LEAVES, str(status)], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (status, "")
    assert done.stdout == "the table\na library's handler\n"
