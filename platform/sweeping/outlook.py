"""The outlook: what a sweep will run and take, in a few lines, before its first epoch; `--dry-run` prints only that."""

from __future__ import annotations

import os
import tempfile
import time
from functools import partial
from pathlib import Path

import ray
import torch

from platform.cluster.machines import Machines
from platform.command_line.training_requests import SweepRequest
from platform.sources.places import Places
from platform.sweeping.durations import in_words
from platform.sweeping.forecast import Forecast, paces_of
from platform.sweeping.gathering import prepare_sweep
from platform.sweeping.plan import Plan
from platform.sweeping.runner import Resources
from platform.sweeping.setup import Setup
from trainables import pace
from trainables.cell import Cell
from trainables.job import Job
from trainables.pace import Pace

IMPORTS_S = time.process_time()  # by now this process has imported what every worker will, and done little else


def show_plan(request: SweepRequest, places: Places) -> None:
    """Prints what the requested sweep would run and take on this machine, from steps that are timed now.

    No image is decoded, no teacher is trained, and nothing is written but what says where things are.

    Raises:
        ValueError, LookupError, OSError: as `prepare_sweep` says.
    """
    with tempfile.TemporaryDirectory() as stand_ins:
        setup = prepare_sweep(request, places, stand_ins=Path(stand_ins))
        plan = setup.plan([])
        gpus = float(setup.has_gpu) if request.gpus_per_trial is None else request.gpus_per_trial
        resources = Resources(cpus=setup.cpus_per_trial, gpus=gpus, num_slots=request.num_slots)
        print(f"timing a step of each kind of trial, {setup.base.image_size_px} px ...", flush=True)
        node = (float(os.cpu_count() or 1), float(torch.cuda.device_count()))
        num_slots = resources.slots(Machines((node,), (node,)))
        forecast = Forecast(setup=setup, paces=timed(setup), num_slots=num_slots)
        print("\n".join([*lines(plan, forecast, resources), *cell_lines(plan, forecast)]))


def try_timing(setup: Setup, resources: Resources | None = None) -> dict[Cell, Pace] | None:
    """As `timed`, but None where that fails, with the reason: a sweep does not end for want of an estimate."""
    print(f"timing a step of each kind of trial, {setup.base.image_size_px} px ...", flush=True)
    try:
        return timed(setup, resources)
    except (RuntimeError, OSError, ray.exceptions.RayError) as error:
        print(f"  no estimate of the time: {error}", flush=True)
        return None


def timed(setup: Setup, resources: Resources | None = None) -> dict[Cell, Pace]:
    """The pace of each cell, in this process; with a trial's `resources`, on a machine of the cluster."""
    if resources is None:
        num_threads = torch.get_num_threads()
        try:
            return paces_of(setup, partial(pace.measure, store=setup.store))
        finally:
            torch.set_num_threads(num_threads)
    remote = ray.remote(num_cpus=resources.cpus, num_gpus=resources.gpus, max_retries=0)(pace.measure)

    def measure(job: Job) -> Pace:
        answer: Pace = ray.get(remote.remote(job))
        return answer

    return paces_of(setup, measure)


def lines(plan: Plan, forecast: Forecast, resources: Resources) -> list[str]:
    """How many trials and epochs are left, and their time, GPU-hours and disk."""
    counts = [plan.num_open(study) for study in plan.studies.values()]
    searches, repeats = (sum(numbers) for numbers in zip(*counts, strict=True))
    estimate, width = forecast.left(plan), max(1, min(forecast.num_slots, plan.num_open_trials))
    epochs = forecast.setup.max_epochs
    likely_h = estimate.likely_s * width / 3600
    likely, most = (in_words(seconds + IMPORTS_S) for seconds in (estimate.likely_s, estimate.most_s))
    unit, share = ("GPU", resources.gpus) if resources.gpus else ("CPU", resources.cpus)
    at_once = f"{width} trials at once" if width > 1 else "one trial at a time"
    at_most = "" if most == likely else f"; {most} if no trial is stopped early"
    return [
        f"plan: {searches} trials to search, {repeats} repeats to confirm, each of up to {epochs} epochs",
        f"  about {likely}, {at_once}{at_most}",
        f"  about {_hours(likely_h * share)} {unit}-hours; up to {forecast.disk_bytes(plan) / 1e9:.1f} GB of disk",
    ]


def _hours(hours: float) -> str:
    return f"{hours:,.0f}" if hours >= 10 else f"{hours:.2g}"


def cell_lines(plan: Plan, forecast: Forecast) -> list[str]:
    """One line per study and cell: trials, epochs, seconds of an epoch."""
    cells = [(study, cell) for study in plan.studies.values() for cell in study.cells]
    width = max(len(cell.name) for _, cell in cells)
    rows = [f"{'cell':{width}} trials repeats  epoch"]
    for study, cell in cells:
        searches, repeats = plan.num_planned(study)
        shared = "" if len(study.cells) == 1 else f"  (trials shared by {len(study.cells)} cells)"
        rows.append(f"{cell.name:{width}} {searches:6} {repeats:7}  {in_words(forecast.epoch_s(cell))}{shared}")
    return rows
