"""What a sweep may not change when it goes on, and the teachers, of which it may get more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from analysis.reading.withdrawn_since import TAG as WITHDRAWN_TAG
from trainables.config import TrialConfig
from trainables.knob import knobs

TEACHERS = "teachers"  # the setting that holds each teacher's fingerprint by its name
DATA = "data"  # the setting that holds the fingerprint of the prepared images
SEARCHER = "searcher"  # the setting that holds the name of the sampler, where one suggests what is tried
SCHEDULER = "scheduler"  # the setting that holds the name of the rule of early stopping, where trials are searched
# Of the sweeps that began before there were others, whatever the defaults are now.
UNRECORDED_SEARCHER, UNRECORDED_SCHEDULER = "tpe", "asha"
_DEFAULTS: dict[str, Any] = {knob.name: knob.default for knob in knobs(TrialConfig)}
_DEFAULTS |= {SEARCHER: UNRECORDED_SEARCHER, SCHEDULER: UNRECORDED_SCHEDULER}


def grown(before: str, now: str, sweep: str) -> str:
    """The settings of a sweep that goes on: those of before, with the teachers of both.

    A knob that the record does not have, since the code had none of that name, had its default; the sampler was TPE
    and the scheduler ASHA.

    Args:
        before, now: JSON objects; "" for none.
        sweep: its name.

    Raises:
        ValueError: a setting has changed, the prepared images, or a teacher that keeps its name.
    """
    old, new = json.loads(before or "{}"), json.loads(now or "{}")
    teachers = [settings.pop(TEACHERS, {}) for settings in (old, new)]
    old = {name: _DEFAULTS[name] for name in new if name in _DEFAULTS} | old
    changed = [
        *_changes(old, new, {*old, *new}),
        *_changes(teachers[0], teachers[1], teachers[0].keys() & teachers[1].keys()),
    ]
    if old.get(DATA) != new.get(DATA) and len(changed) == 1:
        raise ValueError(
            f"the prepared images must stay as they were when the sweep began, but {sweep} began with those of "
            f"fingerprint {old.get(DATA)} and finds those of {new.get(DATA)}: put the images back, or delete the "
            "prepared file so that it is made from them again; or give another --name"
        )
    if changed:
        raise ValueError(
            f"a sweep must keep the settings that it began with, but {sweep} has other ones ({'; '.join(changed)}); "
            "give the same flags, or another --name"
        )
    both = teachers[0] | teachers[1]
    return json.dumps({**new, TEACHERS: both} if both else new, sort_keys=True)


def check_withdrawn(tags: Mapping[str, str], now: str, sweep: str) -> None:
    """Refuses to resume a sweep whose images have become fewer, since patients have withdrawn.

    Args:
        tags: of the sweep's run.
        now: the settings that it would have.
        sweep: its name.

    Raises:
        ValueError: that is so.
    """
    num_withdrawn = tags.get(WITHDRAWN_TAG, "")
    before, after = (str(json.loads(text or "{}").get("data")) for text in (tags.get("settings"), now))
    if num_withdrawn and before != after:
        raise ValueError(
            f"the sweep {sweep} cannot be resumed, since patients ({num_withdrawn}) have withdrawn from its images "
            f"(fingerprint {before} then, {after} now): give another --name"
        )


def _changes(old: dict[str, Any], new: dict[str, Any], names: set[str]) -> list[str]:
    return [
        f"{name}: {old.get(name)} before, {new.get(name)} now"
        for name in sorted(names)
        if old.get(name) != new.get(name)
    ]
