"""The flags of every command that reads runs from MLflow. Imports nothing large, so that `--help` answers at once."""

from __future__ import annotations

import argparse
from pathlib import Path

# The headings of a command's help, by what a user wants to decide.
RUNS = "which runs"
OUTPUT = "what is written"


def add_run_flags(parser: argparse.ArgumentParser, *, with_results: bool = False) -> None:
    """Adds the flags that choose runs, and with `with_results` the one for the folder beside them."""
    group = parser.add_argument_group(RUNS)
    group.add_argument(
        "--tracking-uri", metavar="URI", help="address of MLflow (default: MLFLOW_TRACKING_URI, or results/mlflow.db)"
    )
    group.add_argument(
        "--sweep", metavar="NAME", help="only the runs of this sweep (default: those of all sweeps that share a setup)"
    )
    if with_results:
        group.add_argument(
            "--results",
            type=Path,
            metavar="DIR",
            help="results folder of the sweep, with prepared images and teachers (default: where mlflow.db is)",
        )


def add_report_flags(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Adds the flags of a command that writes a page, and returns their group, for more of them."""
    group = parser.add_argument_group(OUTPUT)
    group.add_argument(
        "--out",
        type=Path,
        default=Path("reports"),
        metavar="DIR",
        help="folder of all reports; this one gets a folder with the data set's name in it (default: %(default)s)",
    )
    group.add_argument(
        "--images", action="store_true", help="show images of patients too; phantom images are always shown"
    )
    return group
