"""Differences between cells that were tested on the same images, on others, or only as a whole: values and coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.reading.predictions import Predictions
from analysis.scores import comparisons
from analysis.scores.cell_repeats import CellRepeats
from analysis.scores.comparisons import comparison_rows, draws_of
from analysis.scores.differences import BY_PART, PAIRED, REPEATS, UNPAIRED, difference_rows, notes, notes_on_p, told
from tests.simulated_cells import cell, confirm

NAMES = {"first": "B", "second": "A"}


def turned(side: CellRepeats) -> CellRepeats:
    """The same predictions with the images in the opposite order, as another store may have them."""
    backwards = slice(None, None, -1)
    moved = [
        replace(
            repeat,
            probabilities_NL=repeat.probabilities_NL[backwards],
            positive_NL=repeat.positive_NL[backwards],
            known_NL=repeat.known_NL[backwards],
            images=repeat.images.iloc[backwards].reset_index(drop=True),
        )
        for repeat in side.repeats
    ]
    return CellRepeats(confirm=side.confirm, repeats=moved)


def test_on_the_same_images_it_is_the_reports_own_comparison() -> None:
    first, second = cell(2.0), cell(1.0, seed=1)
    (row,) = difference_rows([(first, second)]).to_dict("records")
    weights = comparisons.weights_of(first.repeats[0])
    draws = {"a": draws_of(first.repeats, weights), "b": draws_of(second.repeats, weights)}
    assert draws["a"] is not None and draws["b"] is not None
    known = comparison_rows({name: of for name, of in draws.items() if of}, [("a", "b")]).iloc[0]
    assert row["basis"] == PAIRED and row["labels"] == ""
    for name in ("difference", "low", "high", "p_patients", "p_seeds", "p_holm"):
        assert row[name] == known[name], name
    assert row["first_mean"] - row["second_mean"] == pytest.approx(row["difference"])
    assert (row["first_n"], row["second_n"], row["first_patients"]) == (3, 3, 100)


def test_the_order_of_the_images_changes_nothing() -> None:
    first, second = cell(2.0), cell(1.0, seed=1)
    frames = [difference_rows([(first, of)]) for of in (second, turned(second))]
    pd.testing.assert_frame_equal(*frames, check_exact=True)


def test_other_images_or_another_salt_are_unpaired_and_wider() -> None:
    first, second = cell(2.0), cell(1.0, seed=1)
    paired = difference_rows([(first, second)]).iloc[0]
    for other in (cell(1.0, seed=1, salt=b"site B"), cell(1.0, seed=1, images=7), cell(1.0, seed=1, size=180)):
        row = difference_rows([(first, other)]).iloc[0]
        assert row["basis"] == UNPAIRED
        halves = np.hypot(row["first_high"] - row["first_low"], row["second_high"] - row["second_low"])
        assert row["high"] - row["low"] == pytest.approx(halves, rel=0.12)  # variances of independent sides add up
        assert row["high"] - row["low"] > 1.3 * (paired["high"] - paired["low"])


def test_the_same_predictions_at_two_sites_do_not_cancel() -> None:
    first, again = cell(1.0), cell(1.0, salt=b"site B")
    same, apart = difference_rows([(first, first), (first, again)]).to_dict("records")
    assert same["basis"] == PAIRED and apart["basis"] == UNPAIRED
    assert apart["difference"] == 0 and apart["high"] - apart["low"] > 2 * (same["high"] - same["low"])


def test_without_predictions_the_repeats_of_one_split_have_an_interval_and_nothing_is_claimed() -> None:
    first, second = (CellRepeats(confirm=confirm(scores)) for scores in ([0.7, 0.8, 0.9], [0.20, 0.21, 0.25]))
    (row,) = difference_rows([(first, second)]).to_dict("records")
    welch = stats.ttest_ind([0.7, 0.8, 0.9], [0.20, 0.21, 0.25], equal_var=False)
    assert row["basis"] == REPEATS and row["difference"] == pytest.approx(0.58)
    assert (row["low"], row["high"]) == pytest.approx(tuple(welch.confidence_interval()))
    assert row["p_seeds"] == pytest.approx(welch.pvalue) and welch.pvalue < 0.05
    assert np.isnan(row["p_patients"]) and np.isnan(row["p_holm"]) and np.isnan(row["second_patients"])
    assert row["second_mean"] == pytest.approx(0.22) and not told(difference_rows([(first, second)])).any()


def test_on_other_splits_the_repeats_have_no_interval() -> None:
    moving = CellRepeats(
        confirm=confirm([0.7, 0.8, 0.9]).assign(**{"tags.split_fingerprint": ["s", "t", "u"]}),
        repeats=[cell(1.0, images=k, num_repeats=1).repeats[0] for k in range(3)],
    )
    still = CellRepeats(confirm=confirm([0.60, 0.61, 0.65]))
    elsewhere = CellRepeats(confirm=confirm([0.60, 0.61, 0.65], split="v"))
    frame = difference_rows([(moving, still), (still, elsewhere), (moving, moving)])
    assert set(frame["basis"]) == {REPEATS} and frame["difference"].tolist() == pytest.approx([0.18, 0, 0])
    assert frame[["low", "high", "p_seeds", "p_holm"]].isna().all(axis=None)


def test_a_side_on_splits_of_its_own_has_the_interval_that_it_has_in_its_report() -> None:
    parts = {"test_part": ["split 1", "split 2", "split 3"], "test_to_train": 2 / 7}
    moving = CellRepeats(confirm=confirm([0.65, 0.7, 0.75]).assign(**parts))
    still = CellRepeats(confirm=confirm([0.60, 0.61, 0.65]))
    (row,) = difference_rows([(moving, still)]).to_dict("records")
    assert row["first_high"] - row["first_mean"] == pytest.approx(0.16926, abs=1e-5)  # 0.12421 by Student's t
    assert row["second_high"] - row["second_mean"] == pytest.approx(0.06572, abs=1e-5)
    folds = confirm([0.6, 0.8, 0.9]).assign(test_part=["fold 1", "fold 1", "fold 2"], test_to_train=1.0)
    (row,) = difference_rows([(CellRepeats(confirm=folds), still)]).to_dict("records")
    assert (row["first_mean"], row["first_n"]) == (pytest.approx(0.8), 2)  # the mean over the folds


def test_one_repeat_or_none_has_no_interval_and_no_p() -> None:
    one, none = CellRepeats(confirm=confirm([0.9])), CellRepeats(confirm=confirm())
    rows = difference_rows([(one, CellRepeats(confirm=confirm([0.5, 0.6]))), (one, none)])
    assert rows["difference"].tolist() == pytest.approx([0.35, np.nan], nan_ok=True)
    assert rows[["low", "high", "p_seeds", "p_holm"]].isna().all(axis=None)
    assert rows["second_n"].tolist() == [2, 0] and not told(rows).any()


def two_labels(side: CellRepeats, averaged: Sequence[str]) -> CellRepeats:
    """With a second label, at chance level, and an average over these labels."""
    repeats = []
    for repeat in side.repeats:
        size = len(repeat.images)
        chance = np.random.default_rng(5).random(size).astype(np.float32)
        names = ("A", "B")
        repeats.append(
            replace(
                repeat,
                label_names=names,
                probabilities_NL=np.stack([repeat.probabilities_NL[:, 0], chance], axis=1),
                positive_NL=np.repeat(repeat.positive_NL, 2, axis=1),
                known_NL=np.ones((size, 2), dtype=bool),
                averaged_L=np.isin(names, list(averaged)),
            )
        )
    return CellRepeats(confirm=confirm([0.5, 0.6], averaged), repeats=repeats)


def test_two_averages_are_compared_over_the_labels_that_both_have() -> None:
    first, second = cell(2.0), cell(1.0, seed=1)
    both, alone = two_labels(first, ["A", "B"]), two_labels(second, ["A"])
    (row,) = difference_rows([(both, alone)]).to_dict("records")
    (known,) = difference_rows([(first, second)]).to_dict("records")
    assert row["labels"] == "A" and row["difference"] == known["difference"] and row["basis"] == PAIRED
    (note,) = [text for text in notes(pd.DataFrame([row]), NAMES) if "average" in text]
    assert note == "B and A average different labels: here both are over A"
    (row,) = difference_rows([(both, two_labels(second, ["A", "B"]))]).to_dict("records")
    assert row["labels"] == "" and abs(row["difference"]) < abs(known["difference"])  # half of it is chance
    (row,) = difference_rows([(both, CellRepeats(confirm=confirm([0.5, 0.6])))]).to_dict("records")
    assert np.isnan(row["difference"])  # the recorded scores judge other labels


def test_a_label_that_is_not_defined_has_no_difference() -> None:
    def without_positives(repeat: Predictions) -> Predictions:
        return replace(repeat, positive_NL=np.zeros_like(repeat.positive_NL))

    first = cell(1.0)
    empty = CellRepeats(confirm=confirm(), repeats=[without_positives(repeat) for repeat in first.repeats])
    (row,) = difference_rows([(empty, first)]).to_dict("records")
    assert np.isnan(row["difference"]) and np.isnan(row["p_holm"])


def test_the_correction_covers_all_pairs() -> None:
    pairs = [(cell(2.0), cell(1.0, seed=1)), (cell(1.9, seed=2), cell(1.0, seed=1, images=3))]
    frame = difference_rows(pairs)
    larger = frame[["p_patients", "p_seeds"]].max(axis=1)
    assert frame["p_holm"].min() == pytest.approx(2 * larger.min())
    assert told(frame).tolist() == (frame["p_holm"] < 0.05).tolist()


def test_a_constant_answer_is_marked_and_never_claimed() -> None:
    first, second = cell(3.0), cell(0.2, seed=1)
    flat = confirm([0.5, 0.5, 0.5]).assign(**{"metrics.test_num_constant": [1.0, 0.0, 0.0]})
    frame = difference_rows([(CellRepeats(confirm=flat, repeats=first.repeats), second)])
    assert frame["p_holm"].iloc[0] < 0.01 and frame["is_constant"].all() and not told(frame).any()
    assert (frame["first_num_constant"].iloc[0], frame["second_num_constant"].iloc[0]) == (1, 0)
    assert any(note.startswith("\N{DOUBLE DAGGER}: answers one class only") for note in notes(frame, NAMES))
    frame = difference_rows([(first, second)])
    assert told(frame).all() and not any("one class only" in note for note in notes(frame, NAMES))
    frame = difference_rows([(cell(3.0, num_repeats=2), second)])
    assert frame["p_holm"].iloc[0] < 0.05 and not told(frame).any()  # two repeats may agree by chance


@pytest.mark.parametrize(
    ("bases", "welch", "by_part", "larger", "counted"),
    [
        ([PAIRED, REPEATS], 1, 0, "p, Holm: the larger of the two; ", "n: repeats; "),
        ([BY_PART], 0, 1, "p, Holm: of the only p; ", "n: repeats, or splits or folds; "),
        (
            [PAIRED, BY_PART],
            1,
            1,
            "p, Holm: the larger of the two, by part the only one; ",
            "n: repeats, or splits or ",
        ),
    ],
)
def test_the_notes_name_the_tests_that_were_made(
    bases: list[str], welch: int, by_part: int, larger: str, counted: str
) -> None:
    lines = notes_on_p(pd.DataFrame({"basis": bases, "p_holm": 0.5}))
    assert [sum(word in line for line in lines) for word in ("Welch", "resampled t")] == [welch, by_part]
    assert lines[-2].startswith(larger) and lines[-1].startswith(counted)
