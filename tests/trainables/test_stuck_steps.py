"""Steps that hang are told from slow ones, named while they last, and ended where the user says so."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from trainables import stuck_steps
from trainables.stuck_steps import EXIT_STATUS, LEAST_S, NOTE, Watch, watched, watching


def watch_of(
    folder: Path, steps_s: list[float], monkeypatch: pytest.MonkeyPatch, timeout_s: float | None = None
) -> Watch:
    """A watch that has seen steps of these lengths, and in which a step began at second 1000."""
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    watch = Watch("a/cell", folder, timeout_s)
    for step_s in steps_s:
        watch.begin()
        clock[0] += step_s
        watch.end()
    clock[0] = 1000.0
    watch.begin()
    return watch


def test_a_step_is_stuck_at_a_hundred_times_the_usual_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = watch_of(tmp_path, [0.5] * 11 + [40.0], monkeypatch)  # one slow step leaves the median where it is
    assert watch.look(1049.9) == ""
    assert "a step has taken 50 s so far, where one takes 0.5 s" in watch.look(1050.0)
    watch.end()
    assert watch.look(2000.0) == ""  # between steps nothing is stuck


def test_quick_steps_have_half_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = watch_of(tmp_path, [0.01] * 10, monkeypatch)
    assert watch.look(1000 + LEAST_S - 0.1) == "" and watch.look(1000 + LEAST_S) != ""


def test_before_ten_steps_none_is_usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert watch_of(tmp_path, [0.01] * 9, monkeypatch).look(9000.0) == ""


def test_a_limit_holds_from_the_first_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = watch_of(tmp_path, [], monkeypatch, timeout_s=60.0)
    assert watch.look(1060.0) == "" and "--step-timeout 60 s: its worker ends here" in watch.look(1060.1)


def test_the_trials_folder_has_a_note_while_a_step_is_stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("LOOK_EVERY_S", 0.01), ("LEAST_S", 0.2), ("SLOWER_BY", 1)):
        monkeypatch.setattr(stuck_steps, name, value)
    noted: list[bool] = []
    folder = tmp_path / "made with the first checkpoint"
    with watching(Watch("a/cell", folder)):
        for step in watched(range(13)):
            if step == 11:
                deadline_s = time.monotonic() + 20
                while not (folder / NOTE).exists() and time.monotonic() < deadline_s:
                    time.sleep(0.01)
            noted.append((folder / NOTE).exists())
            if step == 12:
                while (folder / NOTE).exists() and time.monotonic() < deadline_s:
                    time.sleep(0.01)
    assert noted[:12] == [False] * 11 + [True]
    assert not (folder / NOTE).exists()
    assert not [thread for thread in threading.enumerate() if thread.name == "stuck-steps"]


def test_the_note_of_a_worker_that_was_ended_goes_when_its_trial_goes_on(tmp_path: Path) -> None:
    (tmp_path / NOTE).write_text("its worker ends here")
    with watching(Watch("a/cell", tmp_path)):
        pass
    assert not (tmp_path / NOTE).exists()


HANGS = """
import time
from pathlib import Path
from trainables import stuck_steps
stuck_steps.LOOK_EVERY_S, stuck_steps.LEAST_S, stuck_steps.SLOWER_BY, stuck_steps.FEWEST_STEPS = 0.05, 0.1, 1, 2
with stuck_steps.watching(stuck_steps.Watch("a/cell", Path({folder!r}), 0.5)):
    for step in stuck_steps.watched(range(3)):
        if step == 2:
            {how}
print("never")
"""
IN_PYTHON = "time.sleep(60)"
# PyThread_acquire_lock takes no GIL and gives none back: the interpreter is stuck with all of its threads
WITH_THE_INTERPRETER = """import ctypes
            lock = ctypes.pythonapi.PyThread_allocate_lock
            lock.restype = ctypes.c_void_p
            mine = ctypes.c_void_p(lock())
            for _ in range(2): ctypes.pythonapi.PyThread_acquire_lock(mine, 1)"""


@pytest.mark.parametrize(("how", "status"), [(IN_PYTHON, EXIT_STATUS), (WITH_THE_INTERPRETER, 1)])
def test_a_worker_that_hangs_ends_and_says_where(tmp_path: Path, how: str, status: int) -> None:
    code = HANGS.format(folder=str(tmp_path), how=how)
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.returncode == status and "never" not in ended.stdout
    if status == EXIT_STATUS:  # named as slow at first, and then as ended
        assert "so far" in ended.stderr and "its worker ends here" in (tmp_path / NOTE).read_text()
    assert 'File "<string>", line 9 in <module>' in ended.stderr or "line 13 in" in ended.stderr, ended.stderr
