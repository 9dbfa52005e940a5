"""What happens to a table on its way from its provider: edited in a spreadsheet, cut short, saved in another encoding.

A mutation takes a `Sheet` and gives the bytes of the spoilt file. `SAME` must be read as if nothing had happened;
`REFUSED` must be refused with the file's name, and with the row where there is one.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

SPOILT_ROW = 4  # of the file, where the header is row 1
LAST, NO_ROW = -1, 0  # instead of a row's number


@dataclass(frozen=True)
class Sheet:
    """A table, header first, and the names of the columns that mutations go for; "" for none."""

    rows: tuple[tuple[str, ...], ...]
    image: str
    label: str = ""
    patient: str = ""
    age: str = ""
    sex: str = ""

    def with_value(self, column: str, value: str, row: int = SPOILT_ROW) -> Sheet:
        """The sheet with another value in one row."""
        place = self.rows[0].index(column)
        changed = list(self.rows)
        line = changed[row - 1]
        changed[row - 1] = (*line[:place], value, *line[place + 1 :])
        return replace(self, rows=tuple(changed))

    def columns_by(self, order: Sequence[int]) -> Sheet:
        """The sheet with its columns in another order, or fewer or more of them."""
        return replace(self, rows=tuple(tuple(row[place] for place in order) for row in self.rows))

    def with_rows(self, rows: Sequence[Sequence[str]]) -> Sheet:
        return replace(self, rows=tuple(map(tuple, rows)))


@dataclass(frozen=True)
class Mutation:
    """What is done, and the row that the error names: `LAST`, `NO_ROW` or a number."""

    apply: Callable[[Sheet], bytes]
    row: int = NO_ROW


def quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"' if set(value) & set(',"\n\r') else value


def text(sheet: Sheet, *, separator: str = ",", end: str = "\n", around: str = "{}") -> str:
    return "".join(separator.join(around.format(quoted(value)) for value in row) + end for row in sheet.rows)


def raw(sheet: Sheet, **options: str) -> bytes:
    return text(sheet, **options).encode()


def edited(edit: Callable[[list[str]], list[str]]) -> Callable[[Sheet], bytes]:
    """A mutation of the file's lines, which come without their ends."""
    return lambda sheet: "\n".join([*edit(text(sheet).splitlines()), ""]).encode("utf-8", "surrogateescape")


def on_row(edit: Callable[[str], str], row: int = SPOILT_ROW) -> Callable[[Sheet], bytes]:
    """A mutation of one line of the file."""
    return edited(lambda lines: [*lines[: row - 1], edit(lines[row - 1]), *lines[row:]])


def value(column: str, new: str) -> Mutation:
    """Another value in the spoilt row; `column` is the name of the sheet's field."""
    return Mutation(lambda sheet: raw(sheet.with_value(getattr(sheet, column), new)), SPOILT_ROW)


def _shuffled(sheet: Sheet) -> bytes:
    order = list(range(len(sheet.rows[0])))
    random.Random(7).shuffle(order)
    return raw(sheet.columns_by(order))


def _without(column: str) -> Callable[[Sheet], bytes]:
    def apply(sheet: Sheet) -> bytes:
        place = sheet.rows[0].index(getattr(sheet, column))
        return raw(sheet.columns_by([at for at in range(len(sheet.rows[0])) if at != place]))

    return apply


def _doubled(column: str) -> Callable[[Sheet], bytes]:
    return lambda sheet: raw(
        sheet.columns_by([*range(len(sheet.rows[0])), sheet.rows[0].index(getattr(sheet, column))])
    )


def _widened(head: str, fill: str) -> Callable[[Sheet], bytes]:
    return lambda sheet: raw(
        sheet.with_rows([(*row, fill if number else head) for number, row in enumerate(sheet.rows)])
    )


def _numbered(sheet: Sheet) -> bytes:
    """As pandas saves a table with its index."""
    return raw(sheet.with_rows([(str(number - 1) if number else "", *row) for number, row in enumerate(sheet.rows)]))


