"""The parsers of the tables' commands. Imports nothing large, so that `--help` answers at once."""

from __future__ import annotations

import argparse
from pathlib import Path

from analysis.reading import run_flags

ROMAN = ("I", "II", "III", "IV", "V", "VI")
NUM_LABELS = 14  # of the chest X-rays, with which the paper counts parameters
FORMATS = ("text", "markdown", "latex", "csv")  # `analysis.tables.rendering.FORMATS` has a function for each


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """A parser with the flag that all commands of tables have."""
    flags = argparse.ArgumentParser(
        prog=f"python -m analysis.{name}", usage="%(prog)s [options]", description=description
    )
    group = flags.add_argument_group(run_flags.OUTPUT)
    group.add_argument("--format", choices=FORMATS, default="text", help="form of the table (default: %(default)s)")
    return flags


def of_results(name: str) -> argparse.ArgumentParser:
    """The parser of a table of our results."""
    flags = parser(name, f"Print {title(name)} of the paper, with our numbers beside it.")
    run_flags.add_run_flags(flags)
    return flags


def of_data_sets(name: str) -> argparse.ArgumentParser:
    """The parser of a table of data sets, which reads prepared files too."""
    flags = parser(name, f"Print {title(name)} of the paper, with the prepared data sets beside it.")
    run_flags.add_run_flags(flags)
    flags.add_argument(
        "--store",
        type=Path,
        action="append",
        metavar="FILE",
        help="file of a prepared data set, to read instead of MLflow; may be given several times",
    )
    return flags


def add_labels_flag(flags: argparse.ArgumentParser) -> None:
    """Adds how many outputs a network is counted with."""
    flags.add_argument(
        "--labels", type=int, default=NUM_LABELS, metavar="N", help="number of labels or grades (default: %(default)s)"
    )


def title(name: str) -> str:
    """What the paper calls a table or figure.

    >>> title("table_4")
    'Table IV'
    """
    kind, _, number = name.partition("_")
    return f"{kind.capitalize()} {ROMAN[int(number) - 1]}"
