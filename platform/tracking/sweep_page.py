"""What MLflow shows of a sweep as a whole, on the page of its parent run: a description in Markdown, and metrics.

The metrics are made of the trials', for MLflow's charts alone; nothing reads them back (`record_form.name_of`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.reading.origins import PHANTOM_NOTICE
from analysis.scores.cells import summary
from platform.sweeping.records import TrialRecord
from platform.sweeping.redraws import in_fold
from platform.sweeping.samplers import in_words
from platform.sweeping.setup import Setup
from trainables.cell import ITSELF

MAX_CHARS = 5000  # MLflow's older limit on a tag's value; newer ones take 8000
CUT = "... (the report has the whole table)"
# MLflow refuses these signs in a metric's name, and would group charts by the slash.
SIGNS = str.maketrans({"/": " ", "@": " - ", ",": " ", "=": " ", "+": " and "})


def in_metric_name(cell: str) -> str:
    """A cell's name as a part of a metric's.

    >>> in_metric_name("attention/a+b/densenet40/all@0.25,rotation_deg=0")
    'attention a and b densenet40 all - 0.25 rotation_deg 0'
    """
    return cell.translate(SIGNS)


class SearchProgress:
    """The best validation score of each cell's search, as its trials end.

    Args:
        records: what is known of the sweep's trials when it starts or resumes.
    """

    def __init__(self, records: Iterable[TrialRecord]) -> None:
        self._best: dict[str, float] = {}
        self._num_ended = 0
        for record in records:
            if record.status != "RUNNING":
                self.ended(record)

    def ended(self, record: TrialRecord) -> tuple[dict[str, float], int]:
        """The metric of the cell that a trial has just ended in, and its step: the number of trials that have ended.

        No metric where the cell has no score yet, nor after a repeat.
        """
        self._num_ended += 1
        config = record.spec.config
        if config.phase != "search":
            return {}, self._num_ended
        name = f"best val_{config.selection_metric}/{in_metric_name(record.spec.cell.name)}{in_fold(config.fold)}"
        if record.score is not None:
            self._best[name] = max(record.score, self._best.get(name, record.score))
        return ({name: self._best[name]} if name in self._best else {}), self._num_ended


def confirmed_metrics(confirm: pd.DataFrame, metrics: Sequence[str]) -> dict[str, float]:
    """For each of these test metrics and each confirmed cell, the mean over the repeats and the half-width of its 95%
    interval, as fractions; no half-width where there are too few repeats for one.

    Args:
        confirm: the confirming repeats, as `analysis.scores.cells.summary` takes them.
    """
    values: dict[str, float] = {}
    for metric in metrics:
        for row in summary(confirm, metric).itertuples():
            for what, value in (("mean", row.mean), ("half-width", row.half_width)):
                if np.isfinite(value):
                    values[f"confirmed {metric} {what}/{in_metric_name(str(row.cell))}"] = float(value)
    return values


def description(setup: Setup, *, state: str, tables: str = "") -> str:
    """What the sweep compares, how to read its page, what to run next, and how the cells stand, in Markdown.

    Args:
        state: how far it has come, in a sentence.
        tables: the closing tables, as they are printed; "" before the end.
    """
    dataset, metric = setup.store.dataset, setup.base.selection_metric
    head = [*([f"**{PHANTOM_NOTICE}**"] if setup.store.is_phantom else []), state]
    if setup.base.phase == "pretrain":
        what = f"`{setup.base.student}` is trained on `{dataset}`; the weights of its best epoch are kept as a teacher."
        return "\n\n".join([*head, what])
    parts = [
        *head,
        *_asked(setup.facts),
        f"### What is compared\n{_compared(setup)}",
        "### How to read it\n"
        "- The runs below this one are trials. Those of phase `search` were scored on validation images only; those "
        "of phase `confirm` are the repeats of each cell's best configuration, which open the test set once, at their "
        "end. In the list of runs, *Group by* `cell` shows the mean over a cell's runs.\n"
        f"- `best val_{metric}/...` is the best validation score of a cell's search, by the number of trials ended.\n"
        "- `confirmed .../...` are a cell's test scores: the mean over its repeats, and the half-width of the 95% "
        "t-interval (none with fewer than three repeats). Scores are fractions.\n"
        "- Whether two cells differ is tested in the report, not here.",
        "### What to run next\n"
        "In the repository's folder; add `--results DIR` if the results are not in `results/`.\n"
        f"```\npython -m analysis.report {dataset} --sweep {setup.name}\n"
        f"python -m platform.export CELL --dataset {dataset} --sweep {setup.name}\n"
        f"python -m analysis.optuna_export {dataset} --sweep {setup.name} --to sqlite:///studies.db\n```\n"
        "To resume or extend the sweep, run the command that began it again"
        f" (`python -m platform.sweep {dataset}` with the same options; this sweep's name is `{setup.name}`).",
    ]
    text = "\n\n".join(parts)
    return f"{text}\n\n### How the cells stand\n{_fitted(tables, MAX_CHARS - len(text) - 60)}" if tables else text


def _asked(facts: Mapping[str, str]) -> list[str]:
    """The question of an ablation's file, and which file it is; nothing without one."""
    if "ablation_file" not in facts:
        return []
    typed = f", with `{facts['overrides']}` typed beside it" if facts["overrides"] else ""
    file = f"Asked by `{facts['ablation_file']}` (the artifact `ablation.toml`){typed}."
    return [f"### {facts['ablation_question']}\n{file}" if facts["ablation_question"] else file]


def _compared(setup: Setup) -> str:
    cells = setup.space.cells
    trained = [cell for cell in cells if cell.method != ITSELF]
    parts = {
        "methods": {cell.method for cell in cells},
        "teachers": {cell.teacher for cell in cells},
        "students": {cell.student for cell in trained},
        "trainable depths": {cell.unfreeze for cell in trained},
        "fractions of the training data": {f"{cell.data_fraction:.4g}" for cell in trained},
    }
    lines = [f"- {what}: {', '.join(sorted(values))}" for what, values in parts.items()]
    of_search = f"{setup.num_trials} trials each, weak ones ended early by the scheduler `{setup.scheduler}`"
    search = "the points of a grid" if setup.search == "grid" else of_search
    return (
        f"{len(cells)} cells on `{setup.store.dataset}` ({setup.base.image_size_px} px, up to {setup.max_epochs} "
        f"epochs): a search of {search} ({in_words(setup.search, setup.searcher)}), then {setup.num_repeats} repeats "
        f"of the best configuration, chosen by {setup.base.selection_metric} on the validation images."
        + "".join(f" {line[0].upper()}{line[1:]}." for line in setup.redraw_lines)
        + "\n"
        + "\n".join(lines)
    )


def _fitted(tables: str, max_chars: int) -> str:
    """The tables as a block of code, without their last lines where these would not fit."""
    lines = tables.splitlines()
    while lines and len("\n".join(lines)) + len(CUT) > max_chars:
        lines.pop()
    return "\n".join(["```", *lines, *([CUT] if len(lines) < len(tables.splitlines()) else []), "```"])
