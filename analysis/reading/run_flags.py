"""The flags of every command that reads runs from MLflow. Imports nothing large, so that `--help` answers at once."""

from __future__ import annotations

import argparse
from pathlib import Path

# The headings of a command's help, by what a user wants to decide.
RUNS = "which runs"
OUTPUT = "what is written"
POINTS = "from which score an image counts as positive"

WANTED = 0.9  # sensitivity, and specificity, unless a flag says otherwise


def of_a_data_set(
    name: str, description: str, dataset_help: str = "a data set's name, such as retina"
) -> argparse.ArgumentParser:
    """The parser of ``python -m analysis.NAME DATASET``, with the flags that choose runs."""
    flags = argparse.ArgumentParser(
        prog=f"python -m analysis.{name}", usage="%(prog)s DATASET [options]", description=description
    )
    flags.add_argument("dataset", metavar="DATASET", help=dataset_help)
    add_run_flags(flags)
    return flags


def add_run_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that choose runs, and say where they are (`analysis.reading.tracking_uri.located`)."""
    add_place_flags(parser).add_argument(
        "--sweep", metavar="NAME", help="only the runs of this sweep (default: those of all sweeps that share a setup)"
    )


def add_place_flags(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Adds the flags that say where runs are, and returns their group, for those that choose among the runs."""
    group = parser.add_argument_group(RUNS)
    group.add_argument(
        "--tracking-uri",
        metavar="URI",
        help="address of MLflow (default: MLFLOW_TRACKING_URI, or mlflow.db of --results)",
    )
    group.add_argument(
        "--results",
        type=Path,
        metavar="DIR",
        help="the sweep's results folder, with mlflow.db, prepared images and teachers (default: where --tracking-uri "
        "has mlflow.db, or else TRANSFER_RESULTS, or results)",
    )
    return group


def add_rule_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say which operating points are shown beside that of Youden's index."""
    group = parser.add_argument_group(POINTS)
    for name, other in (("sensitivity", "specificity"), ("specificity", "sensitivity")):
        group.add_argument(
            f"--{name}",
            type=_share,
            default=WANTED,
            metavar="X",
            help=f"the {name} wanted on the validation images, between 0 and 1; the threshold with the best {other} is "
            "taken (default: %(default)s)",
        )


def _share(text: str) -> float:
    """A number between 0 and 1, both excluded."""
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"it must be a number between 0 and 1, such as 0.9, but got {text}")
    return share


def add_report_flags(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Adds the flags of a command that writes a page, and returns their group, for more of them."""
    group = add_out_flag(parser)
    group.add_argument(
        "--images", action="store_true", help="show images of patients too; phantom images are always shown"
    )
    return group


def add_out_flag(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Adds the flag that says where a command writes, and returns its group, for more of them."""
    group = parser.add_argument_group(OUTPUT)
    group.add_argument(
        "--out",
        type=Path,
        default=Path("reports"),
        metavar="DIR",
        help="folder of all reports; this one gets a folder with the data set's name in it (default: %(default)s)",
    )
    return group
