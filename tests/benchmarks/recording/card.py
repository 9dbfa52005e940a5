"""The card beside the recording: what was run, on what, what is held out, and whether beta matters in it."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from math import isnan, nan
from typing import Any

import pandas as pd

from tests.benchmarks.recording.design import DESIGNS, HELD_OUT, Setting, in_order
from tests.benchmarks.recording.landscape import KEYS, RATIO, SHARE, is_met, landscape
from tests.benchmarks.recording.pieces import OF_A_CURVE
from trainables.meter import hardware
from trainables.trial import RECIPE_VERSION

PACKAGES = ("numpy", "optuna", "ray", "scikit-learn", "scipy", "torch")


def facts_of_run(command: str) -> dict[str, Any]:
    """What is true of this machine and this command, today."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{hardware()}, {os.cpu_count()} cores",
        "versions": {
            "Python": sys.version.split()[0],
            **{name: importlib.metadata.version(name) for name in PACKAGES},
        },
        "recipe": RECIPE_VERSION,
        "command": command,
    }


def card(curves: pd.DataFrame, facts: Mapping[str, Any], settings: Mapping[str, Setting]) -> str:
    """The card in Markdown; every figure is computed from the curves and from `facts`, which are kept with them."""
    num_curves = len(curves[OF_A_CURVE].drop_duplicates())
    planned = sum(1 for _ in in_order(settings))
    parts = [
        "# Recorded curves",
        f"{num_curves} curves of the {planned} that the design has, a row per epoch in `curves.parquet`: full-length "
        "trainings by the loop of a sweep's trials. They stand in for live trainings when searches are compared. "
        "`tests/benchmarks/recording/` declares all of it; this page is written by the command.",
        _runs(facts["runs"]),
        "## Settings\n\n" + _settings(curves, facts["settings"]),
        "## Design\n\n" + _design(curves, settings),
        "## Does beta matter?\n\n" + _landscape(curves),
    ]
    if facts["failures"]:
        lines = [f"- {each['setting']}, {each['cell']}: {each['failure']}" for each in facts["failures"]]
        parts.append("## Trainings that failed, and have no curve\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown; columns whose head begins with a blank are numbers."""
    line = ["---:" if name.startswith(" ") else "---" for name in head]
    return "\n".join(f"| {' | '.join(map(str.strip, cells))} |" for cells in (head, line, *rows))


def _runs(runs: list[dict[str, Any]]) -> str:
    last = runs[-1]
    versions = ", ".join(f"{name} {version}" for name, version in last["versions"].items())
    rows = [[run["date"], run["machine"], f"`{run['command']}`", str(run["num_curves"])] for run in runs]
    return f"Versions (of the last call): {versions}; recipe {last['recipe']}.\n\n" + table(
        ["date", "machine", "command", " curves"], rows
    )


def _settings(curves: pd.DataFrame, settings: Mapping[str, Any]) -> str:
    by_setting = curves.groupby("setting")["seconds"]
    seconds = by_setting.mean()
    rows, teachers = [], []
    for name, each in settings.items():
        counts, knobs = each["counts"], each["knobs"]
        numbers = [counts["students"], counts["train"], counts["validation"], counts["test"]]
        numbers += [knobs["image_size_px"], knobs["max_epochs"], knobs["batch_size"], f"{seconds.get(name, nan):.2f}"]
        rows.append([name, each["images"], *map(str, numbers)])
        for teacher, facts in each["teachers"].items():
            scores = " / ".join(f"{100 * facts['scores'].get(f'{split}_auc', nan):.1f}" for split in ("val", "test"))
            teachers.append(
                [name, teacher, facts["architecture"], f"`{facts['fingerprint']}`", facts["source"], scores]
            )
    head = ["setting", "images", " seen by students", " by its own teacher", " validation", " test", " px", " epochs"]
    return "\n\n".join(
        [
            table([*head, " batch", " s an epoch"], rows),
            "Seconds are of a busy core, for training and validation. Scores are AUCs.",
            table(
                ["setting", "teacher or first weights", "network", "fingerprint", "from", " val. / test AUC"], teachers
            ),
        ]
    )


def _design(curves: pd.DataFrame, settings: Mapping[str, Setting]) -> str:
    counts = curves.drop_duplicates(OF_A_CURVE).groupby([*KEYS, "design"], sort=False).size()
    rows = []
    for setting in settings.values():
        for cell in setting.cells:
            numbers = [str(counts.get((setting.name, cell, design), 0)) for design in DESIGNS]
            rows.append([setting.name, f"`{cell}`", *numbers, "held out" if (setting.name, cell) in HELD_OUT else ""])
    return (
        "Grid: the paper's, each beta at the first learning rate and without weight decay. Fill: a scrambled Sobol "
        "sequence over the ranges of the cell. Repeat: points of the grid with further seeds. Repeated fill: those "
        "with the lowest and the highest learning rate, with further seeds. The cells that are "
        "held out are for the last comparison only: no choice may be tuned on them.\n\n"
        + table(["setting", "cell", *(f" {design}" for design in DESIGNS), ""], rows)
    )


def _landscape(curves: pd.DataFrame) -> str:
    contrasts = landscape(curves)
    if contrasts.empty:
        return "No cell with a teacher has been recorded yet."
    rows = [
        [
            each["setting"],
            f"`{each['cell']}`",
            each["summary"],
            _shown(each["best_beta"]),
            _shown(each["worst_beta"]),
            _shown(100 * each["grid_difference"], ".1f"),
            _shown(each["better_beta"]),
            _shown(each["worse_beta"]),
            _shown(100 * each["difference"], ".1f"),
            _shown(100 * each["seed_sd"], ".1f"),
            str(each["num_seeds"]),
            _shown(each["ratio"], ".1f"),
            "-" if isnan(each["difference"]) else "yes" if each["is_interesting"] else "no",
        ]
        for each in contrasts.to_dict("records")
    ]
    return "\n\n".join(
        [
            "Validation scores in points of AUC. The best and the worst of the grid are single trainings, and would be "
            "3.3 standard deviations apart on average if all its points were equal. So the verdict rests on the points "
            "that were trained with several seeds: the better and the worse mean among them.",
            table(
                [
                    "setting",
                    "cell",
                    "score of",
                    " best beta",
                    " worst beta",
                    " apart",
                    " better mean at",
                    " worse mean at",
                    " apart",
                    " SD of the seed",
                    " seeds",
                    " ratio",
                    f"{RATIO:g} SD apart",
                ],
                rows,
            ),
            _verdict(contrasts),
        ]
    )


def _verdict(contrasts: pd.DataFrame) -> str:
    """Whether enough cells are interesting; open while some have no repeats."""
    by_cell = contrasts.groupby(KEYS)["is_interesting"].any()
    num_repeated = int(contrasts.groupby(KEYS)["difference"].first().count())
    judged = f"{by_cell.sum()} of {num_repeated} cells with a teacher and with repeats" if num_repeated else "no cell"
    verdict = "met" if is_met(contrasts) else "not met"
    if num_repeated < len(by_cell):
        verdict = f"open, since {len(by_cell) - num_repeated} cells have no repeats yet"
    return (
        f"By the last or the best epoch, {judged} have means at least {RATIO:g} standard deviations apart (at least "
        f"{SHARE:.0%} of all {len(by_cell)} were asked for): {verdict}."
    )


def _shown(value: float, form: str = "g") -> str:
    return "-" if isnan(value) else f"{value:{form}}"
