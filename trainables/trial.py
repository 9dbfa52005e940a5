"""A trial: a configuration on given data, with given teachers and first weights.

Two trials with the same configuration, data, teachers and first weights are the same trial. `TrialSpec.key` names a
trial by the hash of exactly that, so that a command run twice finds its own finished work again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any

from trainables.cell import NO_TEACHER, Cell
from trainables.config import TrialConfig
from trainables.knob import TUNED, knobs

# Raised by one whenever a change of the code changes a trial's numbers: runs of two recipes never share a row.
RECIPE_VERSION = 3

# "knobs" holds a method's own numbers; it is assembled from everything else that a study suggests.
TUNED_FIELDS = tuple(knob.name for knob in knobs(TrialConfig, TUNED) if knob.name != "knobs")


@dataclass(frozen=True, kw_only=True)
class TrialSpec:
    """A configuration together with the fingerprints of what it runs on; `key` is the trial's name in the ledger.

    Args:
        varied_from: the knobs that set the trial's cell apart from its sweep, by name in alphabetical order, each with
            the sweep's own value; None for one that the sweep searches.
    """

    config: TrialConfig
    data_fingerprint: str
    split_fingerprint: str
    teacher_fingerprint: str = NO_TEACHER
    init_fingerprint: str = "random"
    varied_from: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrialSpec:
        """The inverse of `dataclasses.asdict`, before JSON and after it."""
        varied = tuple((str(name), value) for name, value in values.get("varied_from", ()))  # JSON knows no tuples
        return cls(**{**values, "config": TrialConfig.from_dict(values["config"]), "varied_from": varied})

    @cached_property  # a millisecond, and asked for several times an epoch
    def key(self) -> str:
        """16 hexadecimal digits of the SHA-256 over all that decides the trial's result."""
        facts = {"recipe": RECIPE_VERSION, **_facts(self), "config": _facts(self.config)}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def searched(self) -> dict[str, Any]:
        """What a study suggested for the trial: the tuned knobs that its cell does not fix (without a teacher, no
        beta), and the method's own numbers."""
        fixed = {name for name, _ in self.varied_from}
        values = {name: getattr(self.config, name) for name in TUNED_FIELDS if name not in fixed}
        return {name: value for name, value in values.items() if value is not None} | dict(self.config.knobs)

    @property
    def cell(self) -> Cell:
        """The cell that the trial belongs to, with what sets it apart from its sweep."""
        cell = self.config.cell
        varied = dict(cell.varied) | {name: getattr(self.config, name) for name, _ in self.varied_from}
        return replace(cell, varied=tuple(sorted(varied.items())))


def _facts(of: TrialConfig | TrialSpec) -> dict[str, Any]:
    """Every field without a default, and those that differ from theirs: a field that is added later, with what was done
    before as its default, renames no trial."""
    defaults = {each.name: each.default for each in fields(of) if each.default is not MISSING}
    return {name: value for name, value in asdict(of).items() if name not in defaults or value != defaults[name]}
