"""The order in which a sweep grew, from the tag that its starts have written."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from analysis.tables.rendering import text
from analysis.tables.sweep_growth import COLUMNS, rows, table


def start(at: str, ended: int, **sizes: Any) -> dict[str, Any]:
    return {"at": at, "ended": ended, "cells": 2, "trials": 4, "repeats": 1, "cells_sha256": "c", **sizes}


def sweeps(**growth: list[dict[str, Any]]) -> pd.DataFrame:
    tags = [{"tags.sweep": name, "tags.growth": json.dumps(starts)} for name, starts in growth.items()]
    return pd.DataFrame([*tags, {"tags.sweep": "of another time"}])


def test_each_start_with_other_sizes_is_a_row() -> None:
    grown = [
        start("2026-01-01 10:00", 0),
        start("2026-01-02 11:00", 6, trials=8, drawn="seed+split", ablation_sha256="abc"),
    ]
    frame = rows(sweeps(grown=grown, never=[start("2026-01-01 10:00", 0)]))
    assert frame[COLUMNS[:7]].to_numpy().tolist() == [
        ["grown", "2026-01-01 10:00", 2, 4, 1, "seed", 0],
        ["grown", "2026-01-02 11:00", 2, 8, 1, "seed+split", 6],
    ]
    shown = table(frame)
    assert shown is not None and [len(row) for row in shown.body] == [len(shown.head[0])] * 2
    assert [cell.text for cell in shown.body[0]][-1] == "-" and "2026-01-02 11:00" in text(shown)


def test_a_sweep_that_never_grew_has_no_table() -> None:
    assert table(rows(sweeps(never=[start("2026-01-01 10:00", 0)]))) is None
    assert table(rows(pd.DataFrame({"run_id": ["a"]}))) is None
