"""TOML as text: on which line each key stands, which `tomllib` does not say, and how a value is written."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

BLANKS = " \t"
QUOTES = ('"""', "'''", '"', "'")  # the longer first
WIDTH = 120  # of a line, after which an array is broken


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line of each table and key of a valid TOML text, from 1, by its path: ``("vary", "rotation_deg")``.

    Keys within an inline table have none: they stand on the line of the key that holds the table, or below it.
    """
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    at = 0
    while (at := _next_statement(text, at)) < len(text):
        line = text.count("\n", 0, at) + 1
        is_table = text[at] == "["
        end = _end_of(text, at, "\n") if is_table else _end_of(text, at, "=")
        if is_table:
            path = table = _parts(text[at:end].rstrip("\r"))
            at = end
        else:
            path = (*table, *_parts(f"{text[at:end]} = true"))
            at = _end_of(text, end + 1, "\n")
        for length in range(1, len(path) + 1):  # a dotted key makes the tables that it names
            lines.setdefault(path[:length], line)
    return lines


def _next_statement(text: str, at: int) -> int:
    """Where the next key or table begins, behind blank lines and comments."""
    while at < len(text) and text[at] in BLANKS + "\r\n#":
        at = _end_of_line(text, at) if text[at] == "#" else at + 1
    return at


def _end_of(text: str, at: int, sign: str) -> int:
    """The place of the first `sign` that is in no string, no comment and, where it ends a line, in no brackets."""
    depth = 0
    while at < len(text):
        if text[at] == sign and not depth:
            return at
        if text[at] == "#":
            at = _end_of_line(text, at)
            continue
        quote = next((each for each in QUOTES if text.startswith(each, at)), "")
        at = _end_of_string(text, at, quote) if quote else at + 1
        if not quote and sign == "\n":
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(text[at - 1], 0)
    return at


def _end_of_string(text: str, at: int, quote: str) -> int:
    """The place behind the string that begins at `at` with these quotes."""
    at += len(quote)
    while at < len(text) and not text.startswith(quote, at):
        at += 2 if text[at] == "\\" and quote[0] == '"' else 1
    at += len(quote)
    while len(quote) == 3 and text.startswith(quote[0], at):  # up to two quotes may stand before the closing three
        at += 1
    return at


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _parts(statement: str) -> tuple[str, ...]:
    """The words of the dotted key in a table's head or before a truth: TOML reads them best itself."""
    parts: list[str] = []
    inner: Any = tomllib.loads(statement)
    while isinstance(inner, dict | list) and inner:
        if isinstance(inner, list):  # of a table in an array of tables
            (inner,) = inner
            continue
        ((part, inner),) = inner.items()
        parts.append(part)
    return tuple(parts)


def assignment(key: str, value: Any) -> str:
    """``key = value``, an array on several lines where it is long.

    >>> print(assignment("rotation_deg", (0.0, 15.0)))
    rotation_deg = [0.0, 15.0]
    """
    line = f"{key} = {_written(value)}"
    if len(line) <= WIDTH or not isinstance(value, Sequence) or isinstance(value, str):
        return line
    return "\n".join([f"{key} = [", *(f"    {_written(each)}," for each in value), "]"])


def document(values: Mapping[str, Any], tables: Mapping[str, Mapping[str, Any]], head: Sequence[str]) -> str:
    """A TOML text: comments, keys, and tables of keys; a table without keys is left out."""
    parts = ["\n".join(f"# {line}".rstrip() for line in head), *["\n".join(map(_pair, values.items()))]]
    parts += [f"[{name}]\n" + "\n".join(map(_pair, inner.items())) for name, inner in tables.items() if inner]
    return "\n\n".join(part for part in parts if part) + "\n"


def _pair(pair: tuple[str, Any]) -> str:
    return assignment(*pair)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):  # JSON's escapes are TOML's, but for one sign that JSON leaves as it is
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Sequence):
        return f"[{', '.join(map(_written, value))}]"
    return repr(value)
