"""The chapter on operating points: its tables, its figures, and sentences where there is no number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.chapters.what_a_clinic_sees import NO_PREDICTIONS, chapter
from analysis.figures import figure_confusion
from analysis.pages.evidence import Evidence, rules_of
from analysis.reading.predictions import Predictions
from analysis.reading.trials import Runs
from analysis.scores.grades import confusion_rows
from analysis.tables.rendering import FORMATS, Table
from tests.drawn_predictions import of_grades, of_labels

TAUGHT, PLAIN = "attention/imagenet/densenet121/all", "transfer/none/densenet121/all"


def evidence(dataset: str, of_cells: dict[str, Any], phantom: str = "") -> Evidence:
    """Each cell's pairs of test and validation predictions."""
    trials = pd.DataFrame({"tags.cell": list(of_cells), "tags.phase": "confirm", "phantom": phantom})
    trials = trials.assign(**{"tags.data": "phantom" if phantom else "real"})
    none = pd.DataFrame()
    runs = Runs(dataset=dataset, tracking_uri="", trials=trials, sweeps=none, left_out=none)
    return Evidence(
        runs=runs,
        tested={cell: [tested for tested, _ in pairs] for cell, pairs in of_cells.items()},
        validated={cell: [validated for _, validated in pairs] for cell, pairs in of_cells.items()},
    )


def labels(first: int = 0) -> list[tuple[Predictions, Predictions]]:
    return [(of_labels(first + s), of_labels(100 + first + s, images_seed=98, prefix="v")) for s in range(3)]


def grades(first: int = 0) -> list[tuple[Predictions, Predictions]]:
    return [(of_grades(first + s), of_grades(100 + first + s, images_seed=98, prefix="v")) for s in range(3)]


def by_name(tables: Any) -> dict[str, Table]:
    return {table.name.removeprefix("operating_points_"): table for table in tables}


def test_labels() -> None:
    made = chapter(evidence("chestxray8", {TAUGHT: labels(), PLAIN: labels(10)}))
    tables = by_name(made.tables)
    assert list(tables) == ["youden", "sensitivity", "specificity", "labels", "net_benefit", "probabilities"]
    assert [picture.name for picture in made.pictures] == ["operating_points_net_benefit"]
    for name in ("youden", "sensitivity", "specificity"):
        assert [row[0].text for row in tables[name].body] == [TAUGHT, PLAIN]
        assert "the mean over Edema, Mass" in tables[name].notes
    assert len(tables["labels"].body) == 2 * 2 * 3 and len(tables["net_benefit"].body) == 2 * 3
    rules = [row[1].text for row in tables["labels"].body]
    assert rules == ["Youden's index"] * 4 + ["sensitivity of 90%"] * 4 + ["specificity of 90%"] * 4
    row = tables["sensitivity"].frame.iloc[0]
    field = tables["sensitivity"].body[0][1].text
    ends = [100 * row[f"sensitivity{end}"] for end in ("", "_low", "_high")]
    assert field == "{:.1f} ({:.1f} to {:.1f})".format(*ends)
    kept = 100 * tables["sensitivity"].frame["sensitivity"]
    said = f"have one of {kept.min():.1f} to {kept.max():.1f}% on the test images (2 cells)."
    assert f"Thresholds with a sensitivity of 90% on the validation images {said}" in made.sentences
    assert not any("referable" in sentence for sentence in made.sentences)


def test_grades_are_referable_or_not_and_have_a_confusion_matrix() -> None:
    made = chapter(evidence("retina", {TAUGHT: grades(), PLAIN: grades(10)}))
    tables = by_name(made.tables)
    wanted = ["youden", "sensitivity", "specificity", "net_benefit", "probabilities", "agreement", "confusion"]
    assert list(tables) == wanted  # one label: no table label by label
    assert any("referable from the grade Moderate on" in sentence for sentence in made.sentences)
    assert [picture.name.removeprefix("operating_points_") for picture in made.pictures] == ["net_benefit", "confusion"]
    assert tables["youden"].frame["num_positives"].eq(90).all()
    first = tables["confusion"].body[0]
    rows = confusion_rows(TAUGHT, [tested for tested, _ in grades()])
    assert [cell.text for cell in first[2:]] == [f"{value:.1f}" for value in rows["num_images"][:5]]
    assert f"Mild {100 * rows['share'][6]:.0f}%" in made.pictures[1].alternative


