"""The front door that the tables share: which runs, which format, and what was left out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import pandas as pd

from analysis.reading import tracking_uri
from analysis.reading.trials import Runs, runs
from analysis.tables.rendering import FORMATS, Table

ROMAN = ("I", "II", "III", "IV", "V", "VI")


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """The flags of every table's command."""
    made = argparse.ArgumentParser(prog=f"python -m analysis.{name}", description=description)
    made.add_argument("--format", choices=FORMATS, default="text", help="output format (default: %(default)s)")
    return made


def title(name: str) -> str:
    """What the paper calls a table or figure.

    >>> title("table_4")
    'Table IV'
    """
    kind, _, number = name.partition("_")
    return f"{kind.capitalize()} {ROMAN[int(number) - 1]}"


def add_run_flags(made: argparse.ArgumentParser) -> None:
    """The flags of a command that reads MLflow."""
    made.add_argument("--tracking-uri", help="MLflow's address (default: MLFLOW_TRACKING_URI, or results/mlflow.db)")
    made.add_argument("--sweep", metavar="NAME", help="only this sweep's runs (default: all sweeps of one set-up)")


def read(uri: str | None, sweep: str | None, datasets: Sequence[str]) -> list[Runs]:
    """The runs of each data set; a data set without an experiment gives an empty `Runs`.

    Raises:
        FileNotFoundError, ValueError: as `analysis.reading.tracking_uri.require_store` says.
        LookupError: no data set has a sweep of the name asked for.
    """
    uri = uri or tracking_uri.default()
    found: list[Runs] = []
    for dataset in datasets:
        try:
            found.append(runs(uri, dataset, sweep))
        except LookupError:
            continue
    if not found:
        raise LookupError(f"no sweep named {sweep!r} for {', '.join(datasets)} in {tracking_uri.without_password(uri)}")
    return found


def left_out_note(found: Sequence[Runs]) -> list[str]:
    """One note that counts what was left out, by reason; none where nothing was."""
    notes = []
    for one in found:
        counts = one.left_out["reason"].value_counts().sort_index() if len(one.left_out) else pd.Series(dtype=int)
        if len(counts):
            listed = "; ".join(f"{count} {reason}" for reason, count in counts.items())
            notes.append(f"left out of {one.dataset}: {listed} (`python -m analysis.runs {one.dataset}` lists them)")
        elif one.trials.empty:
            notes.append(f"no runs of {one.dataset} in {tracking_uri.without_password(one.tracking_uri)}")
    return notes


def show(
    name: str,
    datasets: Sequence[str],
    rows: Callable[[Sequence[Runs]], pd.DataFrame],
    table: Callable[[pd.DataFrame], Table],
    arguments: list[str] | None,
) -> int:
    """Reads the runs, makes the table, prints it. Returns the process's exit status."""
    made = parser(name, f"Prints {title(name)} of the paper, with our numbers beside it.")
    add_run_flags(made)
    given = made.parse_args(arguments)
    try:
        found = read(given.tracking_uri, given.sweep, datasets)
    except (FileNotFoundError, LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print_table(table(rows(found)), found, given.format)
    return 0


def print_table(whole: Table, found: Sequence[Runs], form: str) -> None:
    """Writes the table to the standard output in the format asked for, with a note on what was left out."""
    print(FORMATS[form](replace(whole, notes=[*whole.notes, *left_out_note(found)])))
