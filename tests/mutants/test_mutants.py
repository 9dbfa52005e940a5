"""The tests are tried by changes that are always the same ones, and what comes of each is kept."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.mutants import record, testing_page, trying
from tests.mutants.areas import AREAS
from tests.mutants.changes import Change, sample

SOURCE = """from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    most: int | None


def larger(one: int | float, other: int) -> int | float:
    if one > other:
        return one
    return other
"""
TEST = """from larger import larger
def test_it(): assert larger({}) == 2
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "larger.py").write_text(SOURCE)
    return folder


def drawn(code: Path) -> list[Change]:
    return sample(["larger.py"], code, 40)


def test_a_sample_is_drawn_the_same_again_and_never_changes_a_type(code: Path) -> None:
    changes = drawn(code)
    assert changes == drawn(code)
    assert {change.line for change in changes} == {12}
    assert all(change.before == "if one > other:" != change.after for change in changes)
    assert changes[0].after in changes[0].applied_to(SOURCE)


def test_an_edit_elsewhere_leaves_the_sample_and_its_marks(code: Path) -> None:
    before = {change.mark: change.line for change in drawn(code)}
    (code / "larger.py").write_text(SOURCE.replace("@data", "# a comment\n@data"))
    assert {change.mark: change.line - 1 for change in drawn(code)} == before


def test_an_area_has_files_and_its_own_tests_come_first() -> None:
    for area in AREAS:
        for source in area.files(trying.ROOT):
            tests = area.tests_of(source, trying.ROOT)
            assert all((trying.ROOT / test).is_file() for test in tests), area
    [methods] = [area for area in AREAS if area.name == "transfer methods"]
    assert methods.tests_of("trainables/transfer/crd.py", trying.ROOT)[0] == "tests/trainables/transfer/test_crd.py"


@pytest.mark.parametrize(
    ("test", "status"),
    [("2, 1", "passed"), ("1, 1", "failed"), ("2, 1) + __import__('time').sleep(60 if 1 else 0", "too long")],
)
def test_the_tests_pass_fail_or_are_ended(code: Path, test: str, status: str) -> None:
    (code / "pytest.ini").write_text("[pytest]\nmarkers = slow\npythonpath = .\n")
    (code / "test_larger.py").write_text(TEST.format(test))
    began = time.monotonic()
    outcome = trying.run_tests(["test_larger.py"], code, limit_s=6)
    assert outcome.status == status and time.monotonic() - began < 20
    assert outcome.test == ("test_larger.py::test_it" if status == "failed" else "")


def row(change: Change, outcome: str) -> record.Row:
    words = (change.file, change.line, change.operator, change.before, change.after)
    return record.Row(AREAS[0].name, change.mark, *words, outcome, 1.5, "test_larger.py::test_it", "2026-11-26")


def test_a_record_is_read_as_it_was_written_and_loses_what_is_no_longer_drawn(code: Path, tmp_path: Path) -> None:
    place, change = tmp_path / "recorded.csv", drawn(code)[0]
    gone = Change("gone.py", 1, "core/AddNot", 0, "if it:", "if not it:", "0" * 16)
    for each, outcome in ((gone, "killed"), (change, "survived"), (change, "killed")):
        record.append(row(each, outcome), place)
    assert record.read(place)[AREAS[0].name, change.mark] == row(change, "killed")
    record.tidy({AREAS[0].name: [change]}, place)
    assert list(record.read(place).values()) == [row(change, "killed")]


def test_the_page_counts_and_says_why_a_change_may_stay(
    code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = drawn(code)[0]
    monkeypatch.setattr(record, "read", lambda: {(AREAS[0].name, change.mark): row(change, "survived")})
    monkeypatch.setattr(record, "explanations", dict)
    assert "| transfer methods | 1 | 0 | 0% (0% to 79%) |" in testing_page.tables()
    assert "| **open** |" in testing_page.tables()
    monkeypatch.setattr(record, "explanations", lambda: {change.mark: "of two equal ones either is larger"})
    assert "| of two equal ones either is larger |" in testing_page.tables()


def test_the_page_shows_what_is_on_record() -> None:
    assert testing_page.tables() in testing_page.PAGE.read_text(), "run `python -m tests.mutants --write`"
