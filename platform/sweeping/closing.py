"""The end of a sweep, on the screen and in MLflow: scores, what can be told apart from chance, what to run next."""

from __future__ import annotations

import errno
import os
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import OperationalError

from analysis.pages.answers import answers, basis
from analysis.pages.predicted import draws_by_cell
from analysis.reading import tracking_uri
from analysis.reading.averages import averages
from analysis.reading.origins import of_cells
from analysis.reading.trials import Runs, runs
from analysis.scores.cells import closing_table
from analysis.scores.comparisons import planned
from analysis.scores.power_rows import power_rows
from analysis.scores.questions import contrast_rows
from analysis.tables import detectable_differences
from platform.exporting.logged_models import log_best_students
from platform.sources.places import Places
from platform.sweeping.plan import Plan
from platform.sweeping.setup import Setup
from platform.tracking.ledger import Ledger
from platform.tracking.mlflow_answers import masked
from platform.tracking.sweep_page import confirmed_metrics, description
from trainables.atomic import NO_ROOM, patiently
from trainables.data.catalogue import DATASETS
from trainables.pasting import command_line

WIDTH = 110  # columns of what is told in sentences; about that of the tables


def how_far(plan: Plan) -> str:
    """How far a sweep is, in a sentence."""
    done = plan.num_trials - plan.num_open_trials
    return f"{done} of {plan.num_trials} trials have ended." if plan.num_open_trials else "Finished."


def close(setup: Setup, plan: Plan, ledger: Ledger, places: Places) -> None:
    """Prints scores, answers and commands, and writes them to MLflow; before any score, prints only how far it is."""
    repeats = [record for record in plan.records.values() if record.spec.config.phase == "confirm"]
    if not any(record.status == "FINISHED" for record in repeats):
        print(f"{how_far(plan)} There is no test score yet.")
        return
    sweep = runs(places.tracking_uri, setup.store.dataset, setup.name)
    metrics = ("test_auc", "test_f1_weighted") if setup.store.task == "multiclass" else ("test_auc",)
    tables = [closing_table(sweep.confirm, name, averages(sweep)) for name in metrics]
    told = [answer_lines(sweep)] if plan.finished else []
    print("\n\n".join([*tables, *told, _commands(setup, places, sweep)]), flush=True)
    ledger.describe(description(setup, state=how_far(plan), tables="\n\n".join(tables)))
    only_step = 0  # a metric that has no other is a bar in MLflow's charts
    ledger.log(ledger.parent_id, confirmed_metrics(sweep.confirm, metrics), only_step, int(time.time() * 1000))
    if plan.finished:
        show_best_students(lambda: log_best_students(ledger.client, sweep, setup.store, metrics), places.results)


def show_best_students(log: Callable[[], object], results: Path) -> None:
    """Logs the best students as models; waits while the disk is full, and where they cannot be logged, says so.

    Args:
        log: logs them, and can be called again after it has failed.
        results: whose disk needs room.
    """

    def log_or_wait() -> None:
        try:
            log()
        except (MlflowException, OperationalError) as error:
            if "disk is full" in str(error):  # MLflow's file, in SQLite's words
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise

    try:
        patiently(log_or_wait, "the best students' models", results)
    except (MlflowException, OperationalError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in NO_ROOM:
            raise
        reason = masked(error).splitlines()[0]  # such as an older server's, which has no models
        print(f"the best students are not shown as models in MLflow: {reason}", file=sys.stderr)


def answer_lines(sweep: Runs) -> str:
    """Which differences can be told apart from chance: an answer to each question that the cells ask, and a warning
    where the sweep was too small to see those that there may be."""
    draws = draws_by_cell(sweep)
    contrasts = contrast_rows(draws, of_cells(sweep.confirm))
    if contrasts.empty:
        return "No question is answered: no two cells with a test AUC differ in one thing alone."
    lines = ["What can be told apart from chance, in test AUC:"]
    design = sweep.design
    for answer in answers(contrasts, of_cells(sweep.confirm), design):
        lines.append(f"  {answer.question} {answer.verdict}")
        lines.append(textwrap.fill(answer.sentence, WIDTH, initial_indent="    ", subsequent_indent="    "))
    told = [basis(contrasts, averages(sweep), design)]
    if warning := detectable_differences.warning(power_rows(draws, planned(list(draws)))):
        told.append(warning)
    return "\n".join([*lines, *(textwrap.fill(text, WIDTH) for text in told)])


def _commands(setup: Setup, places: Places, sweep: Runs) -> str:
    """What to run next: each command on its own line, ready to paste."""
    dataset, options = setup.store.dataset, [*places.options, "--sweep", setup.name]
    lines = [browsing(sweep, places), f"The whole report\n  {command_line('analysis.report', dataset, *options)}"]
    lines.append(f"What the next sweep could see\n  {command_line('analysis.power', dataset, *options)}")
    if setup.store.held_out:
        evaluate = command_line("platform.evaluate", "new-disease", "--dataset", dataset, *options)
        lines.append(f"The held-out finding\n  {evaluate}")
    if dataset in DATASETS and (published := DATASETS[dataset].published) and published.results_table:
        lines.append(f"The paper's table\n  {command_line(f'analysis.table_{published.results_table}', *options)}")
    return "\n".join(lines)


def browsing(sweep: Runs, places: Places) -> str:
    """How to see the sweep in MLflow: the command that serves its pages, or the page of a server."""
    if not tracking_uri.is_server(places.tracking_uri):
        return f"Browse every run\n  {command_line('platform.ui', *places.options)}"
    page = tracking_uri.pages(places.tracking_uri)
    if len(sweep.trials):
        page = tracking_uri.runs_page(page, sweep.trials["experiment_id"].iloc[0])
    return f"Browse every run: open {page}"
