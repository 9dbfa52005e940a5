"""The gap between groups, who names them, and what comes over from the teacher."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.scores.group_counts import CellCounts, counts_of_cells
from analysis.scores.group_harm import harm_rows
from analysis.scores.harm_gaps import carried_rows, gap_rows, judged, judged_difference
from analysis.scores.harm_words import carried_sentences, gap_sentences
from analysis.scores.missed import SENSITIVITY, UNDERDIAGNOSIS
from analysis.stats.thresholds import Rule
from tests.analysis.scores.harmed import PLAIN, TAUGHT, TEACHER, predicted, repeats

KIND = "sex and age band"
WORST = "F, under 40"


def counted(**cells: tuple[float, int]) -> dict[str, CellCounts]:
    """The counts of cells with a bias against young women, and so many repeats."""
    names = {"taught": TAUGHT, "plain": PLAIN, "teacher": TEACHER}
    made = {names[key]: repeats(bias, num, seed=10 * k) for k, (key, (bias, num)) in enumerate(cells.items())}
    tested, validated = ({name: both[split] for name, both in made.items()} for split in (0, 1))
    return counts_of_cells(tested, validated, "chestxray8", Rule(kind="youden"))


@pytest.fixture(scope="module")
def cells() -> dict[str, CellCounts]:
    return counted(teacher=(2.0, 1), plain=(0.0, 3), taught=(1.5, 3))


def row_of(frame: pd.DataFrame, cell: str, measure: str = UNDERDIAGNOSIS, kind: str = KIND) -> pd.Series:
    (number,) = frame.index[frame["cell"].eq(cell) & frame["measure"].eq(measure) & frame["kind"].eq(kind)]
    return frame.loc[number]


def test_the_group_that_is_harmed_is_named_and_measured(cells: dict[str, CellCounts]) -> None:
    gaps, rates = gap_rows(cells), harm_rows(cells[TAUGHT]).set_index(["kind", "group", "measure"])["rate"]
    for measure, sign in ((UNDERDIAGNOSIS, 1), (SENSITIVITY, -1)):
        row = row_of(gaps, TAUGHT, measure)
        of_worst, of_best = (rates[(KIND, row[which], measure)] for which in ("worst", "best"))
        assert row["worst"] == WORST and row["gap"] == pytest.approx(sign * (of_worst - of_best))
        assert (row["rate_worst"], row["rate_best"]) == (pytest.approx(of_worst), pytest.approx(of_best))
        assert row["low"] < row["gap"] < row["high"] and row["low"] > 0.2 and row["p_patients"] < 0.01
        of_kind = rates.xs((KIND, measure), level=("kind", "measure"))
        assert row["widest"] == pytest.approx(of_kind.max() - of_kind.min()) and row["widest"] > row["gap"] - 1e-9


def test_the_rest_are_all_other_images_with_a_known_group(cells: dict[str, CellCounts]) -> None:
    row, counts = row_of(gap_rows(cells), TAUGHT), {it.kind: it for it in cells[TAUGHT].kinds}[KIND]
    place, names = counts.groups.index(WORST), cells[TAUGHT].measures.names
    others = [number for number in range(len(counts.groups)) if number != place]
    above, below = (each[names.index(UNDERDIAGNOSIS)] for each in (counts.above_KGS, counts.below_KGS))
    rest = (above[others].sum(axis=0) / below[others].sum(axis=0)).mean()
    assert row["rest"] == pytest.approx(row["rate_worst"] - rest) and row["rest_low"] < row["rest"] < row["rest_high"]


def test_nothing_is_claimed_where_no_group_is_harmed(cells: dict[str, CellCounts]) -> None:
    plain = gap_rows(cells).query("cell == @PLAIN")
    assert len(plain) == 12 and plain["p_holm"].min() > 0.05
    (sentence,) = gap_sentences(plain, {})
    assert "none of 12 gaps can be told from chance" in sentence and "95% interval" in sentence


def test_the_validation_images_name_the_groups() -> None:
    """On the test images women under 40 are worst; on the validation images nobody is."""
    tested = {PLAIN: [predicted("test", 1.5, k) for k in range(3)]}
    validated = {PLAIN: [predicted("validation", 0.0, k) for k in range(3)]}
    row = row_of(gap_rows(counts_of_cells(tested, validated, "chestxray8", Rule(kind="youden"))), PLAIN)
    assert row["worst"] != WORST and row["widest"] > 0.3
    assert row["gap"] < row["widest"] - 0.2


def test_a_gap_comes_over_with_the_knowledge(cells: dict[str, CellCounts]) -> None:
    carried, gaps = carried_rows(cells), gap_rows(cells)
    assert set(carried["cell"]) == {TAUGHT} and len(carried) == 12
    row, of_teacher = row_of(carried, TAUGHT), row_of(gaps, TEACHER)
    assert (row["worst"], row["best"], row["named_by"]) == (of_teacher["worst"], of_teacher["best"], "teacher")
    assert row["teacher"] == pytest.approx(of_teacher["gap"])
    rates = {cell: harm_rows(cells[cell]).set_index(["kind", "group", "measure"])["rate"] for cell in (TAUGHT, PLAIN)}
    own, plain = (
        rates[cell][(KIND, row["worst"], UNDERDIAGNOSIS)] - rates[cell][(KIND, row["best"], UNDERDIAGNOSIS)]
        for cell in (TAUGHT, PLAIN)
    )
    assert (row["gap"], row["plain"]) == (pytest.approx(own), pytest.approx(plain))
    assert row["difference"] == pytest.approx(own - plain) and 0 < row["low"] < row["difference"] < row["high"]
    assert row["beyond_teacher"] == pytest.approx(own - row["teacher"]) and row["p_holm"] < 0.05
    (sentence,) = carried_sentences(carried, {TAUGHT: "images"})
    assert "the gap grows with this teacher" in sentence and sentence.count("95% interval") == 2
    assert sentence.endswith("PHANTOM images: it says nothing about medicine.")


def test_a_gap_that_plain_transfer_has_too_does_not_come_from_the_teacher() -> None:
    carried = carried_rows(counted(plain=(1.5, 3), taught=(1.5, 3)))
    assert set(carried["named_by"]) == {"both students"} and row_of(carried, TAUGHT)["worst"] == WORST
    assert carried["p_holm"].min() > 0.05 and carried["teacher"].isna().all()
    assert "no difference to plain transfer can be shown" in carried_sentences(carried, {})[0]


def test_without_plain_transfer_nothing_says_where_the_gap_is_from() -> None:
    carried = carried_rows(counted(teacher=(2.0, 1), taught=(1.5, 3)))
    assert carried["difference"].isna().all() and carried["beyond_low"].notna().all()
    (sentence,) = carried_sentences(carried, {})
    assert "nothing says whether it came over" in sentence and "95% interval" in sentence
    assert carried_rows(counted(taught=(1.5, 3))).empty


def test_two_repeats_claim_nothing_but_a_teacher_itself_may() -> None:
    gaps = gap_rows(counted(teacher=(2.0, 1), taught=(2.0, 2)))
    assert gaps.query("cell == @TAUGHT")["p_holm"].isna().all()
    assert row_of(gaps, TEACHER)["p_holm"] < 0.05 and np.isnan(row_of(gaps, TEACHER)["p_seeds"])
    (sentence,) = gap_sentences(gaps.query("cell == @TAUGHT"), {})
    assert "without a test over repeats, which are too few or all alike" in sentence
    (sentence,) = gap_sentences(gaps.query("cell == @TAUGHT").head(1), {})
    assert "the only gap cannot be told from chance; it is between" in sentence


def test_plain_transfer_of_one_repeat_is_not_taken_for_certain() -> None:
    """It was trained once: another seed may have another gap, unlike a teacher's own."""
    carried = carried_rows(counted(plain=(0.0, 1), taught=(1.5, 3)))
    assert carried["difference"].notna().all() and carried["n"].eq(1).all()
    assert carried[["p_seeds", "p_holm"]].isna().all(axis=None)


