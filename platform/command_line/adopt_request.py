"""The request to record the new place of a results folder."""

from __future__ import annotations

from dataclasses import dataclass

from platform.command_line.image_requests import ResultsRequest
from platform.command_line.option import switch


@dataclass(frozen=True, kw_only=True)
class AdoptRequest(ResultsRequest):
    """Record where a results folder is now, after it was moved or copied."""

    adopt: bool = switch(
        "record the place of a results folder that was moved or copied, and stop; takes --results, and no data set"
    )
