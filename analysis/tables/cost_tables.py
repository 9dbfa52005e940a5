"""The tables of what a sweep has cost, what it has saved, and how large its students are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from analysis.reading.origins import union
from analysis.reading.trials import Runs
from analysis.tables.findings import named
from analysis.tables.rendering import MISSING, Cell, Table, number
from trainables import titles

Columns = Mapping[str, tuple[str, Callable[[float], str]]]
SAVED, STUDENTS = "What early stopping and the cache saved", "How large the students are, and how fast"
OF_A_GPU = ["gpu_s", "measured_wh"]
PHASES = {"search": "search", "confirm": "confirmation", "both": "both"}


def duration(seconds: float) -> str:
    """In hours from 100 minutes on, else in minutes or seconds: ``2.5 h``, ``12.0 min``, ``8.1 s``.

    >>> [duration(each) for each in (8.14, 720, 9000, float("nan"))]
    ['8.1 s', '12.0 min', '2.5 h', '-']
    """
    if pd.isna(seconds):
        return MISSING
    unit, size = next(((u, s) for u, s in (("h", 3600), ("min", 60)) if seconds >= 100 * s / 60), ("s", 1))
    return f"{seconds / size:,.1f} {unit}"


def named_student(name: str) -> Cell:
    """A network's name, and its title beside it where it has one."""
    title = titles.student(name)
    return Cell(name, title=title if title != name else "")


def _count(value: float) -> str:
    return MISSING if pd.isna(value) else f"{value:,.0f}"


def _gigabytes(value: float) -> str:
    return number(value / 1e9)


def _watt_hours(value: float) -> str:
    return number(value, digits=1 if value >= 10 else 3)


def _share(value: float) -> str:
    return number(1e-9 * value, digits=3)


def _milliseconds(value: float) -> str:
    return number(value, digits=1)


COSTS: Columns = {
    "num_trials": ("trials", _count), "epochs": ("epochs", _count), "seconds": ("time", duration),
    "gpu_s": ("GPU time", duration), "cpu_s": ("core time", duration), "measured_wh": ("Wh, measured", _watt_hours),
    "estimated_wh": ("Wh, estimated", _watt_hours), "host_bytes": ("memory, GB", _gigabytes),
    "device_bytes": ("GPU memory, GB", _gigabytes),
}  # fmt: skip
SAVINGS: Columns = {
    "num_trials": ("trials", _count), "num_stopped": ("stopped early", _count),
    "planned_epochs": ("epochs planned", _count), "epochs": ("epochs trained", _count),
    "stopping_saved_s": ("time saved by stopping", duration), "views": ("views taught", _count),
    "views_read": ("read from the cache", _count), "cache_saved_s": ("time saved by the cache", duration),
}  # fmt: skip
SIZES: Columns = {
    "image_size_px": ("px", _count), "parameters": ("parameters", _count),
    "multiply_accumulates": ("multiply-accumulates, billions", _share), "latency_ms": ("one image, ms", _milliseconds),
    "batch_size": ("batch", _count), "latency_batch_ms": ("a batch, ms", _milliseconds), "n": ("n", _count),
}  # fmt: skip


def costs(runs: Runs, frame: pd.DataFrame, notes: Sequence[str]) -> Table:
    """The frame of `analysis.scores.cost_rows.cost_rows`."""
    texts = [(named(str(row.cell)), Cell(PHASES[str(row.phase)])) for row in frame.itertuples()]
    about = [
        "time: for which trials held their CPUs and GPUs, one after the other; GPU time: the same, times the share of "
        "a GPU; core time: of busy CPU cores; memory: the greatest of any trial, of the worker's process, and of the "
        "GPU as PyTorch took it",
        *notes,
    ]
    return _table(runs, frame, texts, COSTS, heads=["cell", "phase"], name="cost", title="What it cost", notes=about)


def savings(runs: Runs, frame: pd.DataFrame) -> Table:
    """The frame of `analysis.scores.savings.saving_rows`."""
    texts = [(named(str(cell)),) for cell in frame["cell"]]
    notes = [
        "stopping: of the search, whose trials would each have been trained to the last epoch at the pace of their "
        "cell; cache: of all trials, in which the teacher would have answered each view that was read, in the time "
        "that it took for one on average",
    ]
    return _table(runs, frame, texts, SAVINGS, heads=["cell"], name="cost_saved", title=SAVED, notes=notes)


def sizes(runs: Runs, frame: pd.DataFrame) -> Table:
    """The frame of `analysis.scores.student_sizes.size_rows`."""
    texts = [(named_student(str(row.student)), Cell(str(row.hardware))) for row in frame.itertuples()]
    notes = [
        "parameters with the head; multiply-accumulates of one image in convolutions, linear layers and attention "
        "(PyTorch's FlopCounterMode, halved), without norms, activations and pooling",
        "times: medians of n repeats, each measured when its training ended, on that machine and as busy as it was",
    ]
    return _table(
        runs, frame, texts, SIZES, heads=["student", "machine"], name="cost_students", title=STUDENTS, notes=notes
    )


def _table(
    runs: Runs,
    frame: pd.DataFrame,
    texts: Sequence[tuple[Cell, ...]],
    columns: Columns,
    *,
    heads: Sequence[str],
    name: str,
    title: str,
    notes: Sequence[str],
) -> Table:
    """`texts` and then the columns that have a number, row by row."""
    of_gpu = frame.reindex(columns=OF_A_GPU).fillna(0).ne(0).any()  # zeros where there was none say nothing
    shown = {each: it for each, it in columns.items() if frame[each].notna().any() and of_gpu.get(each, True)}
    body = [
        [*own, *[Cell(form(row[each])) for each, (_, form) in shown.items()]]
        for own, row in zip(texts, frame.to_dict("records"), strict=True)
    ]
    return Table(
        name=name,
        title=title,
        head=[[*heads, *[head for head, _ in shown.values()]]],
        body=body,
        frame=frame.assign(data=runs.data, phantom=union(runs.trials["phantom"])),
        notes=list(notes),
        has_paper=False,
        phantom=union(runs.trials["phantom"]),
        is_sortable=False,
    )
