"""The request to look at runs in MLflow's pages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from platform.command_line.image_requests import ResultsRequest
from platform.command_line.option import MACHINES, OUTPUT, option, switch
from platform.command_line.values import port


@dataclass(frozen=True, kw_only=True)
class UiRequest(ResultsRequest):
    """MLflow's pages of the runs in a results folder."""

    tracking_uri: str | None = option(
        "MLflow's address: a database, or a server, whose own pages are opened",
        default=None,
        default_in_words="MLFLOW_TRACKING_URI, or mlflow.db of --results",
        heading=MACHINES,
        metavar="URI",
    )
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
