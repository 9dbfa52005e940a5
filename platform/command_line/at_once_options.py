"""The options that say how much of a sweep runs at once."""

from __future__ import annotations

from typing import Any

from platform.command_line.option import MACHINES, option
from platform.command_line.values import positive_int


def concurrent_option() -> Any:
    """The field of a request; None where it is for the machines to say."""
    return option(
        "number of trials, or of packs of them, that run at once",
        default=None,
        default_in_words="as many as fit, or as cluster.yaml allows",
        heading=MACHINES,
        parse=positive_int,
        metavar="N",
    )


def pack_option() -> Any:
    """The field of a request."""
    return option(
        "configurations of one cell that one worker trains together, on the same views and the same answers of the "
        "teacher",
        default=1,
        heading=MACHINES,
        parse=positive_int,
        metavar="N",
    )