SAME: dict[str, Mutation] = {
    name: Mutation(apply)
    for name, apply in {
        "as it is": raw,
        "columns reversed": lambda sheet: raw(sheet.columns_by(range(len(sheet.rows[0]))[::-1])),
        "columns shuffled": _shuffled,
        "rows reversed": lambda sheet: raw(sheet.with_rows([sheet.rows[0], *sheet.rows[:0:-1]])),
        "byte-order mark": lambda sheet: b"\xef\xbb\xbf" + raw(sheet),
        "Windows": lambda sheet: raw(sheet, end="\r\n"),
        "byte-order mark and Windows": lambda sheet: b"\xef\xbb\xbf" + raw(sheet, end="\r\n"),
        "an old Mac": lambda sheet: raw(sheet, end="\r"),
        "mixed line ends": edited(lambda lines: [line + "\r" * (number % 2) for number, line in enumerate(lines)]),
        "no last line end": lambda sheet: raw(sheet).rstrip(b"\n"),
        "blank rows between": edited(lambda lines: [part for line in lines for part in (line, "")]),
        "blank rows before": lambda sheet: b"\n\n" + raw(sheet),
        "blank rows at the end": lambda sheet: raw(sheet) + b"\n\r\n   \n\n",
        "rows of commas at the end": lambda sheet: raw(sheet) + b"," * (len(sheet.rows[0]) - 1) + b"\n,,,\n",
        "empty columns at the end": _widened("", ""),
        "an empty column at the front": lambda sheet: raw(sheet.with_rows([("", *row) for row in sheet.rows])),
        "all in quotes": lambda sheet: raw(sheet, around='"{}"'),
        "blanks around values": lambda sheet: raw(sheet, around=" {}  "),
        "a blank after each comma": lambda sheet: raw(sheet, separator=", "),
        "hard blanks around values": lambda sheet: raw(sheet, around="{}\xa0"),
        "tabs around values": lambda sheet: raw(sheet, around="\t{}\t"),
    }.items()
}

