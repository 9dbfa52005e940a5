"""Which runs a table must leave out, and why: rules in order, each for the runs that the earlier ones have kept."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from analysis.reading.record_form import RECORD_VERSION, UNKNOWN_FORM
from analysis.reading.repeats import OF_A_REPEAT
from analysis.reading.sweep_setup import own_setup
from trainables.config import TrialConfig
from trainables.knob import RUN, SETUP, knobs

OF_THE_SETUP = [
    "tags.data",
    "tags.recipe",
    "tags.data_fingerprint",
    "tags.split_fingerprint",
    *(f"params.{knob.name}" for knob in knobs(TrialConfig, SETUP)),
]
NUM_FOLDS = "params.num_folds"  # of the setup, too: means over folds and over repeats are never one row
# What may differ between the repeats of one configuration.
NOT_OF_THE_CONFIGURATION = {f"params.{knob.name}" for knob in knobs(TrialConfig, RUN)} | OF_A_REPEAT
OTHER_FORM = f"recorded in another form than {RECORD_VERSION}: "
REQUIRED = ["tags.cell", "tags.phase", "tags.trial", *OF_THE_SETUP]


def reasons(trials: pd.DataFrame, sweep: str | None) -> pd.Series:
    """Why each run is left out of the table; "" where it is kept. A rule sees only what earlier rules have kept."""
    reason = pd.Series("", index=trials.index)
    rules: list[Callable[[pd.DataFrame], pd.Series]] = [_not_a_cell, _other_form, _not_finished]
    rules += [*([_held_out] if sweep is None else []), _other_setup, _older_run, _phantom_beside_real, _older_choice]
    for rule in rules:
        left = trials[reason == ""]
        if len(left):
            reason.loc[left.index] = rule(left)
    return reason


def _not_a_cell(trials: pd.DataFrame) -> pd.Series:
    reason = pd.Series("", index=trials.index)
    reason[trials["tags.phase"] == "pretrain"] = "a teacher's own training"
    lacking = trials[REQUIRED].isna()
    first = lacking.idxmax(axis=1)
    return reason.mask(lacking.any(axis=1) & (reason == ""), "not a trial of a sweep: it has no " + first)


def _other_form(trials: pd.DataFrame) -> pd.Series:
    """Runs that were recorded in another way, whose metrics have other names."""
    form = trials["tags.record"].fillna(UNKNOWN_FORM)
    return (OTHER_FORM + form).where(form != str(RECORD_VERSION), "")


def _not_finished(trials: pd.DataFrame) -> pd.Series:
    words = {"RUNNING": "unfinished", "SCHEDULED": "unfinished", "FAILED": "failed", "KILLED": "stopped by hand"}
    return trials["status"].map(lambda status: "" if status == "FINISHED" else words.get(status, status))


def _held_out(trials: pd.DataFrame) -> pd.Series:
    """A sweep that held a finding out answers another question: it is only read alone, by its name."""
    finding = trials.get("tags.held_out", pd.Series("", index=trials.index)).fillna("")
    reason = "held out of training: " + finding + " (--sweep " + trials["tags.sweep"] + " asks for these)"
    return reason.where(finding != "", "")


def _other_setup(trials: pd.DataFrame) -> pd.Series:
    """Real data take precedence over phantoms, then the newest run's setup over others.

    What counts is the setup of a trial's sweep: its cell may change a knob of it, and a repeat may draw another split.
    """
    setup = own_setup(trials, [*OF_THE_SETUP, NUM_FOLDS]).fillna({NUM_FOLDS: 0})
    real = setup[setup["tags.data"] == "real"]
    chosen = (real if len(real) else setup).iloc[-1]
    reason = pd.Series("", index=trials.index)
    for name in reversed(setup.columns):
        here = chosen[name]
        is_other = setup[name] != here
        if is_other.any():
            values = setup.loc[is_other, name].map(_short)
            reason[is_other] = f"another setup: {name} " + values + f", not {_short(here)}"
    return reason


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _older_run(trials: pd.DataFrame) -> pd.Series:
    """A trial is in the table once, from its newest run."""
    is_old = trials.duplicated(["tags.trial", "tags.phase"], keep="last")
    return is_old.map({True: "an older run of a trial that ran again", False: ""})


def _phantom_beside_real(trials: pd.DataFrame) -> pd.Series:
    """Trials of a cell that rest on a phantom teacher or phantom first weights, where others of its phase do not."""
    is_phantom = trials["phantom"].ne("")
    has_real = (~is_phantom).groupby([trials["tags.cell"], trials["tags.phase"]]).transform("any")
    reason = "rests on a phantom (" + trials["phantom"] + "), and other trials of its cell do not"
    return reason.where(is_phantom & has_real, "")


def _older_choice(trials: pd.DataFrame) -> pd.Series:
    """Repeats of a configuration that a later search has replaced; each fold has a search of its own."""
    names = [name for name in trials if name.startswith("params.") and name not in NOT_OF_THE_CONFIGURATION]
    names += [name for name in ("tags.teacher_fingerprint", "tags.init_fingerprint") if name in trials]
    confirm = trials[trials["tags.phase"] == "confirm"]
    configuration = confirm.groupby(names, dropna=False).ngroup()
    fold = confirm.reindex(columns=["params.fold"])["params.fold"].fillna(0)
    newest = configuration.groupby([confirm["tags.cell"], fold]).transform("last")
    reason = pd.Series("", index=trials.index)
    reason[confirm.index[configuration != newest]] = "a configuration that a later search has replaced"
    return reason
