"""Tables of others as text, strictly: what is only odd is read, and what could be read in two ways is refused by row.

Read all the same: a byte-order mark, line ends of Windows and of old Macs, blank rows, blanks around a value, columns
without a name that are empty, and a name in either of Unicode's normal forms (NFC is what comes out). Refused, with the
file and the row: other encodings, control and invisible characters, a quote that does not close, a row of another
length than the header, a column that appears twice.
"""

from __future__ import annotations

import csv
import gzip
import re
import unicodedata
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

MAX_BYTES = 2_000_000_000  # unpacked; more is no table of images, whatever a gz says
ENCODINGS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
# All of a row that has a quote: values in quotes, which are doubled within, or values without any (RFC 4180).
QUOTED = re.compile(r'(?:"(?:[^"]|"")*+"|[^",]*+)(?:,(?:"(?:[^"]|"")*+"|[^",]*+))*+')
# Characters that nobody sees, and that would make two names of one: controls but for tab and line ends, soft hyphens,
# zero-width blanks, marks of direction. Joiners stay, which emoji and Persian need.
INVISIBLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\ufeff]")


def read(
    path: Path, columns: tuple[str, ...], expected: str, *, all_named: bool = False, may_be_empty: bool = False
) -> pd.DataFrame:
    """The table as text, with the row's number in the file as its index; the header is row 1.

    Args:
        columns: which must be there.
        expected: the layout of which they are, for the message.
        all_named: whether a column without a name is refused where it has values; it is left out otherwise.
        may_be_empty: whether a header alone will do.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing or appears twice, there is no row, or the file is no whole CSV file in UTF-8.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no {path.name} in {path.parent}; expected the layout of {expected}")
    records = _records(path)
    header = next((values for _, values in records), [])
    if not header:
        raise _broken(path, "No columns to parse from file: it is empty")
    _check_header(header, columns, path, expected)
    rows, numbers = [], []
    for number, values in records:
        if len(values) != len(header):  # an unquoted comma, of a decimal say, would move labels to their neighbours
            raise _broken(path, f"row {number} has {len(values)} values, but the header has {len(header)}")
        if values == header:
            raise _broken(path, f"row {number} is the header again")
        rows.append(values)
        numbers.append(number)
    if not rows and not may_be_empty:
        raise ValueError(f"{path} must name images, but has none below its header")
    table = pd.DataFrame(rows, index=np.array(numbers, np.int64), columns=range(len(header)), dtype=str)
    nameless = [place for place, name in enumerate(header) if not name]
    for place in nameless if all_named else []:
        if (table[place] != "").any():
            raise ValueError(f"every column must have a name, but column {place + 1} of {path} has none")
    return table.drop(columns=nameless).set_axis([name for name in header if name], axis=1)


def text_of(path: Path) -> str:
    """A text file, unpacked if its name ends in .gz: line ends are ``\\n``, and no byte-order mark is left.

    Raises:
        ValueError: it is not in UTF-8, or has a character that cannot be seen.
    """
    content = _content(path)
    if (encoding := ENCODINGS.get(content[:2])) is not None:
        raise _broken(path, f"it is in {encoding}; save it as 'CSV UTF-8'")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise _broken(path, f"row {row} has a byte that is not UTF-8 ({error}); save it as 'CSV UTF-8'") from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if (odd := INVISIBLE.search(text)) is not None:
        row = text.count("\n", 0, odd.start()) + 1
        raise _broken(path, f"row {row} has the invisible character {odd[0]!r}; remove it")
    return text


def first(table: pd.DataFrame, wrong: pd.Series | np.ndarray, path: Path) -> tuple[int, str]:
    """The position of the first wrong row, and "row 7 of FILE" for a message about it."""
    position = int(np.asarray(wrong, dtype=bool).argmax())
    return position, f"row {table.index[position]} of {path}"


def _content(path: Path) -> bytes:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content: bytes = file.read(MAX_BYTES + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise _broken(path, str(error)) from error
    if len(content) > MAX_BYTES:
        raise _broken(path, f"it has more than {MAX_BYTES:,} bytes")
    return content


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Each row's number and values, without blanks around them; rows of nothing are passed over."""
    for number, line in enumerate(text_of(path).split("\n"), start=1):
        if '"' in line:
            if not QUOTED.fullmatch(line):
                raise _broken(
                    path, f"row {number} has a quote that does not close, within a value or across lines: {line[:80]!r}"
                )
            try:
                values = next(csv.reader([line]))
            except csv.Error as error:
                raise _broken(path, f"row {number}: {error}") from error
        else:
            values = line.split(",")
        values = [value.strip() for value in values]
        if any(values):
            yield number, values


def _check_header(header: list[str], columns: tuple[str, ...], path: Path, expected: str) -> None:
    named = [name for name in header if name]
    doubled = next((name for place, name in enumerate(named) if name in named[:place]), None)
    if doubled is not None:
        raise ValueError(f"every column must appear once, but {path} has {doubled!r} again")
    missing = [name for name in columns if name not in named]
    if not missing:
        return
    odd = next((sign for sign in ";\t|" if len(header) == 1 and sign in header[0]), None)
    advice = f"; its values are separated by {odd!r}: save it with commas" if odd else ""
    raise ValueError(
        f"{path} must have the column{'s' if len(missing) > 1 else ''} {', '.join(missing)} of {expected}, "
        f"but has {', '.join(header)}{advice}"
    )


def _broken(path: Path, reason: str) -> ValueError:
    return ValueError(f"{path} must be a whole CSV file, but cannot be read: {reason}")