REFUSED: dict[str, Mutation] = {
    "nothing": Mutation(lambda sheet: b""),
    "blank": Mutation(lambda sheet: b"\n \n\r\n"),
    "UTF-16": Mutation(lambda sheet: text(sheet).encode("utf-16")),
    "UTF-16, big end first": Mutation(lambda sheet: b"\xfe\xff" + text(sheet).encode("utf-16-be")),
    "UTF-16 without a mark": Mutation(lambda sheet: text(sheet).encode("utf-16-le"), 1),
    "UTF-32": Mutation(lambda sheet: text(sheet).encode("utf-32")),
    "Latin-1": Mutation(on_row(lambda line: line + "\udce9"), SPOILT_ROW),
    "two byte-order marks": Mutation(lambda sheet: b"\xef\xbb\xbf" * 2 + raw(sheet), 1),
    "a NUL": Mutation(on_row(lambda line: line[:3] + "\0" + line[3:]), SPOILT_ROW),
    "a tail of NULs": Mutation(lambda sheet: raw(sheet)[:-20] + b"\0" * 20, LAST),
    "a zero-width blank": Mutation(on_row(lambda line: "\u200b" + line), SPOILT_ROW),
    "a control character": Mutation(on_row(lambda line: line[:2] + "\x1b" + line[2:]), SPOILT_ROW),
    "a mark of direction": Mutation(on_row(lambda line: "\u202e" + line), SPOILT_ROW),
    "semicolons": Mutation(lambda sheet: raw(sheet, separator=";")),
    "tabs": Mutation(lambda sheet: raw(sheet, separator="\t")),
    "bars": Mutation(lambda sheet: raw(sheet, separator="|")),
    "a line for Excel": Mutation(lambda sheet: b"sep=,\n" + raw(sheet)),
    "a comment first": Mutation(lambda sheet: b"# exported 2024-03-01\n" + raw(sheet)),
    "a quote opened": Mutation(on_row(lambda line: '"' + line), SPOILT_ROW),
    "a quote closed": Mutation(on_row(lambda line: line + '"'), SPOILT_ROW),
    "a quote within": Mutation(on_row(lambda line: line[:3] + '"' + line[3:]), SPOILT_ROW),
    "a quote over two rows": Mutation(
        edited(lambda lines: [*lines[:3], '"' + lines[3], lines[4] + '"', *lines[5:]]), SPOILT_ROW
    ),
    "quotes within two rows": Mutation(
        edited(lambda lines: [*lines[:3], f'{lines[3]}"', f'"{lines[4]}', *lines[5:]]), SPOILT_ROW
    ),
    "text behind a quote": Mutation(on_row(lambda line: '"a"b' + line[line.index(",") :]), SPOILT_ROW),
    "a line break in a value": Mutation(on_row(lambda line: '"a\nb"' + line[line.index(",") :]), SPOILT_ROW),
    "no header": Mutation(edited(lambda lines: lines[1:])),
    "the header alone": Mutation(edited(lambda lines: lines[:1])),
    "the header again": Mutation(edited(lambda lines: [*lines, lines[0]]), LAST),
    "one value too few": Mutation(on_row(lambda line: line.rpartition(",")[0]), SPOILT_ROW),
    "one value too many": Mutation(on_row(lambda line: line + ",1"), SPOILT_ROW),
    "a comma behind a row": Mutation(on_row(lambda line: line + ","), SPOILT_ROW),
    "a comma behind all rows but the header": Mutation(edited(lambda ls: [ls[0], *(f"{it}," for it in ls[1:])]), 2),
    "a comma in a value": Mutation(on_row(lambda line: line[:1] + "," + line[1:]), SPOILT_ROW),
    "cut within the last row": Mutation(lambda sheet: raw(sheet)[: -len(raw(sheet).splitlines()[-1]) + 2], LAST),
    "two rows on one line": Mutation(edited(lambda ls: [*ls[:3], ls[3] + ls[4], *ls[5:]]), SPOILT_ROW),
    "a row twice": Mutation(lambda sheet: raw(sheet.with_rows([*sheet.rows, sheet.rows[2]])), LAST),
    "all rows twice": Mutation(lambda sheet: raw(sheet.with_rows([*sheet.rows, *sheet.rows[1:]]))),
    "no image column": Mutation(_without("image")),
    "two image columns": Mutation(_doubled("image")),
    "an HTML page": Mutation(lambda sheet: b"<!DOCTYPE html>\n<html><body>Please log in</body></html>\n"),
    "JSON": Mutation(lambda sheet: b'[{"image": "0.png", "level": 1}]'),
    "a spreadsheet file": Mutation(lambda sheet: b"PK\x03\x04\x14\0\x06\0\x08\0" + bytes(range(256))),
    "a gz": Mutation(lambda sheet: gzip.compress(raw(sheet))),
    "a conflict of git": Mutation(edited(lambda lines: [*lines[:3], "<<<<<<< HEAD", *lines[3:]]), SPOILT_ROW),
}

NO_CODES = (
    "yes", "no", "-2", "3.5", "NaN", "nan", "NA", "null", "None", "TRUE", "1,0", "1;0", "+1", "1e0", "0x1", "\u22121",
    "\uff11", "\u0661", "²", "=1", "#N/A", "1 0", "--1", "1.0.0", "01-Jan", "2024-01-01", "1'", "O", "l", "?", "<1>",
    "1%", "9" * 400,
)  # fmt: skip
NO_AGES = (
    "45,5", "1985-03-01", "Jan-45", "-3", "NaN", "NA", "abc", "4e1", "\uff11\uff12", "∞", "inf", "0x20", "45 y", "=45",
)  # fmt: skip
NO_SEXES = ("W", "Mujer", "1", "weiblich", "MF", "?", "Fe male")
