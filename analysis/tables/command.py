"""What the commands of the tables share: the runs that they read, and the note on what was left out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import pandas as pd

from analysis.reading import tracking_uri, withdrawn_since
from analysis.reading.trials import Runs, refusal, runs_of_any_form
from analysis.tables.rendering import FORMATS, Table


def read(uri: str, sweep: str | None, datasets: Sequence[str]) -> list[Runs]:
    """The runs of each data set; one without an experiment, or with runs of another form alone, gives an empty `Runs`.

    Raises:
        FileNotFoundError, ValueError: as `analysis.reading.tracking_uri.require_store` says.
        ValueError: all that there is was recorded in another form (`analysis.reading.record_form`).
        LookupError: no data set has a sweep of the name asked for.
    """
    recorded: list[Runs] = []
    for dataset in datasets:
        try:
            recorded.append(runs_of_any_form(uri, dataset, sweep))
        except LookupError:
            continue
    if not recorded:
        raise LookupError(f"no sweep named {sweep!r} for {', '.join(datasets)} in {tracking_uri.without_password(uri)}")
    refusals = list(filter(None, map(refusal, recorded)))
    if refusals and all(of_dataset.trials.empty for of_dataset in recorded):
        raise ValueError("; ".join(refusals))
    return recorded


def left_out_note(recorded: Sequence[Runs]) -> list[str]:
    """A note per data set that counts what was left out by reason, or says that there are no runs, and whether patients
    have withdrawn; [] for none of these."""
    notes = []
    for of_dataset in recorded:
        name, left_out = of_dataset.dataset, of_dataset.left_out
        counts = left_out["reason"].value_counts().sort_index() if len(left_out) else pd.Series(dtype=int)
        if why := refusal(of_dataset):
            notes.append(f"left out: {why}")
        elif len(counts):
            listed = "; ".join(f"{count} {reason}" for reason, count in counts.items())
            notes.append(f"left out of {name}: {listed} (`python -m analysis.runs {name}` lists them)")
        elif of_dataset.trials.empty:
            notes.append(f"no runs of {name} in {tracking_uri.without_password(of_dataset.tracking_uri)}")
        notes += withdrawn_since.notes(of_dataset)
    return notes


def show(
    typed: argparse.Namespace,
    datasets: Sequence[str],
    rows: Callable[[Sequence[Runs]], pd.DataFrame],
    table: Callable[[pd.DataFrame], Table],
) -> int:
    """The rest of a command: reads the runs and prints their table. Returns the exit status.

    Args:
        typed: what `analysis.tables.table_flags.of_results` parsed.
    """
    try:
        where = tracking_uri.located(typed.tracking_uri, typed.results)
        recorded = read(where.uri, typed.sweep, datasets)
    except (FileNotFoundError, LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print_table(table(rows(recorded)), recorded, typed.format)
    return 0


def show_counted(form: str, count: Callable[[], Table]) -> int:
    """The rest of a command whose table needs no runs: prints it in the format `form`. Returns the exit status.

    Args:
        count: makes the table; a `ValueError` says what to do.
    """
    try:
        print(FORMATS[form](count()))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def print_table(table: Table, recorded: Sequence[Runs], form: str) -> None:
    """Writes the table to the standard output in the format asked for, with a note on what was left out."""
    print(FORMATS[form](replace(table, notes=[*table.notes, *left_out_note(recorded)])))
