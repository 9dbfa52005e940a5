"""Search every cell of a data set with an equal budget, then confirm the best of each; the same command goes on.

Without --data the images are phantoms: synthetic, and marked as such in every run, table and figure.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from analysis.cells import closing_table, summary
from analysis.runs import runs
from platform.arguments import image_size, plain_name, positive_int, say_errors, share
from platform.ledger import Ledger
from platform.places import Places
from platform.runner import Resources, run, start_ray
from platform.setup import Setup, prepare_sweep
from search_spaces import SPACES
from search_spaces.presets import PRESETS

EXIT_UNFINISHED = 3  # something is left to run: the same command goes on


def parser() -> argparse.ArgumentParser:
    """The command line; its flags say which sweep, where, and how many."""
    made = argparse.ArgumentParser(prog="python -m platform.sweep", description=(__doc__ or "").splitlines()[0])
    made.add_argument("dataset", choices=sorted(SPACES))
    which = made.add_argument_group("which sweep")
    which.add_argument("--data", type=Path, metavar="DIR", help="holds the real images; without it they are phantoms")
    which.add_argument("--preset", choices=sorted(PRESETS), help="default: paper with --data, quick without")
    which.add_argument("--search", choices=("optuna", "grid", "joint"), default="optuna", help="default: optuna")
    which.add_argument("--cells", nargs="+", metavar="PATTERN", help="only these, such as 'attention/*'")
    which.add_argument("--fractions", nargs="+", type=float, default=[1.0], metavar="F", help="of the training data")
    which.add_argument("--trials", type=positive_int, metavar="N", help="configurations tried for each cell")
    which.add_argument("--epochs", type=positive_int, metavar="N", help="the longest training")
    which.add_argument("--repeats", type=positive_int, metavar="N", help="trainings of each cell's best configuration")
    which.add_argument("--image-size", type=image_size, metavar="PX", help="a multiple of 32")
    which.add_argument(
        "--phantom-size", type=positive_int, metavar="N", help="patients (retina) or images of the phantom"
    )
    which.add_argument("--seed", type=int, default=0, help="of everything that is drawn (default: 0)")
    which.add_argument("--name", type=plain_name, help="of the sweep; default: made from what decides its results")
    where = made.add_argument_group("where")
    where.add_argument("--results", default="results", metavar="DIR", help="default: results")
    where.add_argument(
        "--teachers", choices=("real", "phantom"), help="phantom teachers for real images must be asked for"
    )
    where.add_argument(
        "--imagenet-weights", type=Path, metavar="FILE", help="DenseNet-121's, if not in torch hub's cache"
    )
    where.add_argument("--skip-unreadable", action="store_true", help="leave images out that cannot be read")
    many = made.add_argument_group("how many at once")
    many.add_argument("--cpus-per-trial", type=share, default=1.0, metavar="N", help="default: 1")
    many.add_argument("--gpus-per-trial", type=share, metavar="F", help="default: 1 where there is a GPU, else 0")
    many.add_argument("--concurrent", type=positive_int, metavar="N", help="trials at once; default: as many as fit")
    made.add_argument("--verbose", action="store_true", help="also what Ray says")
    made.add_argument("--list-cells", action="store_true", help="print the cells and stop")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Runs the sweep; 0 when it is finished, else what is left is gone on with by the same command."""
    made = parser()
    options = made.parse_args(arguments)
    if options.list_cells:
        print("\n".join(cell.name for cell in SPACES[options.dataset].cells))
        return 0
    places = Places.under(options.results)
    with say_errors(made):
        setup = prepare_sweep(options, places)
        with alone(places.sweep(setup.name)):
            return _sweep(setup, options, places)


def _sweep(setup: Setup, options: argparse.Namespace, places: Places) -> int:
    ledger = Ledger(places.tracking_uri, options.dataset, setup.name, setup.facts, places.artifacts)
    plan = setup.plan(ledger.records())
    print(setup.announcement(plan, places), flush=True)
    if not plan.finished:
        start_ray(verbose=options.verbose)
        gpus = options.gpus_per_trial if options.gpus_per_trial is not None else float(setup.has_gpu)
        resources = Resources(cpus=options.cpus_per_trial, gpus=gpus, num_slots=options.concurrent)
        run(
            plan,
            ledger,
            setup.job,
            setup.tags,
            resources,
            places.sweep(setup.name),
            setup.max_epochs,
            f"val {setup.space.selection_metric}",
            verbose=options.verbose,
        )
    ledger.close_sweep("FINISHED" if plan.finished else "KILLED")
    print(_closing(setup, options.dataset, places))
    if plan.finished:
        return 0
    print(f"{plan.num_open_trials} trials are left: the same command goes on with them.", file=sys.stderr)
    return EXIT_UNFINISHED


def _closing(setup: Setup, dataset: str, places: Places) -> str:
    found = runs(places.tracking_uri, dataset, setup.name)
    metrics = ("test_auc", "test_f1_weighted") if setup.store.task == "multiclass" else ("test_auc",)
    phantom = setup.store.is_phantom
    tables = [closing_table(summary(found.confirm, name), metric=name, is_phantom=phantom) for name in metrics]
    uri = shlex.quote(places.tracking_uri)
    commands = [
        "Browse every run:  "
        + shlex.join(["mlflow", "ui", "--backend-store-uri", places.tracking_uri])
        + "  then open http://127.0.0.1:5000",
        f"Table V:           python -m analysis.table_5 --tracking-uri {uri} --sweep {setup.name}",
    ]
    return "\n\n".join([*tables, "\n".join(commands)])


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process a sweep; the lock goes with the process, however that ends.

    Raises:
        BlockingIOError: another process runs this sweep.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(
                f"the sweep {folder.name} runs already, in another process; give this one a --name"
            ) from None
        yield


if __name__ == "__main__":
    sys.exit(main())