def test_classes_of_a_users_own_are_each_against_the_rest() -> None:
    tables = by_name(chapter(evidence("own", {TAUGHT: grades()})).tables)
    assert {"labels", "confusion"} <= set(tables) and len(tables["labels"].body) == 5 * 3


def test_one_label_of_a_users_own() -> None:
    pairs = [tuple(of_labels(seed, names=("DR",)) for _ in range(2)) for seed in range(3)]
    made = chapter(evidence("own", {TAUGHT: pairs}))
    assert "labels" not in by_name(made.tables) and made.pictures[0].caption.startswith("Net benefit (DR) against")


@pytest.mark.parametrize("form", FORMATS)
def test_phantoms_are_marked_everywhere(form: str) -> None:
    made = chapter(evidence("retina", {TAUGHT: grades()}, phantom="images"))
    assert all("PHANTOM" in FORMATS[form](table) or form == "csv" for table in made.tables)
    assert all(table.frame["phantom"].eq("images").all() for table in made.tables)
    assert all("PHANTOM" in picture.figure.get_suptitle() for picture in made.pictures)


def test_the_same_evidence_gives_the_same_bytes() -> None:
    first, second = (chapter(evidence("chestxray8", {TAUGHT: labels()})) for _ in range(2))
    assert [FORMATS["csv"](table) for table in first.tables] == [FORMATS["csv"](table) for table in second.tables]


def test_what_has_no_number_is_said() -> None:
    pairs = labels()
    rare = pairs[0][0].positive_NL.copy()
    rare[:, 1] = np.arange(120) < 4
    constant = np.full_like(pairs[2][1].probabilities_NL, 0.5)
    pairs = [(replace(tested, positive_NL=rare), validated) for tested, validated in pairs]
    pairs[2] = (pairs[2][0], replace(pairs[2][1], probabilities_NL=constant))
    made = chapter(evidence("chestxray8", {TAUGHT: pairs}))
    words = " ".join(made.sentences)
    assert (
        "Fewer than 10 positives or negatives among the test images, so without numbers: Mass (4 of 120 images)."
        in words
    )
    assert "no threshold has a specificity of 90% on the validation images for Edema (in 1 of 3 repeats)" in words
    assert by_name(made.tables)["specificity"].body[0][1].text == "-"
    negative = np.zeros_like(rare)
    pairs = [(tested, replace(validated, positive_NL=negative)) for tested, validated in labels()]
    made = chapter(evidence("chestxray8", {TAUGHT: pairs}))
    said = "No threshold, since all validation images are of one class: Edema (in 3 of 3 repeats), Mass (in 3 of 3"
    assert any(sentence.startswith(said) for sentence in made.sentences)
    assert list(by_name(made.tables)) == ["labels"]


def test_without_predictions_or_labels_it_is_empty() -> None:
    whole = evidence("chestxray8", {TAUGHT: labels()})
    assert chapter(replace(whole, validated={})).empty == NO_PREDICTIONS
    none = np.zeros(2, dtype=bool)
    unaveraged = {TAUGHT: [replace(tested, averaged_L=none) for tested in whole.tested[TAUGHT]]}
    assert chapter(replace(whole, tested=unaveraged)).empty.startswith("The sweep averages no label")


def test_the_wanted_levels_are_those_of_the_command() -> None:
    asked = replace(evidence("chestxray8", {TAUGHT: labels()}), rules=rules_of(0.8, 0.7))
    tables = by_name(chapter(asked).tables)
    assert "sensitivity of 80%" in tables["sensitivity"].title and "specificity of 70%" in tables["specificity"].title


def test_a_figure_of_many_cells_shows_the_first() -> None:
    cells = [f"{PLAIN}@rotation_deg={number}" for number in range(14)]
    frame = pd.concat([confusion_rows(cell, [of_grades(0)]) for cell in cells], ignore_index=True)
    picture = figure_confusion.picture(frame, {})
    assert picture is not None and "The first 12 of 14 cells; the table has all." in picture.caption
    assert sum(ax.get_visible() for ax in picture.figure.axes) == 12
