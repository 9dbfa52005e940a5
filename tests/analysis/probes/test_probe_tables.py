"""Tables and sentences from a frame made by hand; what a panel of the figure holds."""

import numpy as np
import pandas as pd
import pytest

from analysis.figures import drawing
from analysis.figures.drawing import png, svg
from analysis.probes.networks import AFTER, BEFORE, TEACHER
from analysis.probes.probe_tables import FEW_SHOT, NEW_DISEASE, picture, sentences, table
from analysis.probes.probing import COLUMNS
from analysis.reading.origins import PHANTOM_NOTICE
from analysis.tables.rendering import text

pytestmark = pytest.mark.slow

PLAIN, ATTENTION, HINTS = (f"{name}/densenet40/all" for name in ("transfer/none", "attention/x", "hints/x"))
BEFORE_NAME = "densenet40 from imagenet, before training"
KINDS = {PLAIN: AFTER, ATTENTION: AFTER, HINTS: AFTER, BEFORE_NAME: BEFORE, "teacher x": TEACHER}


def frame(p_holm: float = 0.01, phantom: str = "") -> pd.DataFrame:
    rows = []
    for size in (1, 5):
        for place, (subject, kind) in enumerate(KINDS.items()):
            has_pair = kind != TEACHER and subject != PLAIN
            numbers = {"auc": 0.6 + 0.02 * place + 0.01 * size, "low": 0.55, "high": 0.8, "difference": 0.02 * place}
            rows.append(
                {
                    **dict.fromkeys(COLUMNS, np.nan), **numbers, "subject": subject, "kind": kind, "n": 3,
                    "baseline": PLAIN if has_pair else np.nan, "difference_low": 0.005, "difference_high": 0.1,
                    "num_episodes": 7, "num_judged": 40.0, "num_judged_positives": 6.4, "num_patients": 31,
                    "finding": "Lung Lesion", "size": size, "phantom": phantom,
                    "p_holm": p_holm if has_pair else np.nan,
                }
            )  # fmt: skip
            if not has_pair:
                rows[-1] |= {"difference": np.nan, "difference_low": np.nan, "difference_high": np.nan}
    return pd.DataFrame(rows)


def test_a_table_says_numbers_and_who_knew_it() -> None:
    table_ = table(
        frame(phantom="images"), FEW_SHOT, "Lung Lesion", "chexpert", knew={ATTENTION: "x", PLAIN: ""}, data="phantom"
    )
    lines = text(table_).splitlines()
    assert table_.name == "few_shot_lung_lesion" and lines[:2] == ["Few-shot: Lung Lesion of chexpert", PHANTOM_NOTICE]
    assert lines[5].split() == [PLAIN, "PHANTOM", "1", "61.0", "55.0", "to", "80.0", "-", "-", "-", "3", "-"]
    row = [ATTENTION, "PHANTOM", "1", "63.0", "55.0", "to", "80.0", "+2.0", "+0.5", "to", "+10.0", "0.010", "3", "x"]
    assert lines[6].split() == row
    assert "7 episodes; each is judged on 40 test images, 6 of them with Lung Lesion" in table_.notes[0]
    assert table_.notes[0].endswith("fewer than 10 positives are too few for a reliable AUC")
    assert table_.frame["knew_it"].tolist()[:2] == ["", "x"] and set(table_.frame["data"]) == {"phantom"}


def test_only_what_is_told_from_none_is_said_to_differ() -> None:
    lines = sentences(frame(), NEW_DISEASE)
    assert len(lines) == 4  # two cells at two sizes; controls are no method
    assert lines[0].startswith(f"Lung Lesion, n = 1: {ATTENTION} has a higher AUC than {PLAIN}: +2.00 points")
    assert sentences(frame(0.4), NEW_DISEASE) == [
        f"Lung Lesion, n of 1, 5: no difference can be shown between {cell} and {PLAIN}." for cell in (ATTENTION, HINTS)
    ]
    alone = frame()[lambda rows: rows["baseline"].isna()]
    assert sentences(alone, FEW_SHOT) == ["There is no cell of plain transfer of the same student to compare with."]


@pytest.mark.parametrize("phantom", ["images", ""])
def test_the_figure_has_a_row_per_method(phantom: str) -> None:
    table_ = picture(frame(phantom=phantom), NEW_DISEASE, "Lung Lesion", "chexpert")
    axes = table_.figure.axes
    assert [ax.get_title() for ax in axes[::2]] == ["attention transfer", "hints transfer"]
    lines = [{str(line.get_label()): line for line in ax.get_lines()} for ax in axes]
    keys = {name: drawing.key(name, phantom) for name in (PLAIN, ATTENTION, HINTS, BEFORE_NAME, "teacher x")}
    assert set(lines[0]) >= {*keys.values()} - {keys[HINTS]} and keys[HINTS] not in lines[0]
    assert set(lines[1]) >= {keys[ATTENTION], keys[BEFORE_NAME]}
    assert not set(lines[1]) & {keys[PLAIN], keys["teacher x"]}
    np.testing.assert_allclose(np.asarray(lines[0][keys[ATTENTION]].get_ydata(), dtype=float), [63, 67])
    assert (PHANTOM_NOTICE in table_.figure.get_suptitle()) == bool(phantom)
    assert "With 5 images the highest is teacher x " + "PHANTOM " * bool(phantom) + "with 73.0%" in table_.alternative


def test_the_figure_has_the_same_bytes_each_time() -> None:
    first, again = (picture(frame(phantom="images"), NEW_DISEASE, "Lung Lesion", "chexpert").figure for _ in range(2))
    assert png(first) == png(again) and svg(first) == svg(again)


def test_a_phantom_teacher_is_marked_and_never_the_highest_beside_real_ones() -> None:
    mixed = frame().assign(phantom=lambda rows: rows["subject"].map({"teacher x": "teacher", ATTENTION: "teacher"}))
    mixed = mixed.fillna({"phantom": ""})
    table_ = table(mixed, FEW_SHOT, "Lung Lesion", "chexpert", knew={}, data="real")
    marked = {row[0].text for row in table_.body if "PHANTOM" in row[0].text}
    assert marked == {"teacher x PHANTOM", f"{ATTENTION} PHANTOM"}
    assert "PHANTOM TEACHER: " in text(table_) and f"PHANTOM teacher: {ATTENTION}, teacher x" in table_.notes
    lines = sentences(mixed, FEW_SHOT)
    assert ["PHANTOM teacher" in line for line in lines] == [ATTENTION in line for line in lines]
    figure = picture(mixed, FEW_SHOT, "Lung Lesion", "chexpert")
    assert "the highest is teacher x" not in figure.alternative and "PHANTOM" not in figure.alternative
    labels = {str(line.get_label()) for line in figure.figure.axes[0].get_lines()}
    assert {drawing.key(ATTENTION, "teacher"), drawing.key(PLAIN)} < labels
    assert "PHANTOM" in drawing.key(ATTENTION, "teacher")
