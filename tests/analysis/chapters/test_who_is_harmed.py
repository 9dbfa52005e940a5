"""The chapter on who is harmed: what it says, and what it says where it has nothing to say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.chapters.who_is_harmed import chapter
from analysis.figures.drawing import png
from analysis.pages.evidence import Evidence
from analysis.reading.predictions import Predictions
from analysis.reading.trials import Runs
from analysis.tables.rendering import FORMATS, Table
from tests.analysis.scores.harmed import LABELS, PLAIN, TAUGHT, TEACHER, repeats

Both = tuple[list[Predictions], list[Predictions]]


def evidence(cells: dict[str, Both], phantom: str = "", dataset: str = "chestxray8", **tags: object) -> Evidence:
    confirm = pd.DataFrame({"tags.cell": list(cells), "tags.phase": "confirm", "tags.data": "real", "phantom": phantom})
    runs = Runs(
        dataset=dataset,
        tracking_uri="",
        trials=confirm.assign(**{name.replace("_", ".", 1): value for name, value in tags.items()}),
        sweeps=pd.DataFrame(),
        left_out=pd.DataFrame(),
    )
    tested, validated = ({name: both[split] for name, both in cells.items()} for split in (0, 1))
    return Evidence(runs=runs, tested=tested, validated=validated)


def each(cells: dict[str, Both], change: Callable[[Predictions], Predictions]) -> dict[str, Both]:
    return {name: ([*map(change, both[0])], [*map(change, both[1])]) for name, both in cells.items()}


@pytest.fixture(scope="module")
def cells() -> dict[str, Both]:
    return {TEACHER: repeats(2.0, 1), PLAIN: repeats(0.0, seed=10), TAUGHT: repeats(1.5, seed=20)}


def table(tables: Sequence[Table], name: str) -> Table:
    (found,) = (each for each in tables if each.name == name)
    return found


def test_it_names_who_is_missed_and_where_the_gap_is_from(cells: dict[str, Both]) -> None:
    whole = chapter(evidence(cells))
    text = " ".join(whole.sentences)
    assert not whole.empty and "false positive of No_Finding" in text and "Youden's index" in text
    assert "MIMIC-CXR teacher itself: more underdiagnosis for F, under 40" in text
    assert "named by the validation images" in text and "the gap grows with this teacher" in text
    claims = [sentence for sentence in whole.sentences if "points" in sentence]
    assert len(claims) == 4 and all("95% interval" in sentence for sentence in claims)
    names = [each.name for each in whole.tables]
    assert names == ["harm_groups", "harm_gaps", "harm_carried", "harm_labels"]
    assert len(table(whole.tables, "harm_groups").body) == 3 * (2 + 3 + 2 + 6 + 4 + 6)
    assert len(table(whole.tables, "harm_labels").body) == 3 * 2 * (2 + 3 + 2)
    for shown in whole.tables:
        assert all(FORMATS[form](shown) for form in FORMATS)
        assert {*map(len, shown.head), *map(len, shown.body)} == {len(shown.head[0])}


def test_a_table_shows_in_percent_what_its_frame_has_as_a_fraction(cells: dict[str, Both]) -> None:
    groups = table(chapter(evidence(cells)).tables, "harm_groups")
    tested = cells[PLAIN][0][0]
    women = (tested.images["sex"] == "F").to_numpy()
    place = groups.frame.index[(groups.frame["cell"] == PLAIN) & (groups.frame["group"] == "F")][0]
    shown = dict(zip(groups.head[0], (cell.text for cell in groups.body[place]), strict=False))
    assert shown["images"] == str(women.sum()) and shown["with a finding"] == str(
        (women & ~tested.positive_NL[:, 2]).sum()
    )
    assert shown["underdiagnosis"] == f"{100 * groups.frame.loc[place, 'underdiagnosis']:.1f}"
    assert 0 < groups.frame.loc[place, "underdiagnosis"] < 0.5


def test_the_figure_shows_each_cell_and_is_the_same_each_time(cells: dict[str, Both]) -> None:
    first, again = (chapter(evidence(cells)).pictures[0] for _ in range(2))
    assert png(first.figure) == png(again.figure)
    assert list(first.frame["cell"].unique()) == [TEACHER, PLAIN, TAUGHT] and first.frame["place"].is_unique
    assert set(first.frame["kind"]) == {"sex", "age band", "view", "sex and age band"}
    rates = first.frame.set_index(["cell", "group"])["rate"]
    assert rates[(TEACHER, "F, under 40")] > rates[(TAUGHT, "F, under 40")] > rates[(PLAIN, "F, under 40")] + 20


def test_a_teacher_that_is_not_scored_itself_is_named(cells: dict[str, Both]) -> None:
    whole = chapter(evidence({PLAIN: cells[PLAIN], TAUGHT: cells[TAUGHT]}))
    assert any("Not scored itself: MIMIC-CXR teacher. " in sentence for sentence in whole.sentences)
    assert not any("Not scored itself" in sentence for sentence in chapter(evidence(cells)).sentences)
    untaught = chapter(evidence({PLAIN: cells[PLAIN], "attention/random-weights/densenet40/all": cells[PLAIN]}))
    assert not any("Not scored itself" in sentence for sentence in untaught.sentences)


def test_phantoms_are_marked(cells: dict[str, Both]) -> None:
    whole = chapter(evidence(cells, phantom="images"))
    assert all(shown.phantom == "images" for shown in whole.tables)
    assert sum("PHANTOM images: it says nothing about medicine" in sentence for sentence in whole.sentences) == 4


def test_groups_that_are_too_small_are_named_and_never_judged(cells: dict[str, Both]) -> None:
    def with_few_old(repeat: Predictions) -> Predictions:
        images = repeat.images.copy()
        images.loc[images["patient"].isin(images["patient"].unique()[:6]), "age_years"] = 90.0
        return replace(repeat, images=images)

    whole = chapter(evidence(each(cells, with_few_old)))
    (small,) = (sentence for sentence in whole.sentences if "fewer than 10 patients" in sentence)
    assert "80 and over; " in small and "never the worst" in small
    groups, gaps = (table(whole.tables, name).frame for name in ("harm_groups", "harm_gaps"))
    old = groups[groups["group"] == "80 and over"]
    assert old["num_images"].tolist() == [12] * 3 and old["underdiagnosis"].isna().all()
    assert not gaps[["worst", "best"]].isin(["80 and over"]).any(axis=None)


def test_without_sex_and_age_it_says_which_columns_a_csv_needs(cells: dict[str, Both]) -> None:
    eyes = each(cells, lambda repeat: replace(repeat, images=repeat.images.assign(sex="", age_years=np.nan)))
    whole = chapter(evidence(eyes))
    assert any("need the columns sex (F or M) and age (in years)" in sentence for sentence in whole.sentences)
    assert set(table(whole.tables, "harm_groups").frame["kind"]) == {"view"}
    nothing = each(eyes, lambda repeat: replace(repeat, images=repeat.images.assign(view="")))
    alone = chapter(evidence(nothing))
    assert "no two sexes, age bands or views" in alone.empty and "sex (F or M), age (in years) and view" in alone.empty
    assert not alone.tables and not alone.pictures


def test_without_predictions_it_says_what_to_do(cells: dict[str, Both]) -> None:
    assert "finish the sweep" in chapter(evidence({})).empty
    assert "a new sweep" in chapter(replace(evidence(cells), validated={})).empty


def test_one_class_in_validation_has_no_threshold_and_no_number(cells: dict[str, Both]) -> None:
    def one_class(repeat: Predictions) -> Predictions:
        return replace(repeat, positive_NL=np.zeros_like(repeat.positive_NL))

    tested, validated = cells[PLAIN]
    alone = chapter(evidence({PLAIN: (tested, [*map(one_class, validated)])}))
    assert "Edema (in 0 of 3 repeats)" in alone.empty and not alone.tables
    finding = replace(validated[0], positive_NL=validated[0].positive_NL & [True, False, True])
    whole = chapter(evidence({PLAIN: (tested, [finding, *validated[1:]])}))
    assert any("left out: Effusion (in 2 of 3 repeats), of all cells" in sentence for sentence in whole.sentences)
    assert "Effusion" not in set(table(whole.tables, "harm_groups").frame.columns)
    assert "harm_labels" not in [shown.name for shown in whole.tables]  # one label is its own mean


def test_folds_have_rates_and_the_reason_why_no_gap_is_tested(cells: dict[str, Both]) -> None:
    def in_folds(split: list[Predictions]) -> list[Predictions]:
        return [replace(repeat, test_part=f"fold {number}") for number, repeat in enumerate(split, 1)]

    folds = {PLAIN: (in_folds(cells[PLAIN][0]), in_folds(cells[PLAIN][1]))}
    whole = chapter(evidence(folds, tags_drawn="fold", params_num_folds=3))
    assert any("the validation images of some folds are test images of others" in it for it in whole.sentences)
    assert [shown.name for shown in whole.tables] == ["harm_groups", "harm_labels"]
    assert table(whole.tables, "harm_groups").frame["underdiagnosis"].notna().all()


def test_a_set_of_ones_own_with_one_label(cells: dict[str, Both]) -> None:
    own = {PLAIN: repeats(1.5, labels=LABELS[:1])}
    whole = chapter(evidence(own, dataset="mine"))
    assert "no label for images without a finding" in whole.sentences[0]
    assert [shown.name for shown in whole.tables] == ["harm_groups", "harm_gaps"]
    assert "sensitivity" not in table(whole.tables, "harm_groups").frame
