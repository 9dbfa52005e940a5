"""How well students learn what they never saw: a class from a few images, or a new disease from its first ones."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from platform.arguments import plain_name, positive_int, say_errors, split_options


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m platform.evaluate", description=(__doc__ or "").splitlines()[0])
    kinds = made.add_subparsers(dest="kind", required=True, metavar="WHAT")
    few = kinds.add_parser("few-shot", help="a linear classifier on K images of a class that was never trained on")
    few.add_argument("--sweep", type=plain_name, metavar="NAME", help="only this sweep's students")
    few.add_argument(
        "--target", type=plain_name, metavar="DATASET", help="whose classes; default: the finding that was held out"
    )
    few.add_argument("--findings", nargs="+", metavar="NAME", help="default: all that the students were not trained on")
    few.add_argument(
        "--shots", nargs="+", type=positive_int, default=[1, 5, 10, 20], metavar="K", help="default: 1 5 10 20"
    )
    few.add_argument("--episodes", type=positive_int, default=200, metavar="N", help="default: 200")
    new = kinds.add_parser("new-disease", help="AUC of the finding that was held out, against the images of it")
    new.add_argument("--sweep", type=plain_name, required=True, metavar="NAME", help="a sweep with --hold-out")
    new.add_argument(
        "--n",
        nargs="+",
        type=positive_int,
        default=[10, 25, 50, 100, 250],
        metavar="N",
        help="images of the finding (default: 10 25 50 100 250)",
    )
    new.add_argument("--draws", type=positive_int, default=20, metavar="N", help="of each n (default: 20)")
    for each in (few, new):
        _shared_options(each)
    return made


def _shared_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("--dataset", type=plain_name, required=True, metavar="NAME", help="what the students learned")
    made.add_argument("--data", type=Path, metavar="DIR", help="holds the real images, where they are not prepared yet")
    made.add_argument("--phantom-size", type=positive_int, metavar="N", help="of the phantom, as the sweep was given")
    split_options(made)
    made.add_argument("--skip-unreadable", action="store_true", help="leave images out that cannot be read")
    made.add_argument("--seed", type=int, default=0, help="of what is drawn (default: 0)")
    made.add_argument("--tracking-uri", metavar="URI", help="default: MLFLOW_TRACKING_URI, else mlflow.db of RESULTS")
    made.add_argument(
        "--results", type=Path, metavar="DIR", help="the sweep's results; default: where mlflow.db is, else results"
    )
    made.add_argument("--out", type=Path, metavar="DIR", help="default: RESULTS/evaluations/WHAT-SWEEP")


def main(arguments: list[str] | None = None) -> int:
    """Evaluates; 0 when page, tables and figures are there."""
    made = parser()
    options = made.parse_args(arguments)
    with say_errors(made):
        if options.seed < 0:
            raise ValueError(f"--seed >= 0 must hold, but got {options.seed}")
        from platform.conduct_evaluation import conduct_evaluation  # torch and MLflow: not before the flags are right

        return conduct_evaluation(options)


if __name__ == "__main__":
    sys.exit(main())
