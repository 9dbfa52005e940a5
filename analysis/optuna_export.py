"""Writes a search's studies to an Optuna storage: `python -m analysis.optuna_export retina --to sqlite:///studies.db`.

Each cell of each sweep becomes a study called SWEEP/CELL, which optuna-dashboard and optuna.visualization open.
Exported again, a study takes the place of its earlier export.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from analysis.reading import dataset_names, run_flags, tracking_uri

if TYPE_CHECKING:
    from analysis.reading.optuna_studies import RecordedStudy


def parser() -> argparse.ArgumentParser:
    """The flags."""
    flags = argparse.ArgumentParser(
        prog="python -m analysis.optuna_export",
        usage="%(prog)s [DATASET] --to URL [options]",
        description="Write a search's studies to an Optuna storage, for optuna-dashboard and optuna.visualization.",
    )
    flags.add_argument(
        "dataset", metavar="DATASET", nargs="?", help="a data set's name, such as retina (default: all that were swept)"
    )
    run_flags.add_run_flags(flags)
    output = flags.add_argument_group(run_flags.OUTPUT)
    output.add_argument(
        "--to", metavar="URL", required=True, help="address of Optuna's storage, such as sqlite:///studies.db"
    )
    return flags


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.optuna_export`."""
    typed = parser().parse_args(arguments)
    where = tracking_uri.located(typed.tracking_uri, typed.results)
    try:
        _check_target(typed.to, where.uri)
        if typed.dataset is not None:
            dataset_names.check(typed.dataset, where)
        lines = _export(where.uri, typed.dataset, typed.sweep, typed.to)
    except (OSError, LookupError, ValueError, ImportError) as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join([*lines, f"Look at them: optuna-dashboard {tracking_uri.without_password(typed.to)}"]))
    return 0


def _export(uri: str, dataset: str | None, sweep: str | None, to: str) -> list[str]:
    from optuna import logging, storages  # seconds, with what else is needed: only once the options are right
    from sqlalchemy.exc import SQLAlchemyError

    from analysis.reading.optuna_studies import write

    logging.set_verbosity(logging.WARNING)
    studies, left_out = _studies(uri, dataset, sweep)
    try:
        storage = storages.RDBStorage(to)
    except (SQLAlchemyError, RuntimeError) as error:
        reason, shown = str(error).splitlines()[0], tracking_uri.without_password(to)
        raise ValueError(f"--to must be the address of a database, but {shown} cannot be opened: {reason}") from error
    for study in studies:
        write(study, storage)
    return [*map(_line, studies), *left_out]


def _studies(uri: str, dataset: str | None, sweep: str | None) -> tuple[list[RecordedStudy], list[str]]:
    """The studies, and a line for each data set that is left out."""
    from analysis.reading.optuna_studies import OtherFormError, recorded_studies

    if dataset is not None:
        return recorded_studies(uri, dataset, sweep), []
    from analysis.reading.mlflow_frames import experiments

    tracking_uri.require_store(uri)
    studies: list[RecordedStudy] = []
    left_out: list[str] = []
    for experiment in experiments(uri):
        try:
            studies += recorded_studies(uri, experiment, sweep)
        except LookupError:  # an experiment without a search, such as that of the teachers
            continue
        except OtherFormError as error:  # which says nothing against the other data sets
            left_out.append(f"left out: {error}")
    if left_out and not studies:
        raise ValueError("\n".join(left_out))
    if not studies:
        raise LookupError(f"no trial of a search in {tracking_uri.without_password(uri)}")
    return studies, left_out


def _line(study: RecordedStudy) -> str:
    from optuna.trial import TrialState

    states = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
    counts = [f"{count} {word}" for word, state in states.items() if (count := study.count(state))]
    counts += [f"{study.num_open} unfinished and left out"] if study.num_open else []
    return f"{study.name}: {', '.join(counts)}"


def _check_target(to: str, uri: str) -> None:
    """Refuses what is no address of a database, and MLflow's own, whose tables would get into Optuna's way."""
    if not tracking_uri.is_database(to):
        shown = tracking_uri.without_password(to)
        raise ValueError(f"--to must be a database's address, such as sqlite:///studies.db, but got {shown!r}")
    target, recorded = tracking_uri.sqlite_file(to), tracking_uri.sqlite_file(uri)
    if to == uri or (target is not None and recorded is not None and target.resolve() == recorded.resolve()):
        raise ValueError("--to must be another database than MLflow's, but got MLflow's own; give another file")


if __name__ == "__main__":
    sys.exit(main())
