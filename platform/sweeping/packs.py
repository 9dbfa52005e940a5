"""A trial of Ray's as the trials of the plan that it trains: one, or the members of a pack.

The worker of a pack reports for several members at once (`trainables.student`). A member that is over before the others
leaves: the driver notes it where the worker looks before each epoch (`trainables.pack.note_of`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ray.tune.experiment import Trial

from platform.sweeping.search import BESIDE, KEY
from trainables.atomic import patiently
from trainables.pack import note_of
from trainables.student import MEMBERS, NUM_LEFT

Result = dict[str, Any]
SHARED = ("node_ip", "hardware")  # of a result: what holds for each member


def keys_of(trial: Trial) -> list[str]:
    """`TrialSpec.key` of each member."""
    return [trial.config[KEY], *trial.config.get(BESIDE, {})]


def is_pack(trial: Trial) -> bool:
    """Whether Ray's trial has several members."""
    return BESIDE in trial.config


def members_of(trial: Trial, result: Mapping[str, Any]) -> list[tuple[str, Result]]:
    """The members for which a result reports, each with its own part of it as it stands there, to be changed in place.

    Of a pack that reports that no trial can go on, it is the first member with the whole result.
    """
    if MEMBERS not in result:
        return [(trial.config[KEY], result if isinstance(result, dict) else dict(result))]
    return [(member[KEY], member) for member in result[MEMBERS]]


def results_of(trial: Trial, result: Result) -> list[tuple[str, Result]]:
    """The members for which a result reports, each as if it had reported alone; the time is divided equally."""
    if MEMBERS not in result:
        return [(trial.config[KEY], result)]
    members: list[Result] = result[MEMBERS]
    shared = {name: result[name] for name in SHARED if name in result}
    shared["time_this_iter_s"] = result["time_this_iter_s"] / max(1, len(members))
    return [(member[KEY], {**shared, **member}) for member in members]


def num_left(result: Mapping[str, Any]) -> int:
    """How many members of a pack train on as far as their worker knows: the scheduler may stop some of them."""
    return int(result[NUM_LEFT])


def note_end(folder: Path) -> None:
    """Notes that the member with this folder trains no further; the folder itself is cleared."""
    note = note_of(folder)

    def write() -> None:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.touch()

    patiently(write, "a note", note.parent.parent)


def forget_end(folder: Path) -> None:
    """Takes the note back, whether there is one or not."""
    note_of(folder).unlink(missing_ok=True)
