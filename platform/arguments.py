"""What the verbs' command lines share: values that are checked as they are read, and errors in one line."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platform.stopping import clean_stops
from trainables.config import AVERAGE_RULES, SELECTION_METRICS

SPLIT_KINDS = ("drawn", "official")
EXIT_UNFINISHED = 3  # something is left to do: the same command goes on


def positive_int(text: str) -> int:
    """A whole number of at least 1."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, but got {text}")
    return value


def image_size(text: str) -> int:
    """A multiple of 32 pixels."""
    value = positive_int(text)
    if value % 32:
        raise argparse.ArgumentTypeError(f"must be a multiple of 32, but got {text}")
    return value


def share(text: str) -> float:
    """A number of at least 0, such as a part of a GPU."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of at least 0, but got {text}")
    return value


def plain_name(text: str) -> str:
    """A name that is safe as a folder and in a query: letters, digits, dot, dash and underscore."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", text):
        raise argparse.ArgumentTypeError(
            f"must be 1 to 100 letters, digits, dots, dashes and underscores, and begin with a letter or digit, "
            f"but got {text!r}"
        )
    return text


def teacher_name(text: str) -> str:
    """A teacher's name, or those of an ensemble as ``a+b``, in alphabetical order, each once."""
    return "+".join(sorted({plain_name(name) for name in text.split("+")}))


def results_option(made: argparse._ActionsContainer) -> None:
    """``--results``, the same for every verb."""
    made.add_argument(
        "--results",
        default=os.environ.get("TRANSFER_RESULTS") or "results",
        metavar="DIR",
        help="default: TRANSFER_RESULTS, or results",
    )


def hold_out_option(made: argparse._ActionsContainer) -> None:
    """``--hold-out``, the same for every verb that prepares images to learn from."""
    made.add_argument(
        "--hold-out", metavar="FINDING", help="keep this finding of a multilabel set from training and validation"
    )


def score_options(made: argparse._ActionsContainer) -> None:
    """``--selection-metric`` and ``--average-labels``, the same for every verb that trains."""
    made.add_argument(
        "--selection-metric",
        choices=SELECTION_METRICS["multiclass"],
        help="the validation score that chooses epoch and configuration; a multilabel set has auc and accuracy "
        "(default: f1_weighted for the classes of a sweep, else auc)",
    )
    made.add_argument(
        "--average-labels",
        choices=AVERAGE_RULES,
        default=AVERAGE_RULES[0],
        help="of which labels an AUC is the mean: frequent, those with ten positives and ten negatives in validation; "
        "defined, all that have both classes, as the paper has it (default: frequent)",
    )


def validation_share(text: str) -> float:
    """What `trainables.data.splits` takes for the validation set's part of the images."""
    from trainables.data.splits import check_validation_share  # pandas: not before the flag is given

    try:
        value = float(text)
        check_validation_share(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return value


def split_options(made: argparse._ActionsContainer) -> None:
    """``--split`` and ``--validation-share``, the same for every verb that prepares images."""
    made.add_argument(
        "--split", choices=SPLIT_KINDS, default=SPLIT_KINDS[0], help="Table II's counts, or the release's own"
    )
    made.add_argument(
        "--validation-share",
        type=validation_share,
        metavar="F",
        help="of the images for the validation set, and as many again for the test set; with --split official, of its "
        "training part for the validation set (default: Table II's, or 0.1 each; phantoms keep more)",
    )


def local_option(made: argparse._ActionsContainer) -> None:
    """``--local``, the same for every verb that trains."""
    made.add_argument(
        "--local",
        type=Path,
        default=os.environ.get("TRANSFER_LOCAL") or None,
        metavar="DIR",
        help="on each machine's own disk, for copies of the images and the cache; default: TRANSFER_LOCAL, or none",
    )


@contextmanager
def say_errors(parser: argparse.ArgumentParser) -> Iterator[None]:
    """Ends the program with one clear line, not a traceback, where input or machine is at fault, or it is stopped."""
    try:
        with clean_stops():
            yield
    except ConnectionError as error:  # of MLflow: what was reached is kept
        parser.exit(EXIT_UNFINISHED, f"{parser.prog}: error: {error}\n")
    except (ValueError, LookupError, OSError, ImportError) as error:
        parser.exit(2, f"{parser.prog}: error: {error}\n")
    except KeyboardInterrupt:
        parser.exit(EXIT_UNFINISHED, f"{parser.prog}: stopped; the same command goes on\n")
