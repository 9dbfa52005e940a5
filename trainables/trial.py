"""A trial: a configuration on given data, with given teachers and first weights.

Two trials with the same configuration, data, teachers and first weights are the same trial. `TrialSpec.key` names a
trial by the hash of exactly that, so that a command run twice finds its own finished work again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from trainables.cell import NO_TEACHER
from trainables.config import TrialConfig

# Raised by one whenever a change of the code changes a trial's numbers: runs of two recipes never share a row.
RECIPE_VERSION = 2


@dataclass(frozen=True, kw_only=True)
class TrialSpec:
    """A configuration together with the fingerprints of what it runs on; `key` is the trial's name in the ledger."""

    config: TrialConfig
    data_fingerprint: str
    split_fingerprint: str
    teacher_fingerprint: str = NO_TEACHER
    init_fingerprint: str = "random"

    @property
    def key(self) -> str:
        """16 hexadecimal digits of the SHA-256 over all that decides the trial's result."""
        facts = {"recipe": RECIPE_VERSION, **asdict(self)}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
