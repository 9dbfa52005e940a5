"""What the ledger says of a data set's runs, for sentences: settings, what cells vary, and what their sweeps noted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from analysis.reading import other_hospital
from analysis.reading.sweep_setup import own_setup
from analysis.reading.trials import Runs
from trainables.cell import ITSELF, Cell
from trainables.data.catalogue import title

Facts = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The runs of a report, asked for one fact after the other.

    Raises:
        ValueError: a tag that is JSON in every ledger is something else; the message names it.
    """

    runs: Runs

    @cached_property
    def trained(self) -> pd.DataFrame:
        """The trials in which a student was trained."""
        return self.runs.trials[self.runs.trials["params.method"] != ITSELF]

    @cached_property
    def cells(self) -> list[Cell]:
        """All cells in which a student was trained, in the order of their first trials."""
        return [Cell.parse(str(name)) for name in self.trained["tags.cell"].unique()]

    @cached_property
    def hospitals(self) -> list[str]:
        """Other data sets whose images were opened, each with their number and the day."""
        records = [record for each in other_hospital.opened(self.runs.sweeps).values() for record in each]
        told = [f"{title(each.target)} ({each.num_images:,} images, {each.opened})" for each in records]
        return list(dict.fromkeys(told))

    def own(self, knob: str) -> Any:
        """The value that the sweep gave a knob, apart from cells that change it; None where no trial has one."""
        column = f"params.{knob}"
        values = own_setup(self.trained, [column])[column].dropna()
        return _typed(values.iloc[-1]) if len(values) else None

    def values(self, column: str, frame: pd.DataFrame | None = None) -> list[Any]:
        """The different values of a column (``params.student``, ``tags.version``), in their order."""
        trials = self.trained if frame is None else frame
        return [_typed(value) for value in trials.reindex(columns=[column])[column].dropna().unique() if value != ""]

    @cached_property
    def varied(self) -> Mapping[str, list[Any]]:
        """By the name of each knob that cells change: their values, beside the sweep's own."""
        values: dict[str, list[Any]] = {}
        for cell in self.cells:
            for name, value in cell.varied:
                values.setdefault(name, [])
                values[name] += [value] if value not in values[name] else []
        return values

    def tag(self, name: str) -> str:
        """A tag of the newest sweep that has it; "" where none has."""
        column = self.runs.sweeps.reindex(columns=[f"tags.{name}"])[f"tags.{name}"].dropna()
        return str(column.iloc[-1]) if len(column) else ""

    def json(self, name: str) -> Any:
        """A tag that holds JSON; None where no sweep has it."""
        return _parsed(name, self.tag(name)) if self.tag(name) else None

    def facts(self, name: str) -> Facts:
        """A tag that holds a JSON object; {} where no sweep has it."""
        found = self.json(name)
        return found if isinstance(found, dict) else {}

    def family(self, kind: str) -> dict[str, Facts]:
        """The tags ``kind/NAME``, by NAME in alphabetical order."""
        start = f"tags.{kind}/"
        names = sorted(str(column).removeprefix(start) for column in self.runs.sweeps if str(column).startswith(start))
        return {name: facts for name in names if (facts := self.facts(f"{kind}/{name}"))}

    @cached_property
    def environments(self) -> list[Facts]:
        """What the trials ran on: each different one that was recorded."""
        return [_parsed("environment", str(value)) for value in self.values("tags.environment", self.runs.trials)]

    @property
    def settings(self) -> Facts:
        """What decides the numbers of the newest sweep."""
        return self.facts("settings")

    @property
    def labels(self) -> list[str]:
        """The names of the labels; [] where they are not recorded."""
        return [str(name) for name in self.json("label_names") or []]


def _parsed(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"the tag {name} of a run must be JSON, but got {text[:80]!r}") from error


def _typed(value: Any) -> Any:
    """A parameter as MLflow has it, as what it is: a truth, a number or a word."""
    if isinstance(value, str):
        if value in ("True", "False"):
            return value == "True"
        try:
            return float(value)
        except ValueError:
            return value
    return bool(value) if isinstance(value, bool) else value
