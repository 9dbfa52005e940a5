"""The request to show where sweeps stand."""

from __future__ import annotations

from dataclasses import dataclass

from platform.command_line.image_requests import ResultsRequest
from platform.command_line.option import option, switch
from platform.command_line.values import plain_name


@dataclass(frozen=True, kw_only=True)
class StatusRequest(ResultsRequest):
    """Which sweeps, and whether to go on showing them."""

    sweep: str | None = option(
        "only the sweep of that name", default=None, default_in_words="all", parse=plain_name, metavar="NAME"
    )
    watch: bool = switch("show it again every few seconds, until Ctrl-C")
