"""The option that names what suggests a search's configurations."""

from __future__ import annotations

from typing import Any

from platform.command_line.option import option
from platform.sweeping.samplers import DEFAULT_SEARCHER, SAMPLERS
from trainables.knob import QUESTION


def searcher_option() -> Any:
    """The field of a request; None where no searcher is named, as for a grid."""
    samplers = ". ".join(f"{name}: {sampler.description}" for name, sampler in SAMPLERS.items())
    return option(
        f"which sampler suggests the configurations of a search that is no grid. {samplers}",
        default=None,
        default_in_words=DEFAULT_SEARCHER,
        heading=QUESTION,
        choices=tuple(SAMPLERS),
    )
