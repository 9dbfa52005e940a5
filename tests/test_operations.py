"""docs/operations.md: each failure that it lists, and each claim that it makes, names what holds it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import pytest

from tests.chaos.kinds import FAULTS
from tests.cluster.__main__ import Rehearsal

PAGE = Path(__file__).parents[1] / "docs" / "operations.md"
HEADING = "## What holds this page"
TEST = re.compile(r"`tests/[\w/]+\.py::test_\w+`")  # tests/test_documents.py sees that each is there
STEPS = re.compile(r"`python -m tests\.(chaos|cluster)` \(([^)]*)\)")
NOT_TRIED = "not tried"
Row = Sequence[str]


def tables(text: str) -> list[list[Row]]:
    """The rows of each table of a page, without its head; a row is its cells.

    >>> tables("| a | b |\\n| --- | --- |\\n| 1 | 2 |\\n\\ntext")
    [[['1', '2']]]
    """
    found = re.findall(r"^\|[^\n]*\|\n\|[- |]+\|\n((?:\|[^\n]*\|\n?)+)", text, flags=re.MULTILINE)
    return [[line.strip("| ").split(" | ") for line in rows.splitlines()] for rows in found]


def plain(cell: str) -> str:
    return cell.replace("`", "").strip()


def mismatch(failures: Sequence[Row], held: Sequence[Row]) -> str:
    """The first failure without its line in its place among those that are held, with what to do; "" where all have."""
    for number, (failure, line) in enumerate(zip_longest(failures, held), 1):
        if failure and line and plain(failure[0]).startswith(plain(line[0])):
            continue
        place = f'line {number} of the first table of "{HEADING.removeprefix("## ")}" in {PAGE.name}'
        if failure is None:
            return f"{place} ({line[0]}) must belong to a row of the table of failures, but there is none: delete it"
        seen = f"is that of {line[0]}" if line else "is missing"
        return (
            f"{place} must hold the row of failures that begins with\n    {failure[0]}\nbut {seen}. Insert there\n"
            "    | the first words of that row | `tests/FOLDER/test_FILE.py::test_NAME` |\n"
            "with the tests that hold what the row says (its message, and what the platform does); or write one"
        )
    return ""


def without_holder(rows: Sequence[Row]) -> list[Row]:
    """The rows that name neither a test, nor a step of another suite, nor that nobody has tried it."""
    return [row for row in rows if not (TEST.search(row[1]) or STEPS.search(row[1]) or NOT_TRIED in row[1])]


@pytest.fixture(scope="module")
def page() -> tuple[list[list[Row]], list[list[Row]]]:
    """The tables before the section that names the tests, and those of it."""
    before, heading, after = PAGE.read_text(encoding="utf-8").partition(f"{HEADING}\n")
    assert heading, f"{PAGE} must have the section {HEADING!r}"
    return tables(before), tables(after)


def test_each_failure_has_its_line_with_what_holds_it(page: tuple[list[list[Row]], list[list[Row]]]) -> None:
    (failures, *_), (held, claims, _tried) = page
    assert len(failures) > 40 and len(claims) > 30
    problem = mismatch(failures, held)
    assert not problem, problem
    unheld = without_holder([*held, *claims])
    assert not unheld, f"name a test, a step of tests.chaos or tests.cluster, or say {NOT_TRIED!r}: {unheld}"


def test_the_named_faults_and_steps_are_there(page: tuple[list[list[Row]], list[list[Row]]]) -> None:
    names = {"chaos": {fault.__name__ for fault in FAULTS}, "cluster": set(vars(Rehearsal))}
    named = [
        (suite, name)
        for table in page[1]
        for row in table
        for suite, steps in STEPS.findall(row[1])
        for name in re.findall(r"`(\w+)`", steps) or [""]
    ]
    assert {suite for suite, _ in named} == set(names)
    assert [(suite, name) for suite, name in named if name not in names[suite]] == []


FAILURES: list[Row] = [["`one fails`, exit status 2", "..."], ["`... two fails`", "..."]]


@pytest.mark.parametrize(
    ("held", "problem"),
    [
        ([["`one fails`", "x"], ["`... two`", "x"]], ""),
        (
            [["`one fails`", "x"]],
            "line 2 .* must hold the row of failures that begins with\n    `... two fails`\nbut is mi",
        ),
        (
            [["`... two`", "x"], ["`one fails`", "x"]],
            "line 1 .*\n    `one fails`, exit status 2\nbut is that of `... two`",
        ),
        (
            [["`one fails`", "x"], ["`... two`", "x"], ["three", "x"]],
            "line 3 .* \\(three\\) .* there is none: delete it",
        ),
    ],
    ids=["right", "missing", "order", "too many"],
)
def test_a_row_without_its_line_is_seen(held: list[Row], problem: str) -> None:
    message = mismatch(FAILURES, held)
    assert re.match(problem, message) and bool(message) == bool(problem)


def test_a_line_that_names_nothing_is_seen() -> None:
    rows = [
        ["a", "`tests/x/test_y.py::test_z`"],
        ["b", "`python -m tests.chaos` (`freeze`)"],
        ["c", "not tried"],
        ["d", "-"],
    ]
    assert without_holder(rows) == [["d", "-"]]
