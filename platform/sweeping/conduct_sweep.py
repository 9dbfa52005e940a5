"""Conducts a sweep from its request to its closing table, once `platform.sweep` has checked the options."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # two lines per trial
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # the tracker retries by itself, and reports it

from platform.cluster import early_start
from platform.cluster.machines import join_cluster, machines
from platform.command_line.endings import EXIT_UNFINISHED
from platform.command_line.notice import announced
from platform.command_line.parsing import words_of
from platform.command_line.sweep_requests import SweepRequest
from platform.command_line.training_requests import TrainingRequest
from platform.sources.places import LOCK_FILE, Places
from platform.sources.results_lock import in_use
from platform.sweeping.closing import close, how_far
from platform.sweeping.forecast import Forecast
from platform.sweeping.gathering import prepare_sweep
from platform.sweeping.outlook import plan_lines, resources_of, show_plan, try_timing
from platform.sweeping.plan import Plan
from platform.sweeping.records import trial_folder
from platform.sweeping.runner import Resources, Trials, run
from platform.sweeping.setup import Setup
from platform.sweeping.standing import Standing
from platform.tracking.ablation_record import keep_file
from platform.tracking.clearing import clear
from platform.tracking.data_inputs import facts_of
from platform.tracking.environment import environment
from platform.tracking.growth import note_growth
from platform.tracking.journal import Journal
from platform.tracking.ledger import Ledger
from platform.tracking.method_record import note_methods
from platform.tracking.mlflow_answers import ask_server, must_answer
from platform.tracking.restored import check_whole
from platform.tracking.sweep_page import description
from platform.tracking.tracker import send_rest
from trainables.cell import Cell
from trainables.pace import Pace
from trainables.pack import OVER
from trainables.pasting import command_line

LOCK_S = 1.0  # `platform.status` may look at the lock in this moment


def conduct(request: SweepRequest) -> int:
    """Runs a sweep; 0 when it is finished, else `EXIT_UNFINISHED`.

    Raises:
        ValueError, LookupError, OSError: as `prepare_sweep`, `alone` and `in_use` say.
        ConnectionError: MLflow does not answer at the start, or at the end.
    """
    places = Places.under(request.results)
    if request.dry_run:
        show_plan(request, places)
        return 0
    with in_use(places.results):
        return _conduct(request, places)


def _conduct(request: SweepRequest, places: Places) -> int:
    ask_server(places.tracking_uri, places.printable_tracking_uri)
    storage = join_cluster(places, request.local, verbose=request.verbose)
    setup = prepare_sweep(request, places)
    with alone(places.sweep(setup.name)), announced(request.notify_url, setup.name) as notice:
        with must_answer(places.printable_tracking_uri):
            ledger = open_ledger(setup, request.dataset, places)
            keep_file(ledger, request.file)
            plan = carry_out(setup, ledger, request, places, storage)
            close(setup, plan, ledger, places)
            ledger.file.check()
        if plan.finished:
            notice.text = f"{setup.name}: {plan.num_trials} trials done"
            return 0
        notice.text = f"{setup.name}: {plan.num_open_trials} trials are left; the same command resumes it"
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
    _clear_rest(setup, plan, ledger)
    _note(ledger, setup, plan, request)
    ledger.describe(
        description(setup, state=how_far(plan)), [facts for each in setup.splits.all for facts in facts_of(each)]
    )
    print(setup.announcement(plan, places, storage), flush=True)
    if not plan.finished:
        print("starting Ray ...", flush=True)
        early_start.ready(verbose=request.verbose)
        print(f"  machines: {(available := machines())}", flush=True)
        resources = resources_of(setup, request, available)
        paces = try_timing(setup, resources, on_cluster=available.is_cluster)
        trials = Trials(
            folder=setup.folder,
            job_of=setup.job,
            scheduler=setup.scheduler,
            tags_of=lambda record: {**setup.tags(record), "environment": environment()},
            forecast=_foreseen(plan, setup, paces, resources),
            standing=partial(Standing, places.standing(setup.name), facts=_facts(setup, request, resources)),
            inputs_of=lambda record: facts_of(setup.splits.of(record.spec.config), record.spec.config),
        )
        run(plan, trials, ledger, journal, resources, verbose=request.verbose)
        check_whole(plan.records.values(), ledger.records())
        ledger.describe(description(setup, state=how_far(plan)))
    ledger.close_sweep("FINISHED" if plan.finished else "KILLED")
    return plan


def _foreseen(plan: Plan, setup: Setup, paces: dict[Cell, Pace] | None, resources: Resources) -> Forecast | None:
    """The forecast, whose outlook is printed; None where no step could be timed."""
    if paces is None:
        return None
    forecast = Forecast(setup=setup, paces=paces, num_slots=resources.slots(machines()))
    print("\n".join(plan_lines(plan, forecast, resources)), flush=True)
    return forecast


def _note(ledger: Ledger, setup: Setup, plan: Plan, request: TrainingRequest) -> None:
    """Notes on the sweep's own run how large it is now, and what a paper has to say of its methods."""
    note_growth(ledger, setup, plan)
    note_methods(ledger, setup, request.split)


def _facts(setup: Setup, request: TrainingRequest, resources: Resources) -> dict[str, object]:
    """What `platform.status` shows of a sweep besides its studies."""
    return {
        "sweep": setup.name,
        "is_phantom": setup.store.is_phantom,
        "metric": setup.base.selection_metric,
        "cpus": resources.cpus,
        "gpus": resources.gpus,
        "command": request.COMMAND,
        "words": words_of(request, leave_out=("results",)),
    }


def _clear_rest(setup: Setup, plan: Plan, ledger: Ledger) -> None:
    """Clears what an earlier process could not clear before it ended: finished trials, and notes on packs."""
    shutil.rmtree(setup.folder / OVER, ignore_errors=True)
    for record in plan.records.values():
        folder = trial_folder(setup.folder, record.spec.key)
        if record.status == "FINISHED" and folder.is_dir():
            clear(folder, ledger, record.run_id)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process per sweep; the lock is released when the process ends, in whatever way.

    Raises:
        BlockingIOError: another process runs this sweep.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK_FILE, timeout=LOCK_S, fallback_to_soft=False)
    with ExitStack() as held:
        try:
            held.enter_context(lock)
        except Timeout:
            status = command_line("platform.status", "--results", str(folder.parents[1]))
            raise BlockingIOError(
                f"the sweep {folder.name} is already running in another process; `{status}` shows how far it is; "
                "wait for it, or give this one another --name"
            ) from None
        yield
