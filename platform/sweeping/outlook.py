"""The outlook: what a sweep will run and take, in a few lines, before its first epoch; `--dry-run` prints only that."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import ray
import torch
from joblib.externals.loky import ProcessPoolExecutor  # type: ignore[import-untyped]

from platform.cluster.machines import Machines
from platform.command_line.sweep_requests import SweepRequest
from platform.command_line.training_requests import TrainingRequest
from platform.sources.places import Places
from platform.sweeping.forecast import Forecast, paces_of
from platform.sweeping.gathering import prepare_sweep
from platform.sweeping.plan import Plan
from platform.sweeping.redraws import in_fold
from platform.sweeping.runner import Resources
from platform.sweeping.setup import Setup
from platform.sweeping.wording import hours, in_words
from trainables import pace
from trainables.cell import Cell
from trainables.data.store import Store
from trainables.job import Job
from trainables.meter import multiplies_bfloat16
from trainables.pace import Pace

IMPORTS_S = time.process_time()  # by now this process has imported what every worker will, and done little else

TIMING = "timing a step of each kind of trial ..."
FASTER = "  this CPU has units for bfloat16 (AMX): --precision bfloat16 may take half the time, in a table of its own"


def show_plan(request: SweepRequest, places: Places) -> None:
    """Prints what the requested sweep would run and take on this machine, from steps that are timed now.

    No image is opened and no teacher trained. Phantom images that a sweep would draw are drawn, and stay for it.

    Raises:
        ValueError, LookupError, OSError: as `prepare_sweep` says.
    """
    with tempfile.TemporaryDirectory() as stand_ins:
        setup = prepare_sweep(request, places, stand_ins=Path(stand_ins))
        plan = setup.plan([])
        resources = resources_of(setup, request)
        print(f"preset {setup.preset}: {setup.max_epochs} epochs, {setup.base.image_size_px} px")
        print(TIMING, flush=True)
        node = (float(os.cpu_count() or 1), float(torch.cuda.device_count()))
        num_slots = resources.slots(Machines((node,), (node,)))
        forecast = Forecast(setup=setup, paces=_timed(setup, resources.gpus), num_slots=num_slots)
        print("\n".join([*plan_lines(plan, forecast, resources), *_before(setup), *cell_lines(plan, forecast)]))


def _before(setup: Setup) -> list[str]:
    """What a sweep does first, and the plan does not count."""
    phantoms = [name for name, teacher in setup.teachers.items() if teacher.is_phantom]
    if not phantoms:
        return []
    return [f"  not counted: training the phantom teachers {', '.join(phantoms)}, unless they are here already"]


def resources_of(setup: Setup, request: TrainingRequest, available: Machines | None = None) -> Resources:
    """What a trial takes, and how many run at once; `available` are the machines of a cluster, None for this one."""
    gpus = request.gpus_per_trial
    if gpus is None:  # on a cluster, the driver's machine may lack the GPUs that the others have
        gpus = float(available.most_gpus > 0 if available and available.is_cluster else setup.has_gpu)
    return Resources(
        cpus=setup.cpus_per_trial,
        gpus=gpus,
        num_slots=request.num_slots,
        pack_size=request.pack_size,
        watts_per_core=request.watts_per_core,
        step_timeout_s=request.step_timeout,
    )


def try_timing(setup: Setup, resources: Resources, *, on_cluster: bool) -> dict[Cell, Pace] | None:
    """The pace of each cell; None where no step can be timed, with the reason: a sweep never ends for that."""
    print(TIMING, flush=True)
    try:
        return _timed_on_cluster(setup, resources) if on_cluster else _timed(setup, resources.gpus)
    except Exception as error:  # whatever it is, trials may fare better
        print(f"  no estimate of the time: {error}", flush=True)
        return None


def _timed(setup: Setup, gpus: float) -> dict[Cell, Pace]:
    """On this machine. Where there is a GPU, in a process that ends: one that has used it keeps some of its memory,
    which the trials need; and one that has asked for it cannot be kept from it afterwards, as trials without are.
    """
    few = {size_px: pace.few_images(store, setup.base.batch_size) for size_px, store in setup.stores.items()}

    def images_of(job: Job) -> Store:
        return few[job.spec.config.image_size_px]

    if setup.has_gpu:
        with ProcessPoolExecutor(1) as child:
            return paces_of(setup, lambda job: child.submit(pace.measure, job, images_of(job), gpus=gpus).result())
    num_threads = torch.get_num_threads()
    try:
        return paces_of(setup, lambda job: pace.measure(job, images_of(job), gpus=gpus))
    finally:
        torch.set_num_threads(num_threads)


def _timed_on_cluster(setup: Setup, resources: Resources) -> dict[Cell, Pace]:
    remote = ray.remote(num_cpus=resources.cpus, num_gpus=resources.gpus, max_retries=0)(pace.measure)

    def measure(job: Job) -> Pace:
        answer: Pace = ray.get(remote.remote(job, gpus=resources.gpus))  # type: ignore[call-arg]
        return answer

    return paces_of(setup, measure)


def plan_lines(plan: Plan, forecast: Forecast, resources: Resources) -> list[str]:
    """How many trials and epochs are left, and their time, GPU-hours and disk."""
    counts = [plan.num_open(study) for study in plan.studies.values()]
    searches, repeats = (sum(numbers) for numbers in zip(*counts, strict=True))
    estimate, width = forecast.left(plan), max(1, min(forecast.num_slots, plan.num_open_trials))
    epochs = max(map(plan.max_epochs, plan.studies.values()))
    likely_h = estimate.likely_s * width / 3600
    likely, most = (in_words(seconds + IMPORTS_S) for seconds in (estimate.likely_s, estimate.most_s))
    unit, share = ("GPU", resources.gpus) if resources.gpus else ("CPU", resources.cpus)
    at_once = f"{width} trials at once" if width > 1 else "one trial at a time"
    at_most = "" if most == likely else f"; {most} if no trial is stopped early"
    is_slow = not resources.gpus and forecast.setup.base.precision == "float32" and multiplies_bfloat16()
    return [
        f"plan: {searches} trials to search, {repeats} repeats to confirm, each of up to {epochs} epochs",
        *(f"  {line}" for line in forecast.setup.redraw_lines),
        f"  about {likely}, {at_once}{at_most}",
        f"  about {hours(likely_h * share)} {unit}-hours; up to {forecast.disk_bytes(plan) / 1e9:.1f} GB of disk",
        *([FASTER] if is_slow else []),
    ]


def cell_lines(plan: Plan, forecast: Forecast) -> list[str]:
    """One line per study and cell: trials, epochs, seconds of an epoch."""
    cells = [
        (study, cell, f"{cell.name}{in_fold(study.fold)}") for study in plan.studies.values() for cell in study.cells
    ]
    width = max(len(name) for _, _, name in cells)
    rows = [f"{'cell':{width}} trials repeats  epoch"]
    for study, cell, name in cells:
        searches, repeats = plan.num_planned(study)
        shared = "" if len(study.cells) == 1 else f"  (trials shared by {len(study.cells)} cells)"
        rows.append(f"{name:{width}} {searches:6} {repeats:7}  {in_words(forecast.epoch_s(cell))}{shared}")
    return rows
