"""The forecast by numbers worked by hand, and its outlook in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from platform.sweeping import outlook
from platform.sweeping.forecast import paces_of
from platform.sweeping.outlook import cell_lines, plan_lines
from platform.sweeping.runner import Resources
from platform.sweeping.schedulers import expected_epochs
from platform.sweeping.wording import in_words
from search_spaces.retina import SPACE
from tests.platform.sweeping.forecast_setup import GUIDED, PACE, PLAIN, forecast_of, plan_of, setup_of
from trainables.pace import Pace


def test_a_plan_without_a_teacher() -> None:
    setup = setup_of(PLAIN)
    forecast, plan = forecast_of(setup), plan_of(setup)
    # An epoch: 100 x 0.1 s of training, 20 x 0.05 s of validation, a second for the checkpoint. A trial: four of them
    # and two seconds to start; a repeat is also tested on 30 images.
    pace = replace(PACE, teach_s=0.0, knowledge_bytes=0)
    forecast.paces = dict.fromkeys(setup.space.cells, pace)
    assert forecast.epoch_s(setup.space.cells[0]) == pytest.approx(12.0)
    assert forecast.left(plan).likely_s == pytest.approx(50.0 + 2 * (50.0 + 1.5))
    forecast.num_slots = 2
    assert forecast.left(plan).most_s == pytest.approx((50.0 + 2 * 51.5) / 2)


def test_the_teacher_answers_once_per_round_where_the_cache_has_room() -> None:
    setup = setup_of(GUIDED)
    forecast, plan = forecast_of(setup), plan_of(setup, num_repeats=2)
    studied_s = plan.num_open_trials * 50.0 + 2 * 1.5
    teaching_s = (1 + 2) * 4 * 100 * 0.02  # a search and two rounds of repeats, four epochs each
    assert forecast.left(plan).likely_s == pytest.approx(studied_s + teaching_s)


def test_the_teacher_answers_every_trial_where_the_cache_is_too_small() -> None:
    setup = setup_of(GUIDED, cache_bytes=100 * 150 * 4 - 1)  # a byte less than all answers take
    forecast, plan = forecast_of(setup), plan_of(setup)
    assert forecast.epoch_s(setup.space.cells[0]) == pytest.approx(14.0)
    assert forecast.left(plan).likely_s == pytest.approx(plan.num_open_trials * 58.0 + 2 * 1.5)


@pytest.mark.parametrize(
    ("knob", "values", "num_answers"),
    [
        ("learning_rate", (1e-4, 1e-3), 4),
        ("loss", ("ce", "focal"), 4),
        ("rotation_deg", (0.0, 15.0), 8),
        ("batch_size", (16, 32), 8),
        ("max_epochs", (8, 4), 8),  # the shorter training sees the first views of the longer one
    ],
)
def test_cells_share_the_teachers_answers_to_the_same_views(
    knob: str, values: tuple[object, ...], num_answers: int
) -> None:
    setup = setup_of(GUIDED)
    setup.space = setup.space.crossed({knob: values}, setup.base)
    setup.cache_bytes = 100 * 150 * num_answers
    forecast, epoch_s = forecast_of(setup), 12.0
    assert forecast.epoch_s(setup.space.cells[0]) == pytest.approx(epoch_s)
    setup.cache_bytes -= 1
    assert forecast.epoch_s(setup.space.cells[0]) == pytest.approx(epoch_s + 100 * 0.02)


def test_a_smaller_share_of_the_data_takes_less() -> None:
    setup = setup_of(PLAIN)
    (cell,) = setup.space.cells
    half = replace(cell, data_fraction=0.5)
    setup.space = replace(setup.space, cells=(half,))
    assert forecast_of(setup).epoch_s(half) == pytest.approx(7.0)


def test_epochs_without_labels_have_all_images_and_are_not_cut_short() -> None:
    setup = setup_of(GUIDED, max_epochs=12)
    setup.base = replace(setup.base, unlabelled_epochs=4)
    (cell,) = setup.space.cells
    half = replace(cell, data_fraction=0.5)
    setup.space = replace(setup.space, cells=(half,))
    forecast, plan = forecast_of(setup), plan_of(setup, search="optuna", num_trials=6, num_repeats=0)
    # An epoch with all images takes 12 s, with half of them 7 s.
    teaching_s = (4 * 100 + 8 * 50) * 0.02
    left = forecast.left(plan)
    assert left.most_s == pytest.approx(6 * (2.0 + 4 * 12.0 + 8 * 7.0) + teaching_s)
    assert left.likely_s == pytest.approx(6 * (2.0 + 4 * 12.0 + expected_epochs(6, 8, "asha") * 7.0) + teaching_s)
    record = plan.next()
    assert record is not None
    record.best_scores = [0.5] * 5
    assert left.most_s - forecast.left(plan).most_s == pytest.approx(4 * 12.0 + 7.0)
    forecast.learn(half, 4, 24.0)
    forecast.learn(half, 5, 14.0)
    assert forecast.left(plan).most_s == pytest.approx(2 * (left.most_s - 4 * 12.0 - 7.0))


def test_early_stopping_shortens_what_is_likely_and_not_what_is_most() -> None:
    setup = setup_of(PLAIN, max_epochs=128)
    forecast, plan = forecast_of(setup), plan_of(setup, search="optuna", num_trials=12)
    forecast.paces = dict.fromkeys(setup.space.cells, replace(PACE, teach_s=0.0, knowledge_bytes=0))
    left = forecast.left(plan)
    assert left.most_s - left.likely_s == pytest.approx(12 * (128 - expected_epochs(12, 128, "asha")) * 12.0)
    setup.scheduler = "none"
    assert forecast.left(plan).likely_s == left.most_s
    setup.scheduler = "early-discard"
    assert left.likely_s < forecast.left(plan).likely_s < left.most_s


def test_what_is_done_and_begun_is_not_left() -> None:
    setup = setup_of(PLAIN)
    forecast, plan = forecast_of(setup), plan_of(setup)
    whole = forecast.left(plan).likely_s
    record = plan.next()
    assert record is not None
    record.best_scores = [0.5]
    assert forecast.left(plan).likely_s < whole
    record.best_scores, record.status = [0.5] * 4, "FINISHED"
    plan.settle(record)
    while (record := plan.next()) is not None:
        record.status, record.best_scores = "FINISHED", [0.5] * 4
        plan.settle(record)
    assert forecast.left(plan).likely_s == 0.0


def test_the_rest_is_scaled_by_what_epochs_took_in_fact() -> None:
    setup = setup_of(PLAIN)
    forecast, plan = forecast_of(setup), plan_of(setup)
    before = forecast.left(plan).likely_s
    (cell,) = setup.space.cells
    forecast.learn(cell, 2, 30.0)
    forecast.learn(cell, 3, 18.0)  # 24 s on average, where 12 s were forecast
    assert forecast.left(plan).likely_s == pytest.approx(2 * before)


def test_a_teacher_itself_takes_one_scoring() -> None:
    setup = setup_of("itself/imagenet/none/none")
    plan = plan_of(setup, num_repeats=3)
    forecast = forecast_of(setup)
    forecast.paces = paces_of(setup, lambda job: pytest.fail("there is nothing to time"))
    assert forecast.left(plan).likely_s == 0.0
    forecast.paces = dict.fromkeys(setup.space.cells, replace(PACE, teach_s=0.0))
    assert forecast.left(plan).likely_s == pytest.approx(2.0 + 20 * 0.05 + 30 * 0.05)


def test_each_kind_is_timed_once_and_a_plain_cell_shares_the_pace_of_a_guided_one() -> None:
    setup = setup_of(*(cell.name for cell in SPACE.cells))
    timed: list[str] = []

    def measure(config: Any) -> Pace:
        timed.append(config.cell.name)
        return replace(PACE, train_s=float(len(timed)))

    paces = {cell.name: pace for cell, pace in paces_of(setup, measure).items()}
    assert timed == [
        "attention/imagenet/densenet121/all",
        "attention/imagenet/densenet40/all",
        "transfer/none/densenet121/last34",
    ]
    assert paces["attention/mimic-cxr/densenet40/all"] == paces[GUIDED]
    assert paces[PLAIN] == replace(paces[GUIDED], teach_s=0.0, knowledge_bytes=0)
    assert paces["transfer/none/densenet121/last34"].train_s == 3.0


def test_the_outlook_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlook, "IMPORTS_S", 10.0)
    setup = setup_of(PLAIN, GUIDED)
    forecast, plan = forecast_of(setup, num_slots=2), plan_of(setup)
    gpu = Resources(cpus=4.0, gpus=0.5)
    likely_s = forecast.left(plan).likely_s
    num_bytes = (plan.num_open_trials + 7 * 2) * 1_000_000 + 2 * 100 * 150 * 4
    assert forecast.disk_bytes(plan) == num_bytes
    assert plan_lines(plan, forecast, gpu) == [
        "plan: 13 trials to search, 4 repeats to confirm, each of up to 4 epochs",
        f"  about {in_words(likely_s + 10)}, 2 trials at once",
        f"  about {likely_s * 2 / 3600 * 0.5:.2g} GPU-hours; up to 0.0 GB of disk",
    ]
    cpu = replace(gpu, gpus=0.0)
    assert plan_lines(plan, forecast, cpu)[2].startswith(f"  about {likely_s * 8 / 3600:.2g} CPU-hours")
    for has_units in (True, False):
        monkeypatch.setattr(outlook, "multiplies_bfloat16", lambda has_units=has_units: has_units)
        assert (outlook.FASTER in plan_lines(plan, forecast, cpu)) == has_units
        assert outlook.FASTER not in plan_lines(plan, forecast, gpu)
    assert cell_lines(plan, forecast)[1:] == [
        f"{PLAIN}           1       2  12 s",
        f"{GUIDED}     12       2  12 s",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (119.4, "1 min 59 s"), (120, "2 min"), (3569, "59 min"),
        (3600, "1 h 0 min"), (86399, "1 d 0 h"), (90000, "1 d 1 h"), (864000, "10 d 0 h"),
    ],
)  # fmt: skip
def test_durations(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_a_sweep_goes_on_without_an_estimate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(setup: Any, measure: Callable[..., Pace]) -> None:
        raise ValueError("out of memory")

    monkeypatch.setattr(outlook, "paces_of", fail)
    setup = setup_of(PLAIN)
    monkeypatch.setattr("trainables.pace.few_images", lambda store, number: store)
    setup.has_gpu = False
    assert outlook.try_timing(setup, Resources(), on_cluster=False) is None
    assert capsys.readouterr().out.splitlines()[-1] == "  no estimate of the time: out of memory"
