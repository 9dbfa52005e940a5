"""Conducts a sweep from its request to its closing table, once `platform.sweep` has checked the options."""

from __future__ import annotations

import os
import sys
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
from platform.sweeping.records import trial_folder
from platform.sweeping.runner import Resources, Trials, remove_rays_files, run
from platform.sweeping.setup import Setup
from platform.tracking.clearing import clear
from platform.tracking.journal import Journal
from platform.tracking.ledger import Ledger
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
        plan = carry_out(setup, request.dataset, request, places, storage)
        print(_closing(setup, request.dataset, places))
    if plan.finished:
        return 0
    print(f"{plan.num_open_trials} trials are left: run the same command again to resume.", file=sys.stderr)
    return EXIT_UNFINISHED


def carry_out(setup: Setup, experiment: str, request: TrainingRequest, places: Places, storage: str) -> Plan:
    """Runs what the ledger shows to be left of a sweep, and returns the plan as it then stands.

    Args:
        experiment: MLflow's experiment that the runs belong to.
        request: says what a trial takes, and how many run at once.
        storage: what `join_cluster` reports about the shared storage.
    """
    ledger = Ledger(places.tracking_uri, experiment, setup.name, setup.facts, places.artifacts)
    journal = Journal(setup.folder / "journal.jsonl")
    send_rest(ledger, journal)
    plan = setup.plan(ledger.records())
    _clear_rest(setup, plan, ledger)
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
        )
        run(plan, trials, ledger, journal, resources, verbose=request.verbose)
    if all(record.status == "FINISHED" for record in plan.records.values()):
        remove_rays_files(setup.folder)
    ledger.close_sweep("FINISHED" if plan.finished else "KILLED")
    return plan


def _clear_rest(setup: Setup, plan: Plan, ledger: Ledger) -> None:
    """Clears finished trials that an earlier process could not clear before it ended."""
    for record in plan.records.values():
        if record.status == "FINISHED":
            clear(trial_folder(setup.folder, record.spec.key), ledger, record.run_id)


def _closing(setup: Setup, dataset: str, places: Places) -> str:
    sweep = runs(places.tracking_uri, dataset, setup.name)
    metrics = ("test_auc", "test_f1_weighted") if setup.store.task == "multiclass" else ("test_auc",)
    tables = [closing_table(sweep.confirm, name, averages(sweep)) for name in metrics]
    return "\n\n".join([*tables, _commands(setup, dataset, places, _browsing(sweep, places))])


def _browsing(sweep: Runs, places: Places) -> str:
    """How to see the sweep in MLflow: the page of its runs, and the command that serves it unless a server does."""
    page = tracking_uri.pages(places.tracking_uri)
    if len(sweep.trials):
        page = tracking_uri.runs_page(page, sweep.trials["experiment_id"].iloc[0])
    if tracking_uri.is_server(places.tracking_uri):
        return f"Browse every run: open {page}"
    ui = command_line("mlflow", "ui", "--backend-store-uri", places.printable_tracking_uri)
    return f"Browse every run, and then open {page}\n  {ui}"


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
