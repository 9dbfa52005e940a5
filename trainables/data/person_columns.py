"""What tables say of patients: their ids, sex and age. Nothing is guessed: an odd value is refused with its row."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pandas as pd

from trainables.data.csv_table import first

OLDEST_YEARS = 120
SEXES = {
    "": "", "unknown": "", "u": "", "other": "", "o": "",
    "f": "F", "female": "F", "woman": "F",
    "m": "M", "male": "M", "man": "M",
}  # fmt: skip
NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)
# What programs write for nothing, or for what they could not work out; never a name of a person or a class.
NOTHING = frozenset(
    {"nan", "<na>", "na", "n/a", "null", "nat", "#n/a", "#ref!", "#value!", "#name?", "#div/0!", "#null!", "#num!"}
)
EXPONENT = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+[0-9]+", re.ASCII)
MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
DATE = re.compile(
    rf"[0-9]{{1,2}}-(?:{MONTHS})(?:-[0-9]{{2,4}})?|(?:{MONTHS})-[0-9]{{2,4}}|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?: .*)?"
    r"|[0-9]{1,2}[./][0-9]{1,2}[./][0-9]{2,4}",
    re.IGNORECASE,
)


def check_patients(table: pd.DataFrame, column: str, path: Path) -> None:
    """Every patient has one id, in one spelling: else one person would be in two splits.

    Raises:
        ValueError: an id is nothing, a number that a spreadsheet rounded, a date among ids that are none, or that of
            another row but for leading zeros, decimals or case.
    """
    ids = pd.Series(table[column].unique())
    wrong = ids.str.lower().isin(NOTHING) | ids.map(lambda name: bool(EXPONENT.fullmatch(name)))
    if wrong.any():
        name = ids[wrong].iloc[0]
        where = first(table, table[column] == name, path)[1]
        raise ValueError(f"a patient must have an id, but {where} has {name!r}: was it lost in a spreadsheet?")
    dates = ids.map(lambda name: bool(DATE.fullmatch(name)))
    if dates.any() and not dates.all():
        name = ids[dates].iloc[0]
        where = first(table, table[column] == name, path)[1]
        raise ValueError(
            f"ids must be of one kind, but {where} has {name!r} among others such as {ids[~dates].iloc[0]!r}: "
            "a spreadsheet may have made a date of it"
        )
    spelling: dict[str, str] = {}
    for name in ids:
        other = spelling.setdefault(plain(name), name)
        if other != name:
            where = first(table, table[column] == name, path)[1]
            raise ValueError(
                f"a patient must have one spelling, but {where} has {name!r} where another has {other!r}; "
                "if they are two persons, tell them apart by more than zeros or case"
            )


def plain(name: str) -> str:
    """A name without what spreadsheets and people change: case, leading zeros and the decimals of whole numbers.

    >>> plain("007") == plain("7.0"), plain("P7") == plain("p7"), plain("7a") == plain("07a")
    (True, True, False)
    """
    if NUMBER.fullmatch(name):
        return format(Decimal(name).normalize(), "f")
    return name.casefold()


def sexes(table: pd.DataFrame, column: str, path: Path) -> pd.Series:
    """F, M, or "" where it is unknown; raises ValueError where a value is none of these."""
    known = table[column].str.lower().map(SEXES)
    if known.isna().any():
        at, where = first(table, known.isna(), path)
        raise ValueError(f"{column} must be F, M or empty, but {where} has {table[column].iloc[at]!r}")
    return known


def ages(table: pd.DataFrame, column: str, path: Path) -> pd.Series:
    """Years as float64, NaN where the value is empty; raises ValueError where it is no age."""
    texts = table[column]
    years = pd.to_numeric(texts.where(texts.map(lambda text: bool(NUMBER.fullmatch(text))), ""), errors="coerce")
    wrong = (years.isna() & (texts != "")) | (years > OLDEST_YEARS)
    if wrong.any():
        at, where = first(table, wrong, path)
        raise ValueError(
            f"{column} must be years from 0 to {OLDEST_YEARS}, or empty, but {where} has {texts.iloc[at]!r}"
        )
    return years.astype(float)
