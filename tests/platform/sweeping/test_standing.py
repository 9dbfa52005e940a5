"""Where a sweep stands: the file that it keeps, and what `platform.status` makes of that file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

import platform.status
from platform.sources.places import Places
from platform.sweeping import status_page
from platform.sweeping.conduct_sweep import alone
from platform.sweeping.standing import Standing
from tests.platform.sweeping.watched import PLAIN, make_plan

FACTS: dict[str, Any] = {
    "sweep": "mine",
    "is_phantom": True,
    "metric": "f1_weighted",
    "cpus": 2.0,
    "gpus": 0.0,
    "command": "platform.sweep",
    "words": ["retina", "--trials", "3"],
}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places.under(tmp_path)


def standing_of(places: Places, plan: Any, left_s: float | None = 90.0, **facts: Any) -> Standing:
    places.sweep("mine").mkdir(parents=True, exist_ok=True)
    return Standing(places.standing("mine"), plan, lambda: left_s, facts=FACTS | facts)


def ended(plan: Any, score: float, **facts: Any) -> None:
    """The next trial, with its outcome."""
    record = plan.next()
    record.status, record.best_scores, record.seconds = "FINISHED", [score], 900.0
    for name, value in facts.items():
        setattr(record, name, value)
    plan.settle(record)


def shown(places: Places, *flags: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert platform.status.main(["--results", str(places.results), *flags]) == 0
    return capsys.readouterr().out.splitlines()


def test_a_running_sweep_with_a_failure(places: Places, capsys: pytest.CaptureFixture[str]) -> None:
    plan = make_plan()
    ended(plan, 0.0, status="FAILED", error="the loss must be finite, but is nan")
    running = plan.next()
    running.best_scores = [0.25, 0.375]
    standing_of(places, plan).write()
    with alone(places.sweep("mine")):
        lines = shown(places, capsys=capsys)
    assert lines[0] == "mine (PHANTOM): running, about 1 min 30 s left"
    assert lines[1].startswith("  1 of 3 trials done, 0.5 CPU-hours used, as of 20")
    assert lines[2:] == [
        "  cell                          search  repeats  best f1_weighted (validation), test AUC",
        f"  {PLAIN}     1/2      0/1",
        f"  running: {PLAIN} trial 2, epoch 2 of 4",
        f"  FAILED: {PLAIN} trial 1: the loss must be finite, but is nan",
    ]


def test_a_stopped_sweep_says_how_to_resume_and_not_what_is_running(
    places: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = make_plan()
    ended(plan, 0.5)
    plan.next()
    standing_of(places, plan).write()
    lines = shown(places, capsys=capsys)
    assert lines[0] == "mine (PHANTOM): stopped"
    assert lines[-2] == "  resume it with"
    assert lines[-1].endswith(f"-m platform.sweep retina --trials 3 --results {places.results}")
    assert lines[3].endswith("1/2      0/1  0.500") and "running" not in "".join(lines)


def test_a_finished_sweep_with_its_scores(places: Places, capsys: pytest.CaptureFixture[str]) -> None:
    plan = make_plan()
    ended(plan, 0.5)
    ended(plan, 0.625)
    ended(plan, 0.6, test_auc=0.75)
    standing_of(places, plan, gpus=0.5, is_phantom=False).write()
    lines = shown(places, "--sweep", "mine", capsys=capsys)
    assert lines[0] == "mine: finished"
    assert lines[1].startswith("  3 of 3 trials done, 0.38 GPU-hours used")
    assert lines[3].endswith("2/2      1/1  0.625, 75.0 (n = 1)") and len(lines) == 4


def test_many_failures_are_counted(places: Places) -> None:
    content = FACTS | {"trials": 9, "trials_done": 9, "slot_s": 0.0, "updated_s": 0.0, "left_s": None, "running": []}
    content |= {"studies": [{"name": "c", "cell": "c", "best": None, "test_auc": None, "half_width": None}]}
    content["studies"][0] |= dict.fromkeys(("searched", "to_search", "confirmed", "to_confirm", "num_scored"), 0)
    content["failed"] = [{"trial": f"trial {number}", "reason": "no"} for number in range(7)]
    lines = status_page.in_lines(content, is_running=False)
    assert lines.splitlines()[-2:] == ["  FAILED: trial 4: no", "  and 2 more failed"]


def test_the_newest_sweep_is_the_last(places: Places, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("b", "a"):
        places.sweep(name).mkdir(parents=True)
        Standing(places.standing(name), make_plan(), lambda: None, facts=FACTS | {"sweep": name}).write()
        time.sleep(0.01)
    assert [line.split()[0] for line in shown(places, capsys=capsys) if "PHANTOM" in line] == ["b", "a"]


def test_no_sweep_and_no_such_sweep(places: Places, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(places, capsys=capsys) == [
        f"no sweep has begun in {places.results} (one that still prepares images or teachers is not shown)"
    ]
    standing_of(places, make_plan()).write()
    with pytest.raises(SystemExit) as stopped:
        platform.status.main(["--results", str(places.results), "--sweep", "yours"])
    assert stopped.value.code == 2
    assert "the sweep must be one of mine, but got 'yours'" in capsys.readouterr().err


def test_the_file_is_written_now_and_then_and_always_at_the_end(places: Places) -> None:
    plan = make_plan()
    standing = standing_of(places, plan)
    standing.write()
    ended(plan, 0.5)
    standing.write()
    assert json.loads(places.standing("mine").read_text())["trials_done"] == 0
    standing.write(at_once=True)
    assert json.loads(places.standing("mine").read_text())["trials_done"] == 1


def test_a_folder_that_cannot_be_written_costs_the_sweep_nothing(places: Places) -> None:
    gone = Standing(Path("/proc/none/standing.json"), make_plan(), lambda: None, facts=FACTS)
    gone.write()


def test_a_sweep_that_was_moved_is_resumed_where_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    standing_of(Places.under(tmp_path / "old"), make_plan()).write()
    (tmp_path / "old").rename(tmp_path / "new")
    lines = shown(Places.under(tmp_path / "new"), capsys=capsys)
    assert lines[-1].endswith(f"--results {tmp_path / 'new'}") and "old" not in "".join(lines)


def test_a_disk_that_cannot_be_written_can_be_looked_at(
    places: Places, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    standing_of(places, make_plan()).write()

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError

    monkeypatch.setattr("platform.sweeping.status_page.FileLock", refuse)
    assert shown(places, capsys=capsys)[0] == "mine (PHANTOM): stopped"


def test_watching_shows_it_again_until_it_is_stopped(
    places: Places, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    standing_of(places, make_plan()).write()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("platform.sweeping.status_page.time.sleep", sleep)
    lines = shown(places, "--watch", capsys=capsys)
    assert lines.count("mine (PHANTOM): stopped") == 3 and slept == [5.0] * 3
