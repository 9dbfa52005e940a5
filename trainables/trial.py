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

from trainables.cell import ITSELF, NO_TEACHER, Cell
from trainables.config import TrialConfig
from trainables.knob import TUNED, knobs

# Raised by one whenever a change of the code changes a trial's numbers: runs of two recipes never share a row.
RECIPE_VERSION = 3

# "knobs" holds a method's own numbers; it is assembled from everything else that a study suggests.
TUNED_FIELDS = tuple(knob.name for knob in knobs(TrialConfig, TUNED) if knob.name != "knobs")

# What may differ between the trials of a pack: it decides how a student learns, and neither a batch, nor a view, nor a
# teacher's knowledge of it (`trainables.transfer.method.Method.knowledge`).
OF_ONE_STUDENT = ("learning_rate", "weight_decay", "beta", "knobs")


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
    def why_alone(self) -> str:
        """Why the trial can be in no pack; "" where it can."""
        if self.config.method == ITSELF:
            return f"nothing is trained in {self.cell}, so there is nothing to share"
        return "students that are compiled are trained one at a time" if self.config.compiled else ""

    def why_apart(self, other: TrialSpec) -> str:
        """Why the two cannot be trained on the same batches, views and knowledge; "" where they can.

        All but `OF_ONE_STUDENT` must be equal: most of it decides a batch, a view or a teacher's answer, and the rest
        is the cell.
        """
        if reason := self.why_alone:
            return reason
        if self.key == other.key:
            return f"the trials of a pack must differ, but {self.key} is there twice"
        mine, others = _shared(self), _shared(other)
        if apart := [name for name in mine if mine[name] != others[name]]:
            values = ", ".join(f"{name}={mine[name]!r} and {others[name]!r}" for name in apart)
            return f"the trials of a pack must differ in {', '.join(OF_ONE_STUDENT)} alone, but have {values}"
        return ""

    @property
    def cell(self) -> Cell:
        """The cell that the trial belongs to, with what sets it apart from its sweep."""
        cell = self.config.cell
        varied = dict(cell.varied) | {name: getattr(self.config, name) for name, _ in self.varied_from}
        return replace(cell, varied=tuple(sorted(varied.items())))


def _shared(spec: TrialSpec) -> dict[str, Any]:
    """What the trials of a pack have in common."""
    of_config = {each.name: getattr(spec.config, each.name) for each in fields(spec.config)}
    of_trial = {each.name: getattr(spec, each.name) for each in fields(spec) if each.name != "config"}
    return {name: value for name, value in (of_config | of_trial).items() if name not in OF_ONE_STUDENT}


def _facts(of: TrialConfig | TrialSpec) -> dict[str, Any]:
    """Every field without a default, and those that differ from theirs: a field that is added later, with what was done
    before as its default, renames no trial."""
    defaults = {each.name: each.default for each in fields(of) if each.default is not MISSING}
    return {name: value for name, value in asdict(of).items() if name not in defaults or value != defaults[name]}
