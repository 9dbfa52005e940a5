"""In which order a sweep grew: the sizes that it was started with, noted on its own run in MLflow as they change."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from platform.sweeping.plan import Plan
from platform.sweeping.redraws import Redraws
from platform.sweeping.setup import Setup
from platform.tracking.ledger import Ledger

TAG = "growth"
CIRCUMSTANCES = ("at", "ended")  # what an entry holds beside the sizes


def note_growth(ledger: Ledger, setup: Setup, plan: Plan) -> None:
    """Adds the sizes with which a sweep is started to its run's tag `growth`, unless the last entry has the same ones.

    The tag is a JSON list of objects: ``at`` (UTC), ``ended`` (trials that had ended by then), ``cells``,
    ``cells_sha256`` (of their names, shortened), ``trials`` (of all searches together), ``repeats`` (of a cell, those
    that draw one source alone among them), ``drawn`` (what they draw anew, where that is not the seed) and, of an
    ablation's file, ``ablation_sha256``. A teacher's training has one size, and no such tag.
    """
    if setup.base.phase == "pretrain":
        return
    before: list[dict[str, Any]] = json.loads(ledger.tag(TAG) or "[]")
    sizes = sizes_of(setup, plan)
    if before and {name: value for name, value in before[-1].items() if name not in CIRCUMSTANCES} == sizes:
        return
    ended = sum(record.status != "RUNNING" for record in plan.records.values())
    entry = {"at": f"{datetime.now(UTC):%Y-%m-%d %H:%M}", "ended": ended, **sizes}
    ledger.set_tag(TAG, json.dumps([*before, entry]))


def sizes_of(setup: Setup, plan: Plan) -> dict[str, Any]:
    """How large a sweep is planned to be."""
    names = "\n".join(sorted(cell.name for cell in setup.space.cells))
    sizes = {
        "cells": len(setup.space.cells),
        "cells_sha256": hashlib.sha256(names.encode()).hexdigest()[:12],
        "trials": sum(study.num_trials for study in plan.studies.values()),
        "repeats": setup.redraws.num_repeats(setup.num_repeats, is_fixed=False),
    }
    if setup.redraws.sources != Redraws.sources:
        sizes["drawn"] = setup.redraws.word
    file = setup.facts.get("ablation_sha256")
    return {**sizes, "ablation_sha256": file[:12]} if file else sizes
