"""What the sweep cost, for search and confirmation apart, what it saved, and what a student costs that is in use."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.figures import figure_cost
from analysis.methods.phrases import count
from analysis.pages.chapter import Chapter
from analysis.pages.evidence import Evidence
from analysis.reading.origins import of_cells
from analysis.reading.teacher_costs import teacher_costs
from analysis.reading.trial_costs import seconds_of, trial_costs
from analysis.reading.trials import Runs
from analysis.scores.cost_rows import ALL_CELLS, cost_rows
from analysis.scores.savings import saving_rows
from analysis.scores.student_sizes import size_rows
from analysis.tables import cost_tables
from analysis.tables.cost_tables import duration
from trainables import titles

NAME, TITLE = "cost", "What it cost"
QUESTION = "What did the search and the confirmation take, what did they save, and what does a student take in use?"
ESTIMATED = (
    "It is measured where a GPU counts it; that of CPUs, and of GPUs without a counter, is estimated from busy "
    "time and declared power, without memory, disks, cooling and losses."
)


def chapter(evidence: Evidence) -> Chapter:
    """Costs per cell and of the sweep, score against cost, savings, and the students' sizes."""
    runs = evidence.runs
    if runs.trials.empty:
        return Chapter(name=NAME, title=TITLE, question=QUESTION, empty="No trial has finished, so nothing has a cost.")
    costs = trial_costs(runs)
    summed, saved = cost_rows(costs), saving_rows(costs)
    notes = [f"{_watts(runs)} for a busy CPU core"] if _watts(runs) else []
    tables = [cost_tables.costs(runs, summed, notes), cost_tables.savings(runs, saved)]
    if len(runs.trained):
        tables.append(cost_tables.sizes(runs, size_rows(runs, runs.num_labels)))
    picture = figure_cost.picture(
        figure_cost.rows(costs, evidence.variance, of_cells(runs.confirm)), design=runs.design
    )
    return Chapter(
        name=NAME,
        title=TITLE,
        question=QUESTION,
        sentences=[*_sentences(runs, summed, saved)],
        tables=tables,
        pictures=[picture] if picture else [],
    )


def _sentences(runs: Runs, summed: pd.DataFrame, saved: pd.DataFrame) -> Iterator[str]:
    """The whole sweep in words, and what is not in its numbers."""
    whole = summed[summed["cell"] == ALL_CELLS].iloc[-1]
    gpu = f", or {duration(whole['gpu_s'])} of a GPU" if whole["gpu_s"] > 0 else ""
    trials, took = count(whole["num_trials"], "trial"), duration(whole["seconds"])
    yield f"{trials} held {'its machine' if whole['num_trials'] == 1 else 'their machines'} for {took} in all{gpu}."
    if pd.isna(whole["cpu_s"]):
        yield (
            "Memory and energy are missing where a trial was recorded before they were measured; run a sweep again "
            "under another name to have them."
        )
    elif pd.isna(whole["estimated_wh"]):
        yield "The energy is not known: neither a counter nor a power limit of the GPU could be read."
    else:
        yield f"Energy: {_energy(whole['measured_wh'], whole['estimated_wh'])}. {ESTIMATED}"
    yield from _savings(saved)
    yield from _of_teachers(runs)
    yield from _not_counted(runs)


def _savings(saved: pd.DataFrame) -> Iterator[str]:
    last = saved.iloc[-1]
    if last["epochs_saved"] > 0:
        yield (
            f"Early stopping ended {last['num_stopped']:,.0f} of {last['num_trials']:,.0f} trials of the search: "
            f"{last['epochs_saved']:,.0f} of {last['planned_epochs']:,.0f} epochs were not trained, which would have "
            f"taken {duration(last['stopping_saved_s'])}."
        )
    if last["views_read"] > 0:
        took = duration(last["cache_saved_s"])
        yield (
            f"The knowledge cache answered {last['views_read']:,.0f} of {last['views']:,.0f} views in the teacher's "
            "place, " + ("whose time is not known." if pd.isna(last["cache_saved_s"]) else f"which saved {took}.")
        )


def _of_teachers(runs: Runs) -> Iterator[str]:
    """A taught student has cost its teacher's training, too."""
    for row in teacher_costs(runs).itertuples():
        name = titles.teacher(str(row.teacher))
        if pd.isna(row.seconds):
            yield f"What the training of the {name} cost is not recorded here, and is in no number of this chapter."
            continue
        energy = "" if pd.isna(row.estimated_wh) else f"; {_energy(row.measured_wh, row.estimated_wh)}"
        yield (
            f"The {name} was trained here, which took {duration(row.seconds)}{energy}; students that it taught have "
            "cost that, too, and it is in no number of this chapter."
        )


def _not_counted(runs: Runs) -> Iterator[str]:
    """The trials of these sweeps that no table counts: failed, unfinished, or replaced by a later search."""
    left = runs.left_out[runs.left_out["sweep"].isin(runs.sweeps["tags.sweep"])]
    took = seconds_of(runs, left["run_id"].tolist())["seconds"]
    if len(took):
        yield (
            f"Another {duration(took.sum())} went into {count(len(took), 'trial')} of these sweeps that no table "
            "counts: failed, unfinished, or replaced by a later search."
        )


def _energy(measured_wh: float, estimated_wh: float) -> str:
    parts = [f"{_watt_hours(measured_wh)} measured"] if measured_wh > 0 else []
    return " and ".join([*parts, f"{_watt_hours(estimated_wh)} estimated"])


def _watt_hours(value: float) -> str:
    return f"{value / 1000:.3g} kWh" if value >= 100 else f"{value:.3g} Wh"


def _watts(runs: Runs) -> str:
    """The declared power per core: ``5 W``; "" where no trial says."""
    watts = runs.trials.reindex(columns=["metrics.cost_watts_per_core"]).squeeze(axis=1).dropna().unique()
    return " or ".join(f"{each:g} W" for each in sorted(watts))
