"""The lines a person sees: cell, trial, score, what remains, and the time left by a clock that the test turns."""

from __future__ import annotations

import io
import re

import pytest

from tests.platform.sweeping.watched import GUIDED, PLAIN, Watched, make_plan, messages


def test_a_trials_lines_from_its_start_to_its_end() -> None:
    watched = Watched(make_plan())
    record = watched.plan.next()
    watched.progress.start(record)
    for took_s, score in [(20.0, 0.5), (20.0, 0.25), (20.0, 0.75), (30.0, 0.7)]:
        watched.epoch(record, took_s, score)
    watched.end(record)
    assert watched.lines() == [
        f"0/3 {PLAIN} trial 1: lr 5e-05, wd 1e-06",
        f"0/3 {PLAIN} trial 1: epoch 1/4: 0.500 (best 0.500)",
        f"0/3 {PLAIN} trial 1: epoch 2/4: 0.250 (best 0.500)",
        f"0/3 {PLAIN} trial 1: epoch 3/4: 0.750 (best 0.750)",
        f"0/3 {PLAIN} trial 1: epoch 4/4: 0.700 (best 0.750)",
        f"1/3 {PLAIN} trial 1: done, best 0.750; about 2 min left",
    ]
    assert watched.forecast.learnt == [(PLAIN, 20.0), (PLAIN, 20.0), (PLAIN, 30.0)]  # not the first: it has the imports


def test_an_epoch_without_labels_shows_no_score() -> None:
    watched = Watched(make_plan(GUIDED, max_epochs=3, unlabelled_epochs=1))
    record = watched.plan.next()
    watched.epoch(record, 20.0, 0.9, val_num_constant=1.0, val_f1_weighted=0.9)
    record.best_scores = []  # the first epoch with labels takes its place
    watched.progress.epoch(record, 2, {"score": 0.25, "best_score": 0.25, "epoch_s": 20.0})
    watched.clock.now_s += 20.0
    watched.progress.note(record, 3, {"score": 0.5, "best_score": 0.5})
    record.best_scores = [0.9, 0.25, 0.5]
    watched.end(record)
    assert messages(watched.lines()) == ["epoch 1/3, without labels", "done, best 0.500; about 2 min left"]


def test_the_whole_sweep_with_the_standing_of_its_cell() -> None:
    watched = Watched(make_plan(max_epochs=1))
    while (record := watched.plan.next()) is not None:
        watched.epoch(record, 3600.0, 0.5 + 0.125 * (record.number == 1))
        record.test_auc = 0.75 if record.spec.config.phase == "confirm" else None
        watched.end(record)
    watched.progress.close()
    assert [line for line in watched.lines() if "epoch" not in line] == [
        f"1/3 {PLAIN} trial 1: done, best 0.500; about 2 min left",
        f"2/3 {PLAIN} trial 2: done, best 0.625; about 1 min 0 s left",
        f"search 1 of 1 done: {PLAIN}: best of 2: 0.625",
        f"3/3 {PLAIN} repeat 1: done, best 0.625; about 0 s left",
        f"cell 1 of 1 done: {PLAIN}: test AUC 75.0 (n = 1)",
    ]


def test_without_a_forecast_no_time_left_is_printed() -> None:
    watched = Watched(make_plan(max_epochs=1), has_forecast=False)
    record = watched.plan.next()
    watched.epoch(record, 1.0, 0.5)
    watched.end(record)
    assert messages(watched.lines()) == ["epoch 1/1: 0.500 (best 0.500)", "done, best 0.500"]


def test_the_start_says_the_knobs_and_where_a_trial_resumes() -> None:
    watched = Watched(make_plan(GUIDED))
    record = watched.plan.next()
    record.best_scores = [0.5, 0.5]
    watched.progress.start(record)
    assert watched.lines() == [f"0/3 {GUIDED} trial 1: lr 5e-05, wd 1e-06, beta 60, resumes after epoch 2"]


