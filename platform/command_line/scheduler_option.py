"""The option that names the rule of early stopping. The rules themselves need Ray, which takes seconds to import."""

from __future__ import annotations

from typing import Any

from platform.command_line.option import option
from trainables.knob import QUESTION

NAMES = ("asha", "hyperband", "pasha", "early-discard", "median", "none")  # as in `platform.sweeping.schedulers`
DEFAULT = "early-discard"


def scheduler_option() -> Any:
    """The field of a request."""
    return option(
        "which weak trials of a search end early: early-discard, after half of the epochs the best quarter go on to "
        "the end; asha, at each of a few epochs, from a sixteenth on, the best third go on; hyperband, several such "
        "brackets, of which each begins later; pasha, asha that ends all trials at an epoch where their ranking no "
        "longer changes; median, those below the median of earlier ones end; none, all trials have their full length",
        default=DEFAULT,
        heading=QUESTION,
        choices=NAMES,
    )


def check_scheduler(scheduler: str, search: str) -> None:
    """Refuses a rule that would do nothing.

    Raises:
        ValueError: a grid, whose trials all have their full length, is to have a rule other than the default or none.
    """
    if search == "grid" and scheduler not in (DEFAULT, "none"):
        raise ValueError(
            f"a grid trains each of its points to the end, but got --search grid with --scheduler {scheduler}: leave "
            "out one of the two"
        )
