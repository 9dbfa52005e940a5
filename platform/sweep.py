"""Search every cell of a data set with an equal budget, then confirm the best of each; the same command goes on.

Without --data the images are phantoms: synthetic, and marked as such in every run, table and figure.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from platform.arguments import (
    hold_out_option,
    image_size,
    local_option,
    plain_name,
    positive_int,
    results_option,
    say_errors,
    score_options,
    share,
    split_options,
    teacher_name,
)
from trainables.config import INTERPOLATIONS, PRECISIONS, UNCERTAINTY_POLICIES

PLAIN = ("transfer (always in a sweep: the baseline)", "  L = CE", "  fine-tuning the first weights; no teacher")


class _ListMethods(argparse.Action):
    """Prints each method with its formula and source, and ends the program; as --help, it needs no data set."""

    def __call__(self, made: argparse.ArgumentParser, *_: Any) -> None:
        from trainables.transfer import METHODS  # torch takes seconds

        lines = [f"{name}\n  {method.formula}\n  {method.reference}" for name, method in sorted(METHODS.items())]
        print("\n".join([*lines, *PLAIN]))
        made.exit()


def parser() -> argparse.ArgumentParser:
    """The command line; its flags say which sweep, where, and how many."""
    made = argparse.ArgumentParser(prog="python -m platform.sweep", description=(__doc__ or "").splitlines()[0])
    made.add_argument(
        "dataset", type=plain_name, help="such as retina (`platform.prepare -h` lists all), or your own, prepared"
    )
    which = made.add_argument_group("which sweep")
    which.add_argument("--data", type=Path, metavar="DIR", help="holds the real images; without it they are phantoms")
    which.add_argument("--preset", choices=("paper", "quick"), help="default: paper with --data, quick without")
    which.add_argument("--search", choices=("optuna", "grid", "joint"), default="optuna", help="default: optuna")
    which.add_argument("--cells", nargs="+", metavar="PATTERN", help="only these, such as 'attention/*'")
    which.add_argument(
        "--methods", nargs="+", default=["attention"], metavar="NAME", help="beside plain transfer (default: attention)"
    )
    which.add_argument(
        "--init", nargs="+", default=["imagenet"], metavar="NAME", help="first weights: teachers' names, or random"
    )
    which.add_argument("--controls", action="store_true", help="also cells that a claim of knowledge has to beat")
    which.add_argument(
        "--teacher-names",
        nargs="+",
        type=teacher_name,
        metavar="NAME",
        help="who teaches (default: imagenet mimic-cxr); a+b is an ensemble",
    )
    which.add_argument(
        "--students",
        nargs="+",
        default=["densenet121", "densenet40"],
        metavar="NAME",
        help="who learns, such as resnet18 (default: the paper's densenet121 densenet40)",
    )
    which.add_argument(
        "--fractions", nargs="+", type=float, metavar="F", help="of the training data; default: the paper's"
    )
    which.add_argument(
        "--uncertainty",
        nargs="+",
        choices=UNCERTAINTY_POLICIES,
        default=["zeros"],
        help="what an uncertain label of a chest X-ray counts as; each policy is a row of its own (default: zeros)",
    )
    hold_out_option(which)
    score_options(which)
    which.add_argument("--trials", type=positive_int, metavar="N", help="configurations tried for each cell")
    which.add_argument("--epochs", type=positive_int, metavar="N", help="the longest training")
    which.add_argument("--repeats", type=positive_int, metavar="N", help="trainings of each cell's best configuration")
    which.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=PRECISIONS[0],
        help="of the student's layers; bfloat16 is faster on a GPU, and a setup of its own (default: %(default)s)",
    )
    which.add_argument(
        "--compile",
        action="store_true",
        help="torch.compile writes the student's step, on a GPU with CUDA graphs; a setup of its own",
    )
    which.add_argument(
        "--interpolation",
        choices=INTERPOLATIONS,
        default=INTERPOLATIONS[0],
        help="of the training views' rotation (default: %(default)s, as torchvision has it)",
    )
    which.add_argument("--image-size", type=image_size, metavar="PX", help="a multiple of 32")
    which.add_argument(
        "--phantom-size", type=positive_int, metavar="N", help="images of the phantom (of eyes: patients)"
    )
    which.add_argument("--seed", type=int, default=0, help="of everything that is drawn (default: 0)")
    which.add_argument("--name", type=plain_name, help="of the sweep; default: made from what decides its results")
    where = made.add_argument_group("where")
    results_option(where)
    where.add_argument(
        "--teachers", choices=("real", "phantom"), help="phantom teachers for real images must be asked for"
    )
    where.add_argument(
        "--imagenet-weights", type=Path, metavar="FILE", help="DenseNet-121's file, or a folder of torchvision's"
    )
    local_option(where)
    where.add_argument(
        "--cache", type=Path, metavar="DIR", help="of the teachers' answers; default: in --local, or --results"
    )
    where.add_argument("--cache-gb", type=share, default=20.0, metavar="N", help="its budget; 0 for none (default: 20)")
    where.add_argument("--allow-overlap", action="store_true", help="go on where a teacher has seen test patients")
    split_options(where)
    where.add_argument("--skip-unreadable", action="store_true", help="leave images out that cannot be read")
    many = made.add_argument_group("how many at once")
    many.add_argument("--cpus-per-trial", type=share, default=1.0, metavar="N", help="default: 1")
    many.add_argument("--gpus-per-trial", type=share, metavar="F", help="default: 1 where there is a GPU, else 0")
    many.add_argument(
        "--concurrent",
        type=positive_int,
        metavar="N",
        help="trials at once; default: as many as fit, or as cluster.yaml allows",
    )
    made.add_argument("--verbose", action="store_true", help="also what Ray says")
    made.add_argument("--list-methods", action=_ListMethods, nargs=0, help="print the methods and stop")
    made.add_argument("--list-cells", action="store_true", help="print the cells and stop")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Runs the sweep; 0 when it is finished, else what is left is gone on with by the same command."""
    made = parser()
    options = made.parse_args(arguments)
    with say_errors(made):
        if options.list_cells:
            print(_cells(options))
            return 0
        from platform.conduct import conduct  # torch, Ray and MLflow take ten seconds: not before the flags are right

        return conduct(options)


def _cells(options: argparse.Namespace) -> str:
    from search_spaces.space import PAPER_TEACHERS, cells_of_tables_4_and_5, controls

    who = options.teacher_names or PAPER_TEACHERS
    cells = [
        *cells_of_tables_4_and_5(who, options.methods, options.students),
        *(controls(who, options.students) if options.controls else ()),
    ]
    return "\n".join(cell.name for cell in cells)


if __name__ == "__main__":
    sys.exit(main())
