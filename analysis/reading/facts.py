"""The facts of Tables I and II on a data set, from a prepared file or from the tags that a sweep left in MLflow."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.reading import tracking_uri
from analysis.reading.trials import Runs
from analysis.tables import command
from analysis.tables.rendering import Table
from trainables.data.store import Store


@dataclass(frozen=True, kw_only=True)
class Source:
    """The facts of a table on one data set."""

    dataset: str
    facts: dict[str, Any]
    data: str  # "phantom" or "real"


def from_sweeps(recorded: Sequence[Runs], tag: str) -> list[Source]:
    """The JSON tag `tag` of each data set's newest sweep that has it.

    Raises:
        ValueError: a tag is not JSON.
    """
    sources = []
    for runs in recorded:
        texts = runs.sweeps.reindex(columns=[f"tags.{tag}"]).squeeze(axis=1).dropna().tolist()
        if not texts:
            continue
        try:
            sources.append(Source(dataset=runs.dataset, facts=json.loads(texts[-1]), data=runs.data))
        except json.JSONDecodeError as error:
            raise ValueError(f"the tag {tag} of a sweep must be JSON, but got {texts[-1]!r}") from error
    return sources


def from_stores(paths: Iterable[Path], facts: Callable[[Store], dict[str, Any]]) -> list[Source]:
    """`facts` of each prepared data set.

    Raises:
        FileNotFoundError, ValueError: `Store.open` refuses the file.
    """
    sources = []
    for path in paths:
        store = Store.open(path)
        data = "phantom" if store.is_phantom else "real"
        sources.append(Source(dataset=store.dataset, facts=facts(store), data=data))
    return sources


def show(
    typed: argparse.Namespace,
    *,
    datasets: Sequence[str],
    rows: Callable[[Sequence[Runs], Sequence[Source]], pd.DataFrame],
    table: Callable[[pd.DataFrame], Table],
    facts: Callable[[Store], dict[str, Any]],
) -> int:
    """The rest of a command: prints a table of data sets, from the files of --store, else from the sweeps in MLflow.

    Args:
        typed: what `analysis.tables.table_flags.of_data_sets` parsed.
    """
    try:
        where = tracking_uri.located(typed.tracking_uri, typed.results)
        recorded = [] if typed.store else command.read(where.uri, typed.sweep, datasets)
        shown = table(rows(recorded, from_stores(typed.store or [], facts)))
    except (FileNotFoundError, LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    command.print_table(shown, recorded, typed.format)
    return 0
