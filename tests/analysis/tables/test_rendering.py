"""The four forms of a table, character by character on a small one."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
import pytest

from analysis.reading.origins import PHANTOM_NOTICE
from analysis.tables import rendering
from analysis.tables.rendering import Cell, Table, number, ranks

FRAME = pd.DataFrame({"cell": ["a_1", "b"], "mean": [80.0, 90.0], "data": ["real", "real"]})


def small(phantom: str = "") -> Table:
    body = [[Cell("a_1"), Cell("80.00±1.00", "second")], [Cell("b|c"), Cell("90.00", "best")]]
    return Table(
        name="small", title="Small: 100%", head=[["", "AUC"], ["unit", "%"]], body=body, frame=FRAME,
        notes=["n = 3"], phantom=phantom,
    )  # fmt: skip


def test_text() -> None:
    assert rendering.text(small()).splitlines() == [
        "Small: 100%",
        "-----------------",
        "              AUC",
        "unit            %",
        "-----------------",
        "a_1   80.00±1.00+",
        "b|c        90.00*",
        "-----------------",
        "n = 3",
        "best: *, second best: +; the paper's numbers and ours are each ranked by themselves",
    ]


def test_markdown() -> None:
    assert rendering.markdown(small()).splitlines()[:6] == [
        "**Small: 100%**",
        "",
        "| unit | AUC<br>% |",
        "| --- | ---: |",
        "| a_1 | <u>80.00±1.00</u> |",
        "| b\\|c | **90.00** |",
    ]


def test_latex() -> None:
    text = rendering.latex(small())
    assert r"\caption{Small: 100\%}" in text
    assert r"a\_1 & \underline{80.00$\pm$1.00} \\" in text
    assert r"b|c & \textbf{90.00} \\" in text
    assert text.count("{") == text.count("}")
    assert not any(ord(sign) > 127 for sign in text)


def test_csv_is_the_frame() -> None:
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(rendering.csv(small()))), FRAME)


@pytest.mark.parametrize("form", ["text", "markdown", "latex"])
def test_phantom_data_are_announced(form: str) -> None:
    assert PHANTOM_NOTICE in rendering.FORMATS[form](small("images, teacher"))
    assert "PHANTOM TEACHER, FIRST WEIGHTS: " in rendering.FORMATS[form](small("teacher, first weights"))
    assert "PHANTOM" not in rendering.FORMATS[form](small())


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((84.456, 0.5), "84.46±0.50"),
        ((84.456,), "84.46"),
        ((84.456, float("nan")), "84.46"),
        ((float("nan"), 1.0), "-"),
        ((None,), "-"),
        ((0.12345, 0.1, 3), "0.123±0.100"),
    ],
)
def test_number(arguments: tuple[Any, ...], text: str) -> None:
    assert number(*arguments) == text


def test_ranks() -> None:
    nan = float("nan")
    assert ranks([1.0, nan, 3.0, 2.0, 3.0], [True] * 5) == ["", "", "best", "second", "best"]
    assert ranks([1.0, nan], [True] * 2) == ["", ""]  # one number alone is no best
    assert ranks([2.0, 2.0], [True] * 2) == ["", ""]
    assert ranks([], []) == []
    assert ranks([9.0, 1.0, 2.0], [False, True, True]) == ["", "second", "best"]
    assert ranks([9.0, 1.0, 9.0], [False, True, True]) == ["", "second", "best"]  # an equal one has no share in it
    assert ranks([9.0, 1.0], [False, True]) == ["", ""]
