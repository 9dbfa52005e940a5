"""What may stand in a table and what is left out, with the reason, from a real MLflow store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import analysis.runs
from analysis.reading import trials
from analysis.reading.mlflow_frames import run_frame
from analysis.reading.record_form import RECORD_VERSION
from analysis.reading.trials import Runs, runs
from trainables.trial import RECIPE_VERSION

ROOT = Path(__file__).parents[3]


def reasons(recorded: Runs) -> dict[str, str]:
    return dict(zip(recorded.left_out["run_id"], recorded.left_out["reason"], strict=True))


def test_columns_and_types(store: Any) -> None:
    parent = store.sweep()
    search = store.trial(parent, phase="search", curve={"val_auc": [0.6, 0.8, 0.7], "best_score": [0.6, 0.8, 0.8]})
    confirm = store.trial(parent, metrics={"test_auc": 0.75}, method="attention", teacher="imagenet", beta=30.0)
    recorded = runs(store.uri, "retina")
    assert recorded.data == "real"
    assert (recorded.search["run_id"].tolist(), recorded.confirm["run_id"].tolist()) == ([search], [confirm])
    row = recorded.confirm.iloc[0]
    assert row["tags.cell"] == "attention/imagenet/densenet121/all"
    assert (row["params.beta"], row["params.seed"], row["metrics.test_auc"]) == (30.0, 0, 0.75)
    first = recorded.search.iloc[0]
    assert first["params.beta"] != first["params.beta"]  # no teacher, no beta
    assert (first["metrics.val_auc"], first["metrics.best_score"]) == (0.7, 0.8)  # the last one, and the best one
    assert recorded.sweeps["run_id"].tolist() == [parent]
    assert recorded.left_out.empty


def test_unfinished_failed_and_foreign_runs_are_told_apart(store: Any) -> None:
    parent = store.sweep()
    kept = store.trial(parent, metrics={"test_auc": 0.7})
    running = store.trial(parent, seed=1, status="RUNNING")
    failed = store.trial(parent, seed=2, status="FAILED")
    killed = store.trial(parent, seed=3, status="KILLED")
    foreign = store.client.create_run(store.client.get_run(parent).info.experiment_id).info.run_id
    teacher = store.trial(parent, phase="pretrain")
    recorded = runs(store.uri, "retina")
    assert recorded.trials["run_id"].tolist() == [kept]
    assert reasons(recorded) == {
        running: "unfinished",
        failed: "failed",
        killed: "stopped by hand",
        foreign: "not a trial of a sweep: it has no tags.cell",
        teacher: "a teacher's own training",
    }


def test_deleted_runs_are_gone(store: Any) -> None:
    parent = store.sweep()
    store.client.delete_run(store.trial(parent))
    assert runs(store.uri, "retina").trials.empty


def test_real_data_go_before_phantom_ones_even_when_older(store: Any) -> None:
    real = store.trial(store.sweep(name="real one"))
    phantom = store.trial(store.sweep(name="phantom one", data="phantom"), data_fingerprint="data-p")
    recorded = runs(store.uri, "retina")
    assert (recorded.data, recorded.trials["run_id"].tolist()) == ("real", [real])
    assert reasons(recorded) == {phantom: "another setup: tags.data phantom, not real"}
    asked = runs(store.uri, "retina", "phantom one")
    assert (asked.data, asked.trials["run_id"].tolist()) == ("phantom", [phantom])


def test_another_recipe_data_length_or_precision_is_never_in_one_table(store: Any) -> None:
    parent = store.sweep()
    old = store.trial(parent, tags={"recipe": "0"})
    short = store.trial(parent, max_epochs=4)
    other = store.trial(parent, data_fingerprint="data-b")
    rounded = store.trial(parent, precision="bfloat16")
    compiled = store.trial(parent, compiled=True)
    kept = store.trial(parent)
    recorded = runs(store.uri, "retina")
    assert recorded.trials["run_id"].tolist() == [kept]
    assert reasons(recorded) == {
        old: f"another setup: tags.recipe 0, not {RECIPE_VERSION}",
        short: "another setup: params.max_epochs 4, not 128",
        other: "another setup: tags.data_fingerprint data-b, not data-a",
        rounded: "another setup: params.precision bfloat16, not float32",
        compiled: "another setup: params.compiled True, not False",
    }


@pytest.mark.parametrize("tags", [{"record": "1"}, {"record": ""}], ids=["older", "empty"])
def test_runs_recorded_in_another_form_are_left_out_and_refused_where_there_are_no_others(
    store: Any, tags: dict[str, str]
) -> None:
    old = store.trial(store.sweep(name="old"), tags=tags)
    with pytest.raises(ValueError, match=f"retina must be recorded in form {RECORD_VERSION} to be read, but are in"):
        runs(store.uri, "retina")
    kept = store.trial(store.sweep(name="new"), seed=1)
    recorded = runs(store.uri, "retina")
    assert recorded.trials["run_id"].tolist() == [kept]
    assert reasons(recorded) == {old: f"recorded in another form than {RECORD_VERSION}: {tags['record']}"}
    with pytest.raises(ValueError, match="the version of the code that made them"):
        runs(store.uri, "retina", "old")


def test_a_run_without_a_form_is_of_the_first_one(store: Any) -> None:
    store.client.delete_tag(store.trial(store.sweep()), "record")
    with pytest.raises(ValueError, match="but are in form 1 or unknown"):
        runs(store.uri, "retina")


def test_runs_judged_by_another_rule_or_metric_are_never_in_one_table(store: Any) -> None:
    parent = store.sweep()
    by_the_paper = store.trial(parent, average_labels="defined")
    accurate = store.trial(parent, selection_metric="accuracy")
    kept = store.trial(parent)
    recorded = runs(store.uri, "retina")
    assert recorded.trials["run_id"].tolist() == [kept]
    assert reasons(recorded) == {
        by_the_paper: "another setup: params.average_labels defined, not frequent",
        accurate: "another setup: params.selection_metric accuracy, not auc",
    }


def test_two_sweeps_of_one_setup_are_joined_and_a_shared_trial_counts_once(store: Any) -> None:
    first = store.trial(store.sweep(name="a"))
    parent = store.sweep(name="b")
    again = store.trial(parent)
    more = store.trial(parent, student="densenet40")
    recorded = runs(store.uri, "retina")
    assert recorded.trials["run_id"].tolist() == [again, more]
    assert reasons(recorded) == {first: "an older run of a trial that ran again"}


def test_repeats_of_a_replaced_configuration_are_left_out(store: Any) -> None:
    parent = store.sweep()
    cell = {"method": "attention", "teacher": "imagenet"}
    old = store.repeats(parent, "test_auc", [0.6, 0.6], beta=5.0, **cell)
    new = store.repeats(parent, "test_auc", [0.8, 0.9], beta=70.0, **cell)
    other = store.repeats(parent, "test_auc", [0.7], student="densenet40")
    recorded = runs(store.uri, "retina")
    assert recorded.confirm["run_id"].tolist() == [*new, *other]
    assert set(reasons(recorded)) == set(old)
    assert set(reasons(recorded).values()) == {"a configuration that a later search has replaced"}


def test_another_teacher_of_the_same_name_is_another_configuration(store: Any) -> None:
    parent = store.sweep()
    cell = {"method": "attention", "teacher": "imagenet", "beta": 5.0}
    old = store.trial(parent, tags={"teacher_fingerprint": "old", "trial": "x"}, **cell)
    new = store.trial(parent, tags={"teacher_fingerprint": "new", "trial": "y"}, seed=1, **cell)
    recorded = runs(store.uri, "retina")
    assert recorded.trials["run_id"].tolist() == [new]
    assert list(reasons(recorded)) == [old]


def test_a_store_without_the_data_set_is_empty(store: Any) -> None:
    recorded = runs(store.uri, "retina")
    assert recorded.trials.empty and recorded.left_out.empty and recorded.data == ""
    assert recorded.search.empty and recorded.confirm.empty


def test_a_sweep_with_an_apostrophe(store: Any) -> None:
    kept = store.trial(store.sweep(name="John's"))
    assert runs(store.uri, "retina", "John's").trials["run_id"].tolist() == [kept]


def test_unknown_sweep(store: Any) -> None:
    store.sweep()
    with pytest.raises(LookupError, match="'nowhere'"):
        runs(store.uri, "retina", "nowhere")


def test_absent_file_is_an_error_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"typo\.db"):
        runs(f"sqlite:///{tmp_path / 'typo.db'}", "retina")
    assert not (tmp_path / "typo.db").exists()


@pytest.mark.slow
def test_command_lists_what_was_left_out(store: Any) -> None:
    parent = store.sweep()
    store.trial(parent)
    failed = store.trial(parent, seed=1, status="FAILED")
    command = [sys.executable, "-m", "analysis.runs", "retina"]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": store.uri}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert "0 trials of the search, 1 confirming repeats\ndata: real; phantoms: none; left out: 1\n" in done.stdout
    assert failed in done.stdout and "failed" in done.stdout


def test_command_without_a_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert analysis.runs.main(["retina", "--tracking-uri", f"sqlite:///{tmp_path}/none.db"]) == 2
    assert f"{tmp_path}/none.db" in capsys.readouterr().err


def test_a_sweep_with_a_finding_held_out_is_read_by_its_name_alone(store: Any) -> None:
    ordinary = store.trial(store.sweep(), metrics={"test_auc": 0.7})
    held = store.sweep(name="second")
    without = store.trial(held, metrics={"test_auc": 0.9}, tags={"held_out": "Edema"}, data_fingerprint="data-b")
    recorded = runs(store.uri, "retina")
    assert recorded.confirm["run_id"].tolist() == [ordinary]  # though the other is newer
    assert reasons(recorded) == {without: "held out of training: Edema (--sweep second asks for these)"}
    assert runs(store.uri, "retina", "second").confirm["run_id"].tolist() == [without]


def test_a_trial_from_before_a_knob_was_declared_has_its_default(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = store.sweep()
    before, after = store.trial(parent), store.trial(parent, seed=1)
    other = store.trial(store.sweep(name="other"), seed=2, schedule="cosine")
    frame = run_frame(store.uri, "retina", None)
    frame.loc[frame["run_id"] == before, "params.schedule"] = None
    monkeypatch.setattr(
        trials, "run_frame", lambda uri, name, sweep: frame[frame["tags.sweep"].eq(sweep or frame["tags.sweep"])]
    )
    kept = runs(store.uri, "retina", "first").trials
    assert kept.set_index("run_id").loc[[before, after], "params.schedule"].tolist() == ["halving", "halving"]
    assert reasons(runs(store.uri, "retina"))[before] == "another setup: params.schedule halving, not cosine"
    assert other in runs(store.uri, "retina").trials["run_id"].tolist()


def test_the_images_of_a_table_are_its_sweeps_own_whatever_a_cell_varies(store: Any) -> None:
    parent = store.sweep()
    own = json.dumps({"image_size_px": 256, "data_fingerprint": "data-a"})
    store.trial(parent, image_size_px=64, data_fingerprint="data-64", tags={"sweep_setup": own})
    store.trial(parent, seed=1)
    recorded = runs(store.uri, "retina")
    assert (recorded.image_size_px, recorded.data_fingerprint) == (256, "data-a")
