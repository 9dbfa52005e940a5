"""The request to look at runs in MLflow's pages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from platform.command_line.image_requests import ResultsRequest, TrackingRequest
from platform.command_line.option import MACHINES, OUTPUT, option, switch
from platform.command_line.values import port


@dataclass(frozen=True, kw_only=True)
class UiRequest(ResultsRequest, TrackingRequest):
    """MLflow's pages of the runs in a results folder."""

    port: int = option(
        "port of the pages on this machine's loopback interface",
        default=5000,
        heading=MACHINES,
        parse=port,
        metavar="N",
    )
    reports: Path = option(
        "folder of all reports, of which the newest is opened too",
        default=Path("reports"),
        heading=MACHINES,
        parse=Path,
        metavar="DIR",
    )
    no_browser: bool = switch("print the addresses and open nothing", heading=OUTPUT)
