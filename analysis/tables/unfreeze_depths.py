"""How deep each network can be unfrozen: trainable parameters and layers of each depth, counted on the model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pandas as pd
from torch import nn

from analysis.reading.trials import Runs
from analysis.tables.densenet40_layers import WEIGHTED
from analysis.tables.rendering import Cell, Table
from analysis.tables.table_flags import NUM_LABELS
from trainables import titles
from trainables.models.architectures import ARCHITECTURES, find, known, undrawn
from trainables.models.freezing import num_trainable, unfreeze

COLUMNS = ["student", "depth", "title", "first", "num_trainable", "share", "num_layers"]


def rows(students: Sequence[str] = (), num_labels: int = NUM_LABELS) -> pd.DataFrame:
    """One row per network and depth, from the classifier alone to all layers: COLUMNS.

    first: the first module that is trained; num_trainable: parameters; share: of all parameters, a fraction;
    num_layers: convolutions and linear layers that are trained.

    Args:
        students: names of networks; () for the paper's own.

    Raises:
        ValueError: there is no such network, or `num_labels` is less than 1.
    """
    listed = [_row(name, depth, num_labels) for name in students or ARCHITECTURES for depth in known(name).depths]
    return pd.DataFrame(listed, columns=COLUMNS)


@cache
def _row(name: str, depth: str, num_labels: int) -> dict[str, Any]:
    network = undrawn(name, num_labels)
    unfreeze(network, name, depth)
    total = sum(parameter.numel() for parameter in network.parameters())
    return {
        "student": name,
        "depth": depth,
        "title": titles.depth(depth),
        "first": known(name).depths[depth],
        "num_trainable": num_trainable(network),
        "share": num_trainable(network) / total,
        "num_layers": sum(_is_trained_layer(module) for module in network.modules()),
    }


def _is_trained_layer(module: nn.Module) -> bool:
    return isinstance(module, WEIGHTED) and module.weight.requires_grad


def table(frame: pd.DataFrame) -> Table:
    """The frame of `rows`, one line per depth."""
    head = [["network", "depth", "in words", "from", "trainable", "share", "layers"]]
    body = [
        [
            Cell(titles.student(row.student)), Cell(row.depth), Cell(row.title), Cell(row.first),
            Cell(f"{row.num_trainable:,}"), Cell(f"{100 * row.share:.1f}%"), Cell(str(row.num_layers)),
        ]
        for row in frame.itertuples()
    ]  # fmt: skip
    notes = [
        "depth: as --unfreeze takes it; from: the first module that is trained, and with it everything behind it",
        "trainable: parameters; layers: convolutions and linear layers, without norms",
        "what is frozen stays as it was: weights, and the statistics of its batch norms",
    ]
    return Table(
        name="unfreeze_depths",
        title="How deep students can be unfrozen",
        head=head,
        body=body,
        frame=frame,
        notes=notes,
        is_sortable=False,
    )


def of_runs(runs: Runs, num_labels: int) -> Table | None:
    """The depths of the sweep's students; None where all were trained at one depth."""
    trained = runs.trained
    if trained.empty or trained["params.unfreeze"].nunique() < 2:
        return None
    students = sorted(name for name in set(trained["params.student"].map(str)) if find(name))
    return table(rows(students, num_labels or NUM_LABELS)) if students else None
