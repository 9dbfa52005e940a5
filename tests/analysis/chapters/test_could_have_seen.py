"""The chapter and the command on what a sweep could have seen, and the line with which a sweep ends."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis import power
from analysis.chapters.could_have_seen import chapter
from analysis.pages.evidence import Evidence
from analysis.pages.predicted import from_predictions
from analysis.reading.trials import Runs, runs
from platform.sweeping.closing import answer_lines

PLAIN: dict[str, Any] = {"method": "transfer", "teacher": "none", "student": "densenet40"}
TAUGHT: dict[str, Any] = {"method": "attention", "teacher": "imagenet", "student": "densenet40", "beta": 3.0}
COUNTS = json.dumps({"eyes": {"train": 60, "validation": 20, "test": 20}})


def answers(seed: int, strength: float) -> pd.DataFrame:
    images = np.arange(80)
    truth = images % 2 == 0
    score = strength * truth + np.random.default_rng(3).normal(size=80) + np.random.default_rng(seed).normal(size=80)
    names = [f"i{image:03d}" for image in images]
    frame = pd.DataFrame({"split": "test", "image": names, "patient": names, "view": "", "sex": ""})
    frame = frame.assign(age_years=np.nan, label_ill=truth.astype(np.int8))
    return frame.assign(probability_ill=1 / (1 + np.exp(-score)))


def sweep(store: Any, cells: list[tuple[dict[str, Any], float]], num_repeats: int = 3) -> Runs:
    parent = store.sweep("eyes", label_names='["ill"]', table_2=COUNTS)
    for number, (cell, strength) in enumerate(cells):
        for seed in range(num_repeats):
            rows = answers(10 * number + seed + 4, strength)
            store.trial(parent, seed=seed, metrics={"test_auc": 0.7}, predictions=rows, **cell)
    return runs(store.uri, "eyes")


def evidence(recorded: Runs) -> Evidence:
    predicted = from_predictions(recorded)
    return Evidence(runs=recorded, tested=predicted.tested, draws=predicted.draws)


def test_a_small_sweep_is_warned_of_and_has_its_table_and_its_figure(store: Any) -> None:
    recorded = sweep(store, [(PLAIN, 1.0), (TAUGHT, 1.05)])
    made = chapter(evidence(recorded))
    assert made.sentences[0].startswith("WARNING: this sweep was too small.") and not made.empty
    (table,), (picture,) = made.tables, made.pictures
    (row,) = table.frame.to_dict("records")
    assert row["n"] == 3 and row["num_patients"] == 80 and row["smallest"] > abs(row["difference"])
    assert table.body[0][0].text == "attention/imagenet/densenet40/all" and "1 point;" in " ".join(table.notes)
    assert picture.frame["smallest"].iloc[0] == pytest.approx(100 * row["smallest"])
    assert made.sentences[0] in " ".join(answer_lines(recorded).split())


def test_a_sweep_that_was_large_enough_is_not_warned_of(store: Any) -> None:
    recorded = sweep(store, [(PLAIN, 0.0), (TAUGHT, 5.0)])
    assert not any("WARNING" in line for line in chapter(evidence(recorded)).sentences)
    assert "WARNING" not in answer_lines(recorded)


def test_without_a_pair_the_chapter_says_why_and_what_to_do(store: Any) -> None:
    made = chapter(evidence(sweep(store, [(TAUGHT, 1.0)])))
    assert made.empty.startswith("Nothing is compared") and "--methods" in made.empty and not made.tables


def test_two_repeats_are_shown_with_what_they_can_tell(store: Any) -> None:
    made = chapter(evidence(sweep(store, [(PLAIN, 1.0), (TAUGHT, 3.0)], num_repeats=2)))
    assert "no comparison has 3 repeats of both cells (the most is 2)" in made.sentences[0]


def test_one_repeat_has_no_smallest_difference_and_no_figure(store: Any) -> None:
    made = chapter(evidence(sweep(store, [(PLAIN, 1.0), (TAUGHT, 3.0)], num_repeats=1)))
    assert np.isnan(made.tables[0].frame["smallest"]).all() and not made.pictures


def test_the_command_says_what_the_next_sweep_could_see(store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    sweep(store, [(PLAIN, 1.0), (TAUGHT, 1.2)])
    where = ["eyes", "--tracking-uri", store.uri]
    assert power.main([*where, "--difference", "2", "--repeats", "3", "9", "--patients", "80", "800"]) == 0
    out = capsys.readouterr().out
    assert "What the next sweep of eyes could see" in out and "To tell 2 points from chance" in out
    lines = [line.split() for line in out.splitlines() if line.split()[:2] in (["3", "80"], ["9", "800"])]
    assert [line[2] for line in lines] == ["20%", "200%"] and float(lines[0][3]) > float(lines[1][3])


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--difference", "0"], "above 0 and below 100 points"),
        (["--repeats", "2"], "from 3 repeats on, but got 2"),
        (["--patients", "1"], "two patients or more, but got 1"),
    ],
)
def test_what_makes_no_sense_is_refused(
    store: Any, flags: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep(store, [(PLAIN, 1.0), (TAUGHT, 1.2)])
    assert power.main(["eyes", "--tracking-uri", store.uri, *flags]) == 2
    assert why in capsys.readouterr().err


def test_a_sweep_without_a_pair_is_refused(store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    sweep(store, [(TAUGHT, 1.0)])
    assert power.main(["eyes", "--tracking-uri", store.uri]) == 2
    assert "eyes has 1 such cells and no pair" in capsys.readouterr().err
