"""The lines a person sees: cell, trial, score, what remains, and the time left by a clock that the test turns."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest

from platform.sweeping.plan import Plan
from platform.sweeping.progress import Progress
from platform.sweeping.studies import make_studies
from search_spaces.retina import SPACE
from search_spaces.space import controls_of
from trainables.config import TrialConfig
from trainables.trial import TrialSpec

PLAIN, GUIDED = "transfer/none/densenet40/all", "attention/imagenet/densenet40/all"


def make_plan(cell: str = PLAIN, max_epochs: int = 4, num_trials: int = 2) -> Any:
    def spec_of(config: TrialConfig) -> TrialSpec:
        return TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s")

    base = TrialConfig(dataset="retina", method="transfer", max_epochs=max_epochs)
    space = replace(SPACE, cells=(*SPACE.cells, *controls_of(["imagenet"])))
    studies = make_studies(space.narrowed([cell]), "optuna", num_trials, seed=7)
    return Plan(studies, base, spec_of, 1)


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Watched:
    """A plan, its progress, and what it has printed."""

    def __init__(self, plan: Any, max_epochs: int = 4, stream: io.StringIO | None = None) -> None:
        self.plan, self.clock, self.stream = plan, Clock(), stream or io.StringIO()
        self.progress = Progress(plan, max_epochs, "val f1_weighted", self.stream, self.clock)

    def epoch(self, record: Any, took_s: float, score: float, **metrics: float) -> None:
        self.clock.now_s += took_s
        record.best_scores.append(max([score, *record.best_scores]))
        number = len(record.best_scores)
        result = {"score": score, "best_score": record.best_scores[-1], **metrics}
        self.progress.note(record, result)
        self.progress.epoch(record, number, result)

    def end(self, record: Any, status: str = "FINISHED", error: str = "") -> None:
        record.status = status
        self.plan.settle(record)
        self.progress.end(record, error)

    def lines(self) -> list[str]:
        """What was printed since the last time."""
        lines = self.stream.getvalue().splitlines()
        self.stream.truncate(0)
        self.stream.seek(0)
        return lines


def test_a_trials_lines_from_its_start_to_its_end() -> None:
    watched = Watched(make_plan())
    record = watched.plan.next()
    watched.progress.start(record)
    watched.epoch(record, 20.0, 0.5)
    watched.epoch(record, 20.0, 0.25)
    watched.epoch(record, 20.0, 0.75)
    watched.epoch(record, 30.0, 0.7)
    watched.end(record)
    head = f"search {PLAIN} trial 1:"
    # Two trials and a repeat of four epochs are 12: 11 are left at 20 s, then 10, 9, and 8 at 22.5 s.
    assert watched.lines() == [
        f"[0/3, time left unknown] {head} starts (lr 5e-05, wd 1e-06)",
        f"[0/3, at most 0:03:40 left] {head} epoch 1/4  val f1_weighted 0.500 (best 0.500)",
        f"[0/3, at most 0:03:20 left] {head} epoch 2/4  val f1_weighted 0.250 (best 0.500)",
        f"[0/3, at most 0:03:00 left] {head} epoch 3/4  val f1_weighted 0.750 (best 0.750)",
        f"[0/3, at most 0:03:00 left] {head} epoch 4/4  val f1_weighted 0.700 (best 0.750)",
        f"[1/3, at most 0:03:00 left] {head} done, best 0.750",
    ]


def test_the_whole_sweep_ends_with_nothing_left() -> None:
    watched = Watched(make_plan(max_epochs=1), max_epochs=1)
    while (record := watched.plan.next()) is not None:
        watched.progress.start(record)
        watched.epoch(record, 3600.0, 0.5)
        watched.end(record)
    watched.progress.close()
    lines = watched.lines()
    assert lines[4].startswith(f"[1/3, at most 1:00:00 left] search {PLAIN} trial 2: epoch 1/1")
    assert f"[2/3, at most 1:00:00 left] confirm {PLAIN} repeat 1: starts" in lines[6]
    assert lines[-1] == f"[3/3, at most 0:00:00 left] confirm {PLAIN} repeat 1: done, best 0.500"


def test_the_start_says_the_knobs_and_where_a_trial_resumes() -> None:
    watched = Watched(make_plan(GUIDED))
    record = watched.plan.next()
    record.best_scores = [0.5, 0.5]
    watched.progress.start(record)
    assert watched.lines() == [
        f"[0/3, time left unknown] search {GUIDED} trial 1: starts (lr 5e-05, wd 1e-06, beta 60, resumed after epoch 2)"
    ]


def test_a_teacher_itself_starts_with_a_note_that_it_is_scored_as_it_is() -> None:
    watched = Watched(make_plan("itself/imagenet/none/none"))
    record = watched.plan.next()
    watched.progress.start(record)
    watched.epoch(record, took_s=1.0, score=0.7)
    watched.end(record)
    first, second = watched.lines()
    assert first.endswith("confirm itself/imagenet/none/none repeat 1: starts (scored as it is)")
    assert second.startswith("[1/1, ") and second.endswith("repeat 1: done, best 0.700")


ONE_CLASS = {"val_num_constant": 1.0, "val_f1_weighted": 0.5}


def test_a_student_that_answers_one_class_only_is_reported_per_epoch_and_at_the_end() -> None:
    watched = Watched(make_plan())
    first, second = watched.plan.next(), watched.plan.next()
    for score, constant in [(0.5, 0.0), (0.625, 1.0), (0.5, 0.0), (0.625, 0.0)]:
        watched.epoch(first, 20.0, score, val_num_constant=constant, val_f1_weighted=score)
    watched.end(first)
    messages = [line.split(": ")[1] for line in watched.lines()]
    assert messages[1:] == [
        "epoch 2/4  val f1_weighted 0.625 (best 0.625), answers one class only",
        "epoch 3/4  val f1_weighted 0.500 (best 0.625)",
        "epoch 4/4  val f1_weighted 0.625 (best 0.625)",
        "done, best 0.625, answers one class only",  # the best epoch's, which is the second
    ]
    watched.epoch(second, 20.0, 0.5, **ONE_CLASS)
    watched.epoch(second, 20.0, 0.75, val_num_constant=0.0, val_f1_weighted=0.75)
    second.stopped = "asha"
    watched.end(second)
    assert watched.lines()[-1].endswith("stopped early after epoch 2, best 0.750")


def test_labels_whose_probabilities_do_not_vary_are_counted_in_the_lines() -> None:
    watched = Watched(make_plan())
    record = watched.plan.next()
    watched.epoch(record, 20.0, 0.5, val_num_constant=1.0)
    watched.epoch(record, 20.0, 0.625, val_num_constant=3.0)
    record.stopped = "asha"
    watched.end(record)
    messages = [line.split(": ")[1] for line in watched.lines()]
    assert messages == [
        "epoch 1/4  val f1_weighted 0.500 (best 0.500), gives all images the same answer for 1 label",
        "epoch 2/4  val f1_weighted 0.625 (best 0.625), gives all images the same answer for 3 labels",
        "stopped early after epoch 2, best 0.625, gives all images the same answer for 3 labels",
    ]


def test_the_best_epoch_of_a_resumed_trial_may_lie_before_the_interruption() -> None:
    watched = Watched(make_plan())
    record = watched.plan.next()
    record.best_scores = [0.5]
    watched.progress.note(record, {"score": 0.5, "best_score": 0.5, **ONE_CLASS})  # repeated, not printed again
    for _ in range(3):
        watched.epoch(record, 20.0, 0.25, val_num_constant=0.0, val_f1_weighted=0.25)
    watched.end(record)
    assert watched.lines()[-1].endswith("done, best 0.500, answers one class only")


def test_a_failed_and_a_stopped_trial_say_so() -> None:
    watched = Watched(make_plan())
    failed, stopped = watched.plan.next(), watched.plan.next()
    watched.end(failed, "FAILED", "the loss must be finite, but is nan")
    watched.epoch(stopped, 1.0, 0.375)
    stopped.stopped = "asha"
    watched.end(stopped)
    lines = watched.lines()
    assert lines[0].endswith("trial 1: FAILED: the loss must be finite, but is nan")
    assert lines[0].startswith("[1/3, ")
    assert lines[-1].startswith("[2/3, ")
    assert lines[-1].endswith("trial 2: stopped early after epoch 1, best 0.375")


def test_into_a_file_short_epochs_are_printed_now_and_then_and_the_last_always() -> None:
    watched = Watched(make_plan(max_epochs=8), max_epochs=8)
    record = watched.plan.next()
    for _ in range(8):
        watched.epoch(record, 4.0, 0.5)
    epochs = [line.split("epoch ")[1].split("/")[0] for line in watched.lines()]
    assert epochs == ["1", "4", "7", "8"]  # after 4, 16, 28 and 32 s


def test_each_trial_is_printed_at_its_own_pace() -> None:
    watched = Watched(make_plan(max_epochs=8), max_epochs=8)
    first, second = watched.plan.next(), watched.plan.next()
    watched.epoch(first, 1.0, 0.5)
    watched.epoch(second, 1.0, 0.5)
    watched.epoch(first, 1.0, 0.5)
    assert ["trial 1" in line for line in watched.lines()] == [True, False]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_every_epoch_and_a_bar() -> None:
    watched = Watched(make_plan(), stream=Terminal())
    record = watched.plan.next()
    for _ in range(4):
        watched.epoch(record, 0.1, 0.5)
    watched.end(record)
    watched.progress.close()
    output = watched.stream.getvalue()
    assert [f"epoch {number}/4" in output for number in range(1, 5)] == [True] * 4
    assert "0/3 trials" in output and "1/3 trials" in output


def test_trials_that_an_earlier_run_has_done_count_as_done() -> None:
    plan = make_plan()
    record = plan.next()
    record.status, record.best_scores = "FINISHED", [0.5]
    plan.settle(record)
    watched = Watched(plan)
    watched.progress.start(plan.next())
    assert watched.lines()[0].startswith("[1/3, time left unknown]")


@pytest.mark.parametrize(("left_s", "time_left"), [(59.9, "0:00:59"), (3661, "1:01:01"), (360000, "100:00:00")])
def test_the_time_left_in_hours_minutes_and_seconds(left_s: float, time_left: str) -> None:
    watched = Watched(make_plan(max_epochs=1), max_epochs=1)
    record = watched.plan.next()
    watched.epoch(record, left_s / 2, 0.5)  # two of three epochs are left
    assert f"at most {time_left} left" in watched.lines()[0]
