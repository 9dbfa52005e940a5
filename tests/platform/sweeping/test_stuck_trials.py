"""A trial whose worker hangs is named to whoever watches the sweep, once for each step that hangs."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from platform.sweeping import trial_events
from platform.sweeping.search import KEY
from platform.sweeping.trial_events import TrialEvents
from platform.tracking.tracker import Tracker
from tests.platform.sweeping.watched import Watched, make_plan
from trainables.atomic import FULL
from trainables.stuck_steps import NOTE


@pytest.fixture
def looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Path, Watched]:
    """What looks into the trials' folders at every turn of Ray's, and the folder of the one running trial."""
    monkeypatch.setattr(trial_events, "LOOK_EVERY_S", -1.0)
    monkeypatch.setattr(trial_events, "acknowledge_ctrl_c", lambda words: None)
    monkeypatch.setattr(trial_events, "check_alive", lambda: None)  # no Ray runs here
    watched = Watched(make_plan())
    record = watched.plan.next()
    folder = tmp_path / record.spec.key
    folder.mkdir()
    tracker: Any = Mock(spec=Tracker)
    events = TrialEvents(watched.plan, tracker, watched.progress, lambda key: tmp_path / key, "asha")
    look = partial(events.on_step_begin, 1, [])
    look.events = events  # type: ignore[attr-defined]
    look.trial = SimpleNamespace(  # type: ignore[attr-defined]
        config={KEY: record.spec.key}, num_failures=1, error_file=None
    )
    return look, folder, watched


def test_it_is_named_once_for_each_step(looked: tuple[Any, Path, Watched]) -> None:
    look, folder, watched = looked
    look()
    assert "a step" not in watched.stream.getvalue()
    note = folder / NOTE
    note.write_text("a step has taken 50 s so far")
    look()
    look()
    line = "transfer/none/densenet40/all trial 1: a step has taken 50 s so far"
    assert watched.stream.getvalue().count(line) == 1
    note.write_text("a step has taken 60 s so far")
    os.utime(note, (1.0, 2.0))
    look()
    assert "trial 1: a step has taken 60 s so far" in watched.stream.getvalue()


def test_what_an_ended_worker_wrote_is_read_before_the_next_one_begins(
    looked: tuple[Any, Path, Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    look, folder, watched = looked
    monkeypatch.setattr(trial_events, "LOOK_EVERY_S", 1000.0)
    look()  # and not again for a long time
    (folder / NOTE).write_text("a step has taken more than --step-timeout 45 s: its worker ends here")
    look.events.on_trial_recover(1, [], look.trial)
    assert "trial 1: a step has taken more than --step-timeout 45 s" in watched.stream.getvalue()


def test_a_worker_that_waits_for_room_on_the_disk_is_named(looked: tuple[Any, Path, Watched]) -> None:
    look, folder, watched = looked
    (folder / FULL).touch()
    look()
    look()
    text = watched.stream.getvalue()
    assert text.count("transfer/none/densenet40/all trial 1: no room on the disk for its files: ") == 1
    assert f" MB are free in {folder}, which is too little; free some space and this goes on by itself" in text