def test_cells_tested_on_other_images_are_not_compared(cells: dict[str, CellCounts]) -> None:
    others = replace(cells[PLAIN], images=cells[PLAIN].images[::-1].reset_index(drop=True))
    carried = carried_rows({**cells, PLAIN: others})
    assert carried["plain"].isna().all() and carried["teacher"].notna().all()


def test_repeats_on_several_parts_have_no_gap(cells: dict[str, CellCounts]) -> None:
    assert gap_rows({TAUGHT: replace(cells[TAUGHT], parts=("fold 1", "fold 2", "fold 3"))}).empty


def test_draws_without_a_spread_judge_nothing() -> None:
    same = (np.full(3, 0.2), np.full((3, 50), 0.2))
    for verdict in (judged(same), judged_difference(same, (np.full(3, 0.1), np.full((3, 50), 0.1)))):
        assert np.isnan([verdict.low, verdict.high, verdict.p, verdict.p_patients]).all()


def test_the_same_predictions_give_the_same_numbers(cells: dict[str, CellCounts]) -> None:
    again = counted(teacher=(2.0, 1), plain=(0.0, 3), taught=(1.5, 3))
    pd.testing.assert_frame_equal(gap_rows(cells), gap_rows(again), check_exact=True)
    pd.testing.assert_frame_equal(carried_rows(cells), carried_rows(again), check_exact=True)