def test_a_teacher_itself_starts_with_a_note_that_it_is_scored_as_it_is() -> None:
    watched = Watched(make_plan("itself/imagenet/none/none"))
    record = watched.plan.next()
    watched.progress.start(record)
    watched.epoch(record, took_s=1.0, score=0.7)
    watched.end(record)
    assert watched.lines() == [
        "0/1 itself/imagenet/none/none repeat 1: starts, scored as it is",
        "1/1 itself/imagenet/none/none repeat 1: done, best 0.700; about 0 s left",
        "cell 1 of 1 done: itself/imagenet/none/none: no test AUC",
    ]


def test_a_failed_and_a_stopped_trial_say_so() -> None:
    watched = Watched(make_plan())
    failed, stopped = watched.plan.next(), watched.plan.next()
    watched.end(failed, "FAILED", "the loss must be finite, but is nan")
    watched.epoch(stopped, 1.0, 0.375)
    stopped.stopped = "asha"
    watched.end(stopped)
    assert watched.lines() == [
        f"1/3 {PLAIN} trial 1: FAILED: the loss must be finite, but is nan; about 2 min left",
        f"1/3 {PLAIN} trial 2: epoch 1/4: 0.375 (best 0.375)",
        f"2/3 {PLAIN} trial 2: stopped early after epoch 1, best 0.375; about 1 min 0 s left",
        f"search 1 of 1 done: {PLAIN}: best of 2: 0.375",
    ]


def test_a_cell_whose_trials_all_failed_says_so() -> None:
    watched = Watched(make_plan())
    for _ in range(2):
        watched.end(watched.plan.next(), "FAILED", "no")
    assert watched.lines()[-1] == f"search 1 of 1 done: {PLAIN}: every trial failed"


def test_into_a_file_short_epochs_are_printed_now_and_then_and_the_last_always() -> None:
    watched = Watched(make_plan(max_epochs=8))
    record = watched.plan.next()
    for _ in range(8):
        watched.epoch(record, 4.0, 0.5)
    epochs = [line.split("epoch ")[1].split("/")[0] for line in watched.lines()]
    assert epochs == ["1", "4", "7", "8"]  # after 4, 16, 28 and 32 s


def test_each_trial_is_printed_at_its_own_pace() -> None:
    watched = Watched(make_plan(max_epochs=8))
    first, second = watched.plan.next(), watched.plan.next()
    watched.epoch(first, 1.0, 0.5)
    watched.epoch(second, 1.0, 0.5)
    watched.epoch(first, 1.0, 0.5)
    assert ["trial 1" in line for line in watched.lines()] == [True, False]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_in_a_terminal_epochs_move_the_bar_and_no_line_is_wider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    watched = Watched(make_plan(), stream=Terminal())
    record = watched.plan.next()
    watched.progress.start(record)
    for _ in range(4):
        watched.epoch(record, 0.1, 0.5)
    watched.end(record)
    watched.progress.close()
    output = watched.stream.getvalue()
    assert "0/3, about 3 min left, epoch 4/4: 0.500" in output and "1/3, about 2 min left" in output
    lines = [line for line in re.split(r"[\r\n]", output) if not line.startswith(" " * 20) and "█" not in line]
    assert [line for line in lines if line.strip() and "/3, " not in line] == [
        f"0/3 {PLAIN} trial 1: lr",
        "      5e-05, wd 1e-06",
        f"1/3 {PLAIN} trial 1: done,",
        "      best 0.500",
    ]


def test_a_log_has_the_time_of_day_and_no_carriage_return() -> None:
    watched = Watched(make_plan())
    watched.epoch(watched.plan.next(), 0.1, 0.5)
    watched.progress.close()
    output = watched.stream.getvalue()
    assert re.fullmatch(r"\d\d:\d\d:\d\d 0/3 .*\n", output) and "\r" not in output


def test_trials_that_an_earlier_run_has_done_count_as_done() -> None:
    plan = make_plan()
    record = plan.next()
    record.status, record.best_scores = "FINISHED", [0.5]
    plan.settle(record)
    watched = Watched(plan)
    watched.progress.start(plan.next())
    assert watched.lines()[0].startswith("1/3 ")
