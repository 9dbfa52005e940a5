"""From MLflow to a frame: one row per trial, and beside it every run that was left out, with the reason.

Columns are named as `mlflow.search_runs` names them (``tags.cell``, ``params.beta``, ``metrics.test_auc``); ``phantom``
says which parts of a trial are phantoms (`analysis.reading.origins`), ``openings`` how often its cell has opened the
test set (`analysis.reading.openings`), and `analysis.reading.repeats` adds what a repeat drew anew. Within one `Runs`
all trials share one *setup*: phantom or real images, data, split, recipe version and every knob with that role, as
their sweep has them. Trials that differ are left out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pandas as pd

from analysis.reading import origins
from analysis.reading.left_out import OTHER_FORM, REQUIRED, reasons
from analysis.reading.mlflow_frames import run_frame
from analysis.reading.openings import openings
from analysis.reading.record_form import RECORD_VERSION
from analysis.reading.repeats import Design, design_of, with_parts, without_whole
from analysis.reading.sweep_setup import own_setup
from analysis.reading.tracking_uri import require_store, without_password
from trainables.cell import ITSELF
from trainables.config import TrialConfig
from trainables.knob import SETUP, knobs


@dataclass(frozen=True, kw_only=True)
class Runs:
    """The trials of one data set that may stand in one table."""

    dataset: str
    tracking_uri: str
    trials: pd.DataFrame  # finished trials of one setup, one row each
    sweeps: pd.DataFrame  # the parent runs of `trials`
    left_out: pd.DataFrame  # run_id, sweep, phase, cell, status, reason

    @property
    def search(self) -> pd.DataFrame:
        """The trials of the search: scores on the validation set only."""
        return self.trials[self.trials["tags.phase"] == "search"]

    @property
    def confirm(self) -> pd.DataFrame:
        """The repeats of each cell's best configuration, with all that repeats draw anew: scores on the test set."""
        return self.trials[(self.trials["tags.phase"] == "confirm") & ~self._is_component]

    @property
    def components(self) -> pd.DataFrame:
        """Repeats that draw only some of the sources anew: they show what one source contributes, and are no score."""
        return self.trials[(self.trials["tags.phase"] == "confirm") & self._is_component]

    @property
    def _is_component(self) -> pd.Series:
        return self.trials.reindex(columns=["is_component"])["is_component"].eq(True)

    @property
    def design(self) -> Design:
        """What the repeats of `confirm` draw anew."""
        return design_of(self.confirm)

    @property
    def trained(self) -> pd.DataFrame:
        """`confirm` without the controls in which nothing was trained: they have no curve and no student."""
        return self.confirm[self.confirm["params.method"] != ITSELF]

    @property
    def data(self) -> str:
        """The images that the trials rest on: "phantom" or "real"; "" where there is no trial."""
        return str(self.trials["tags.data"].iloc[0]) if len(self.trials) else ""

    @property
    def data_fingerprint(self) -> str:
        """Of the prepared images, with the split that the sweep began from; "" where there is no trial."""
        return self._setup("tags.data_fingerprint")

    @property
    def image_size_px(self) -> int:
        """Of the prepared images; a cell may have others.

        Raises:
            ValueError: there is no trial.
        """
        return int(float(self._setup("params.image_size_px")))

    @property
    def split_fingerprint(self) -> str:
        """Of the split that the sweep began from; repeats may draw others. "" where there is no trial."""
        return self._setup("tags.split_fingerprint")

    @property
    def num_labels(self) -> int:
        """How many outputs the students have; 0 where no sweep says."""
        texts = self.sweeps.reindex(columns=["tags.label_names"])["tags.label_names"].dropna().tolist()
        return len(json.loads(texts[-1])) if texts else 0

    def _setup(self, name: str) -> str:
        return str(own_setup(self.trials, [name])[name].iloc[0]) if len(self.trials) else ""

    @property
    def phantom(self) -> str:
        """Which parts of any trial are phantoms (`analysis.reading.origins`); "" where none is."""
        return origins.union(self.trials["phantom"])


