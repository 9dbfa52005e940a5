"""Conducts a sweep from its request to its closing table, once `platform.sweep` has checked the options."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # two lines per trial
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # not how it creates its tables
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # the tracker retries by itself, and reports it

from analysis.reading import tracking_uri
from analysis.reading.averages import averages
from analysis.reading.trials import Runs, runs
from analysis.scores.cells import closing_table
from platform.cluster.machines import join_cluster, machines, start_ray
from platform.command_line.endings import EXIT_UNFINISHED
from platform.command_line.training_requests import SweepRequest, TrainingRequest
from platform.sources.places import Places
from platform.sweeping.gathering import prepare_sweep
from platform.sweeping.plan import Plan
from platform.sweeping.runner import Resources, Trials, run
from platform.sweeping.setup import Setup
from platform.tracking.data_inputs import facts_of
from platform.tracking.journal import Journal
from platform.tracking.ledger import Ledger
from platform.tracking.sweep_page import description, standing
from platform.tracking.tracker import must_answer, send_rest
from trainables.data.catalogue import DATASETS
from trainables.pasting import command_line


def conduct(request: SweepRequest) -> int:
    """Runs a sweep; 0 when it is finished, else `EXIT_UNFINISHED`.

    Raises:
        ValueError, LookupError, OSError: as `prepare_sweep` and `alone` say.
        ConnectionError: MLflow does not answer at the start, or at the end.
    """
    places = Places.under(request.results)
    storage = join_cluster(places, request.local, verbose=request.verbose)
    setup = prepare_sweep(request, places)
    with alone(places.sweep(setup.name)), must_answer(places.printable_tracking_uri):
        ledger = open_ledger(setup, request.dataset, places)
        plan = carry_out(setup, ledger, request, places, storage)
        sweep = runs(places.tracking_uri, request.dataset, setup.name)
        tables = _tables(setup, sweep)
        print("\n\n".join(tables), flush=True)
        _complete(ledger, setup, sweep, plan, tables)
        if plan.finished:
            from platform.exporting.logged_models import log_best_students  # mlflow.pyfunc: only once it is needed

            log_best_students(ledger.client, sweep, setup.store, _metrics(setup))
        print(f"\n{_commands(setup, request.dataset, places, _browsing(sweep, places))}")
    if plan.finished:
        return 0
    print(f"{plan.num_open_trials} trials are left: run the same command again to resume.", file=sys.stderr)
    return EXIT_UNFINISHED


def open_ledger(setup: Setup, experiment: str, places: Places) -> Ledger:
    """The sweep's record in MLflow's experiment of that name."""
    return Ledger(places.tracking_uri, experiment, setup.name, setup.facts, places.artifacts)


def carry_out(setup: Setup, ledger: Ledger, request: TrainingRequest, places: Places, storage: str) -> Plan:
    """Runs what the ledger shows to be left of a sweep, and returns the plan as it then stands.

    Args:
        request: says what a trial takes, and how many run at once.
        storage: what `join_cluster` reports about the shared storage.
    """
    journal = Journal(setup.folder / "journal.jsonl")
    send_rest(ledger, journal)
    plan = setup.plan(ledger.records())
    ledger.describe(description(setup, state=_state(plan)), facts_of(setup.store))
    print(setup.announcement(plan, places, storage), flush=True)
    if not plan.finished:
        start_ray(verbose=request.verbose)
        available = machines()
        print(f"  machines: {available}", flush=True)
        gpus = request.gpus_per_trial
        if gpus is None:  # on a cluster, the driver's machine may lack the GPUs that the others have
            gpus = float(available.most_gpus > 0 if available.is_cluster else setup.has_gpu)
        resources = Resources(cpus=setup.cpus_per_trial, gpus=gpus, num_slots=request.num_slots)
        trials = Trials(
            folder=setup.folder,
            job_of=setup.job,
            tags_of=setup.tags,
            max_epochs=setup.max_epochs,
            metric=f"val {setup.base.selection_metric}",
            inputs_of=lambda record: facts_of(setup.store, record.spec.config),
        )
        run(plan, trials, ledger, journal, resources, verbose=request.verbose)
        ledger.describe(description(setup, state=_state(plan)))
    ledger.close_sweep("FINISHED" if plan.finished else "KILLED")
    return plan


def _state(plan: Plan) -> str:
    done = plan.num_trials - plan.num_open_trials
    return f"{done} of {plan.num_trials} trials have ended." if plan.num_open_trials else "Finished."


def _metrics(setup: Setup) -> tuple[str, ...]:
    return ("test_auc", "test_f1_weighted") if setup.store.task == "multiclass" else ("test_auc",)


def _tables(setup: Setup, sweep: Runs) -> list[str]:
    return [closing_table(sweep.confirm, name, averages(sweep)) for name in _metrics(setup)]


def _complete(ledger: Ledger, setup: Setup, sweep: Runs, plan: Plan, tables: list[str]) -> None:
    """Writes how the cells stand to the parent run's page."""
    text = "\n\n".join(tables) if len(sweep.confirm) else ""
    ledger.describe(description(setup, state=_state(plan), tables=text))
    only_step = 0  # a metric that has no other is a bar in MLflow's charts
    ledger.log(ledger.parent_id, standing(sweep.confirm, _metrics(setup)), only_step, int(time.time() * 1000))


def _browsing(sweep: Runs, places: Places) -> str:
    """How to see the sweep in MLflow: the command that serves its pages, or the page of a server."""
    if not tracking_uri.is_server(places.tracking_uri):
        is_found = bool(tracking_uri.from_environment()) or places.are_usual
        options = [] if is_found else ["--results", str(places.results)]
        return f"Browse every run\n  {command_line('platform.ui', *options)}"
    page = tracking_uri.pages(places.tracking_uri)
    if len(sweep.trials):
        page = tracking_uri.runs_page(page, sweep.trials["experiment_id"].iloc[0])
    return f"Browse every run: open {page}"


def _commands(setup: Setup, dataset: str, places: Places, browsing: str) -> str:
    """What to run next: each command on its own line, ready to paste."""
    options = ["--sweep", setup.name]
    if not tracking_uri.from_environment():  # the tables' commands find that one by themselves
        options = ["--tracking-uri", places.tracking_uri, *options]
    lines = [browsing, f"The whole report\n  {command_line('analysis.report', dataset, *options)}"]
    if setup.store.held_out:
        evaluate = command_line("platform.evaluate", "new-disease", "--dataset", dataset, *options)
        lines.append(f"The held-out finding\n  {evaluate}")
    if dataset in DATASETS and (published := DATASETS[dataset].published) and published.results_table:
        lines.append(f"The paper's table\n  {command_line(f'analysis.table_{published.results_table}', *options)}")
    return "\n".join(lines)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process per sweep; the lock is released when the process ends, in whatever way.

    Raises:
        BlockingIOError: another process runs this sweep.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock", timeout=0, fallback_to_soft=False)
    with ExitStack() as held:
        try:
            held.enter_context(lock)
        except Timeout:
            raise BlockingIOError(
                f"the sweep {folder.name} is already running in another process; give this one another --name"
            ) from None
        yield
