"""Every table of every provider, changed on its way in every way that we know: read as before, or refused by row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.hostile.mutations import LAST, NO_AGES, NO_CODES, NO_ROW, NO_SEXES, REFUSED, SAME, Mutation, value
from tests.hostile.provided import TABLES, facts


@pytest.fixture(scope="module")
def known(roots: dict[str, Path]) -> dict[str, dict]:
    return {name: facts(table.read(roots[table.written])) for name, table in TABLES.items()}


def refused(name: str, mutation: Mutation, roots: dict[str, Path]) -> str:
    """The error of the reader: our own, with the file's name and the row's number."""
    table, root = TABLES[name], roots[TABLES[name].written]
    with table.spoilt(root, mutation), pytest.raises(ValueError) as error:
        table.read(root)
    assert type(error.value) is ValueError, "a library's own error"
    message = str(error.value)
    assert Path(table.file).name in message or "must name images" in message
    if mutation.row != NO_ROW:
        rows = re.search(r"row (\d+)\b", message)
        last = mutation.apply(table.sheet(root)).count(b"\n") + (not mutation.apply(table.sheet(root)).endswith(b"\n"))
        assert rows and int(rows[1]) == (last if mutation.row == LAST else mutation.row), message
    return message


@pytest.mark.parametrize("how", SAME)
@pytest.mark.parametrize("name", TABLES)
def test_what_is_only_odd_changes_nothing(name: str, how: str, roots: dict[str, Path], known: dict[str, dict]) -> None:
    table, root = TABLES[name], roots[TABLES[name].written]
    with table.spoilt(root, SAME[how]):
        assert facts(table.read(root)) == known[name]


@pytest.mark.parametrize("how", REFUSED)
@pytest.mark.parametrize("name", TABLES)
def test_what_is_broken_is_refused(name: str, how: str, roots: dict[str, Path]) -> None:
    refused(name, REFUSED[how], roots)


@pytest.mark.parametrize("code", NO_CODES)
@pytest.mark.parametrize("name", [name for name, table in TABLES.items() if table.label and name != "own classes"])
def test_what_is_no_label_is_refused(name: str, code: str, roots: dict[str, Path]) -> None:
    assert repr(code.strip())[:40] in refused(name, value("label", code), roots)


@pytest.mark.parametrize("age", NO_AGES)
@pytest.mark.parametrize("name", [name for name, table in TABLES.items() if table.age])
def test_what_is_no_age_is_refused(name: str, age: str, roots: dict[str, Path]) -> None:
    assert repr(age) in refused(name, value("age", age), roots)


@pytest.mark.parametrize("sex", NO_SEXES)
@pytest.mark.parametrize("name", [name for name, table in TABLES.items() if table.sex])
def test_what_is_no_sex_is_refused(name: str, sex: str, roots: dict[str, Path]) -> None:
    assert repr(sex) in refused(name, value("sex", sex), roots)
