"""Students whose answers do not vary are named in the lines, epoch by epoch and at the end."""

from __future__ import annotations

from tests.platform.sweeping.watched import PLAIN, Watched, make_plan, messages

ONE_CLASS = {"val_num_constant": 1.0, "val_f1_weighted": 0.5}


def test_a_student_that_answers_one_class_only_is_reported_per_epoch_and_at_the_end() -> None:
    watched = Watched(make_plan())
    first, second = watched.plan.next(), watched.plan.next()
    for score, constant in [(0.5, 0.0), (0.625, 1.0), (0.5, 0.0), (0.625, 0.0)]:
        watched.epoch(first, 20.0, score, val_num_constant=constant, val_f1_weighted=score)
    watched.end(first)
    assert messages(watched.lines())[1:] == [
        "epoch 2/4: 0.625 (best 0.625), answers one class only",
        "epoch 3/4: 0.500 (best 0.625)",
        "epoch 4/4: 0.625 (best 0.625)",
        "done, best 0.625, answers one class only; about 2 min left",  # the best epoch's, which is the second
    ]
    watched.epoch(second, 20.0, 0.5, **ONE_CLASS)
    watched.epoch(second, 20.0, 0.75, val_num_constant=0.0, val_f1_weighted=0.75)
    second.stopped = "asha"
    watched.end(second)
    assert messages(watched.lines())[-2:] == [
        "stopped early after epoch 2, best 0.750; about 1 min 0 s left",
        f"{PLAIN}: best of 2: 0.750",
    ]


def test_labels_whose_probabilities_do_not_vary_are_counted_in_the_lines() -> None:
    watched = Watched(make_plan())
    record = watched.plan.next()
    watched.epoch(record, 20.0, 0.5, val_num_constant=1.0)
    watched.epoch(record, 20.0, 0.625, val_num_constant=3.0)
    record.stopped = "asha"
    watched.end(record)
    assert messages(watched.lines()) == [
        "epoch 1/4: 0.500 (best 0.500), gives all images the same answer for 1 label",
        "epoch 2/4: 0.625 (best 0.625), gives all images the same answer for 3 labels",
        "stopped early after epoch 2, best 0.625, gives all images the same answer for 3 labels; about 2 min left",
    ]


def test_the_best_epoch_of_a_resumed_trial_may_lie_before_the_interruption() -> None:
    watched = Watched(make_plan())
    record = watched.plan.next()
    record.best_scores = [0.5]
    watched.progress.note(record, 1, {"score": 0.5, "best_score": 0.5, **ONE_CLASS})  # repeated, not printed again
    for _ in range(3):
        watched.epoch(record, 20.0, 0.25, val_num_constant=0.0, val_f1_weighted=0.25)
    watched.end(record)
    assert messages(watched.lines())[-1] == "done, best 0.500, answers one class only; about 2 min left"
