"""The checklists have the published items, every item has an answer, and an answer rests on the ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from analysis import published
from analysis.methods.checklists import TITLES, find, rows, table
from analysis.methods.paragraphs import paragraphs
from analysis.reading.other_hospital import Opened
from analysis.reading.trials import Runs, runs
from analysis.tables import rendering
from tests.analysis.methods.conftest import CELLS, GRADES, PASHA, PHOTOGRAPHS, PLAN, sweep_tags

TRIPOD = (
    "1 2 3a 3b 3c 4 5a 5b 6a 6b 6c 7 8a 8b 8c 9a 9b 9c 10 11 12a 12b 12c 12d 12e 12f 12g 13 14 15 16 17 18a 18b 18c "
    "18d 18e 18f 19 20a 20b 20c 21 22 23a 23b 24 25 26 27a 27b 27c"
)
OF_THE_AUTHOR = {  # nothing that a program records answers these
    "tripod_ai_2024": "2 3a 3b 3c 5b 6a 6c 8c 17 18a 18b 18c 18d 19 25 27a 27b 27c",
    "claim_2024": "2 3 5 13 15 18 34 41 44",
}


def test_the_items_are_those_of_the_statements() -> None:
    assert published.checklist("tripod_ai_2024")["item"].tolist() == TRIPOD.split()
    assert published.checklist("claim_2024")["item"].tolist() == [str(number) for number in range(1, 45)]


@pytest.mark.parametrize("name", TITLES)
def test_every_item_has_an_answer_and_a_topic(name: str, photographs: Runs) -> None:
    frame = rows(photographs, name)
    assert len(frame) == len(published.checklist(name)) and frame["topic"].str.len().gt(5).all()
    left = published.checklist(name).set_index("item")["key"].eq("author")
    assert left[left].index.tolist() == OF_THE_AUTHOR[name].split()
    by_item = frame.set_index("item")
    assert by_item.loc[OF_THE_AUTHOR[name].split(), "answer"].eq("open: for the author").all()
    named = frame[frame["status"].isin(["answered", "in part"])]
    assert (named["answer"].str.len() > 10).all() and not named["answer"].str.contains(r"nan|None|\[not").any()


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValueError, match="must name an answer, but got 'listed'"):
        find("listed")  # imported by the modules of answers, and none itself


@pytest.mark.parametrize("name", TITLES)
def test_a_place_in_the_methods_is_a_paragraph(name: str, photographs: Runs) -> None:
    there = {f"methods_in_words-{each.name}": f"Methods, in words: {each.title}" for each in paragraphs(photographs, 1)}
    frame = rows(photographs, name)
    inside = frame[frame["anchor"].str.startswith("methods_in_words-")]
    assert len(inside) > 10
    assert [there[anchor] for anchor in inside["anchor"]] == inside["place"].tolist()


@pytest.mark.parametrize(
    ("item", "change", "before", "after"),
    [
        ("5a", {"facts": {"cohort": None}}, "Retina: A hospital, 2015", "open: for the author"),
        ("12a", {"facts": {"split_rule": None}}, "drawn at random, by patient: train 432", "open: for the author"),
        ("20a", {"facts": {"cohort_test": None}}, "test 145 images of 72 patients", "open: for the author"),
        ("13", {"loss": "weighted"}, "no method against class imbalance", "class-weighted cross-entropy in all cells"),
        ("13", {"loss": "focal"}, "no method against class imbalance", "focal loss in all cells"),
        ("12c", {"max_epochs": 50}, "up to 96 epochs", "up to 50 epochs"),
        (
            "12c",
            {"facts": {"search_plan": PLAN | {"sampler": "GP"}}},
            "images (sampler: TPE), weak",
            "(sampler: GP), weak",
        ),
        ("12c", {"facts": {"search_plan": PLAN | PASHA}}, "weak ones ended early by ASHA", "ones ended early by PASHA"),
        ("12c", {"facts": {"search_plan": {"mode": "grid"}}}, "weak ones ended", "on validation images, up to 96"),
        ("18f", {"tags": {"version": "9.8"}}, "version 0.1.0, commit abc123def456", "version 9.8"),
        ("7", {"image_size_px": 64}, "256 x 256", "64 x 64"),
    ],
)
def test_an_answer_follows_the_ledger(
    of_photographs: Callable[..., Runs], photographs: Runs, item: str, change: dict[str, Any], before: str, after: str
) -> None:
    assert before in rows(photographs, "tripod_ai_2024").set_index("item").loc[item, "answer"]
    cells = [{**cell, **{name: change.pop(name) for name in ("max_epochs",) if name in change}} for cell in CELLS[:1]]
    changed = of_photographs(cells=cells, **change)
    assert after in rows(changed, "tripod_ai_2024").set_index("item").loc[item, "answer"]


def test_unseen_test_images_are_claimed_only_where_they_were(of_photographs: Callable[..., Runs]) -> None:
    def unseen(**more: Any) -> tuple[str, str]:
        row = rows(of_photographs(cells=CELLS[:1], **more), "claim_2024").set_index("item").loc["32"]
        return str(row["status"]), str(row["answer"])

    claimed = "test images of patients whom no student's training and no choice has seen, opened at the end"
    assert unseen() == ("answered", claimed)
    overlap = {"teacher_overlap": "the teacher knows 3 of the test patients"}
    status, answer = unseen(sweep=overlap, data_fingerprint="data-b")
    assert status == "in part" and overlap["teacher_overlap"] in answer and "no choice" not in answer


def test_a_second_opening_is_no_unseen_test_set(photographs: Runs) -> None:
    confirm = photographs.trials["tags.phase"] == "confirm"
    again = replace(photographs, trials=photographs.trials.assign(openings=confirm + 1))
    answer = rows(again, "claim_2024").set_index("item").loc["32", "answer"]
    assert "the test set was opened for more than one configuration" in answer and "no choice" not in answer


def test_folds_have_no_common_test_images(store: Any) -> None:
    parent = store.sweep(**sweep_tags(GRADES, PHOTOGRAPHS, num_folds="3"))
    for fold in (1, 2, 3):
        store.trial(parent, seed=1, fold=fold, num_folds=3, tags={"drawn": "fold"}, **CELLS[0])
    answers = rows(runs(store.uri, "retina"), "claim_2024").set_index("item")["answer"]
    assert "compared on the test images of the same folds" in answers["6"]
    assert "neither the training nor the choice of the students of that fold" in answers["32"]


def test_another_hospital_that_was_opened_is_named_with_its_day(of_photographs: Callable[..., Runs]) -> None:
    def answers(**sweep: str) -> pd.DataFrame:
        return rows(of_photographs(cells=CELLS[:1], sweep=sweep), "claim_2024").set_index("item")

    alone = answers(name="alone")
    assert alone.loc["33", "answer"].startswith("no other data set was opened; open, for the author")
    assert "evaluation on" not in alone.loc["6", "answer"]
    record = Opened(
        target="mine", data="real", fingerprint="f", part="all", labels={"1": "1"}, num_images=1200, num_patients=9,
        opened="2026-11-26",
    )  # fmt: skip
    abroad = answers(name="abroad", **{record.tag: record.text})
    assert abroad.loc["33", "status"] == "answered"
    assert abroad.loc["33", "answer"] == "mine (1,200 images, 2026-11-26); nothing was trained, fitted or chosen there"
    assert "and evaluation on mine (1,200 images, 2026-11-26): " in abroad.loc["6", "answer"]


def test_the_table_leads_to_the_places(photographs: Runs) -> None:
    shown = table(rows(photographs, "claim_2024"), "claim_2024")
    assert len(shown.body) == 44 and shown.body[22][4].anchor == "methods_in_words-machines"
    assert [cell.text for cell in shown.body[43]] == [
        "44", "Funding and the funders' part", "open", "open: for the author", "-",
    ]  # fmt: skip
    assert "Methods, in words: Software and hardware" in rendering.markdown(shown)
    assert r"\begin{tabular}{lp{0.23\textwidth}p{" in rendering.latex(shown)  # texts, which a column of numbers cuts
    assert shown.notes[0].startswith("44 items and parts of items: ")
    counted = [int(part.split()[0]) for part in shown.notes[0].partition(": ")[2].split(", ")]
    assert sum(counted) == 44