def runs(tracking_uri: str, dataset: str, sweep: str | None = None) -> Runs:
    """Reads the trials of `dataset`, either all of them or those of one sweep.

    Sweeps with a finding held out of training are left out, unless `sweep` names one.
    Where a store holds several setups, real data take precedence over phantoms, then the newest setup over others.
    Within a cell, only the repeats of the newest configuration are kept.

    Raises:
        FileNotFoundError, ValueError: as `analysis.reading.tracking_uri.require_store` says.
        ValueError: every run was recorded in another form than the present one (`analysis.reading.record_form`).
        LookupError: the store has no such sweep.
    """
    recorded = runs_of_any_form(tracking_uri, dataset, sweep)
    if why := refusal(recorded):
        raise ValueError(why)
    return recorded


def runs_of_any_form(tracking_uri: str, dataset: str, sweep: str | None = None) -> Runs:
    """As `runs`, but without a trial where every run was recorded in another form; `refusal` then says so.

    Raises:
        FileNotFoundError, ValueError: as `analysis.reading.tracking_uri.require_store` says.
        LookupError: the store has no such sweep.
    """
    require_store(tracking_uri)
    frame = _typed(run_frame(tracking_uri, dataset, sweep))
    if sweep is not None and frame.empty:
        raise LookupError(f"no sweep named {sweep!r} for the data set {dataset!r} in {without_password(tracking_uri)}")
    is_parent = frame["tags.kind"] == "sweep"
    trials = frame[~is_parent].sort_values(["start_time", "run_id"], ignore_index=True)
    trials = trials.assign(phantom=origins.phantom_parts(trials))
    reason = reasons(trials, sweep)
    trials = trials.assign(openings=openings(trials, reason))
    kept = trials[reason == ""]
    parents = frame[is_parent & frame["run_id"].isin(set(kept["tags.mlflow.parentRunId"]))]
    parents = parents.sort_values(["start_time", "run_id"], ignore_index=True)
    kept = with_parts(kept, parents)
    reason = reason.mask(reason == "", without_whole(kept, parents))
    kept = kept[reason[kept.index] == ""].reset_index(drop=True)
    left_out = trials[["run_id", "tags.sweep", "tags.phase", "tags.cell", "status"]].assign(reason=reason)
    return Runs(
        dataset=dataset,
        tracking_uri=tracking_uri,
        trials=kept,
        sweeps=parents,
        left_out=left_out[reason != ""].rename(columns=lambda name: name.removeprefix("tags.")).reset_index(drop=True),
    )


def refusal(recorded: Runs) -> str:
    """Why no run can be read, where every one was recorded in another form, and what to do; "" elsewhere."""
    reason = recorded.left_out["reason"]
    is_other = reason.str.startswith(OTHER_FORM)
    if len(recorded.trials) or not len(reason) or not is_other.any():
        return ""
    form = reason[is_other].iloc[0].removeprefix(OTHER_FORM)
    return (
        f"the runs of {recorded.dataset} must be recorded in form {RECORD_VERSION} to be read, but are in form {form}; "
        "use the version of the code that made them (their tag `version`), or run the sweep again"
    )


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """With every column that is read later, and numbers where a parameter is a number in all runs.

    A trial from before a knob was declared has the knob's default: that is what was done without it.
    """
    needed = ["run_id", "status", "start_time", "tags.kind", "tags.sweep", "tags.mlflow.parentRunId", "params.method"]
    needed += ["tags.record"]
    needed += REQUIRED
    frame = frame.reindex(columns=list(dict.fromkeys([*frame.columns, *needed])))
    is_trial = frame["tags.kind"] == "trial"
    for knob in knobs(TrialConfig, SETUP):
        column = frame[f"params.{knob.name}"]
        frame[f"params.{knob.name}"] = column.mask(is_trial & column.isna(), str(knob.default))
    for name in frame.columns[frame.columns.str.startswith("params.")]:
        frame[name] = _numbers_where_all_are(frame[name].replace("None", None))
    return frame


def _numbers_where_all_are(column: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers if numbers.notna().equals(column.notna()) else column
