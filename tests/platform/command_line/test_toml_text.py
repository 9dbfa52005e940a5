"""The line of each key of a TOML text, whatever stands around it; and values that TOML reads as they were."""

from __future__ import annotations

import math
import random
import tomllib
from typing import Any

import pytest

from platform.command_line.toml_text import assignment, document, key_lines

TEXT = '''# a comment
first = 1   # second = 2
"a key" = "third = 3 # no comment"
list = [
    1,      # fourth = 4
    [2, 3], "fifth = 5]",
]

# [table]
[vary]
  rotation_deg = [0, 15]
'b.c' = """
sixth = 6
\\"""
[seventh]
""""
eighth.ninth = {tenth = [1], "]" = 2} # [eleventh]
[vary."in ner"]
x = '\\'
[[rows]]
y = \'\'\'z = "
\'\'\'
'''


def test_the_line_of_each_key() -> None:
    assert key_lines(TEXT) == {
        ("first",): 2,
        ("a key",): 3,
        ("list",): 4,
        ("vary",): 10,
        ("vary", "rotation_deg"): 11,
        ("vary", "b.c"): 12,
        ("vary", "eighth"): 17,
        ("vary", "eighth", "ninth"): 17,
        ("vary", "in ner"): 18,
        ("vary", "in ner", "x"): 19,
        ("rows",): 20,
        ("rows", "y"): 21,
    }
    assert tomllib.loads(TEXT)["vary"]["b.c"] == 'sixth = 6\n"""\n[seventh]\n"'  # as the text means it


def test_lines_that_end_as_on_windows() -> None:
    assert key_lines(TEXT.replace("\n", "\r\n")) == key_lines(TEXT)


@pytest.mark.parametrize("text", ["", "# only = 1", "\n\n"])
def test_a_text_without_keys_has_none(text: str) -> None:
    assert key_lines(text) == {}


def test_a_key_without_a_last_line_end() -> None:
    assert key_lines("a = 1\nb = 2") == {("a",): 1, ("b",): 2}


VALUES: list[Any] = [
    True, False, 0, -3, 12345678901234567890, 0.1, 1e-300, 5e-05, 1.0, math.pi, "", "a word", 'a "quoted" \\ one',
    "tab\t\n", "\x7f\x01", "µ ± 雪", "# = [", (), (1, 2), ("a", "b"), (0.5,), tuple(range(100)), ("a long name",) * 20,
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
def test_a_value_is_read_as_it_was_written(value: Any) -> None:
    read = tomllib.loads(assignment("key", value))["key"]
    assert (tuple(read) if isinstance(value, tuple) else read) == value
    assert type(read) is (list if isinstance(value, tuple) else type(value))


def test_a_long_list_has_a_line_for_each_value() -> None:
    lines = assignment("cells", ("attention/imagenet/densenet121/all",) * 9).splitlines()
    assert lines[0] == "cells = [" and lines[-1] == "]" and len(lines) == 11
    assert all(len(line) <= 120 for line in assignment("trials", tuple(range(100))).splitlines())


def test_a_document_has_its_comments_keys_and_tables() -> None:
    text = document({"trials": 3}, {"vary": {"flip": (True,)}, "empty": {}}, ["A head", "", "of lines"])
    assert text == "# A head\n#\n# of lines\n\ntrials = 3\n\n[vary]\nflip = [true]\n"
    assert document({}, {}, ["nothing"]) == "# nothing\n"


def test_the_lines_of_random_documents() -> None:
    rng = random.Random(0)
    for _ in range(100):
        values = {f"key{number}": rng.choice(VALUES) for number in range(rng.randint(1, 8))}
        vary = {f"knob{number}": rng.choice(VALUES) for number in range(rng.randint(1, 4))}
        text = document(values, {"vary": vary}, ["key0 = 1", "[vary]"])
        lines, found = text.splitlines(), key_lines(text)
        assert found.keys() == {*((name,) for name in values), ("vary",), *(("vary", name) for name in vary)}
        assert all(lines[line - 1].startswith((f"{path[-1]} =", "[vary]")) for path, line in found.items())
