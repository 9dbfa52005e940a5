"""A search's studies as Optuna opens them: through its own interface, and through optuna-dashboard's pages."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState

from analysis import optuna_export
from analysis.reading.origins import PHANTOM_NOTICE
from tests.recorded_search import ATTENTION, BASE, START_MS, TRANSFER, Sweep, sweep_in


@pytest.fixture
def sweep(tmp_path: Path, empty_mlflow: Path) -> Sweep:
    """Two cells; of the second's trials one was stopped, one failed, one still runs, and a repeat is no trial of it."""
    made = sweep_in(tmp_path, empty_mlflow)
    made.trial(TRANSFER, 1, [0.25, 0.5, 0.375], learning_rate=2e-4)  # the later number began first
    made.trial(TRANSFER, 0, [0.5, 0.625, 0.75], learning_rate=5e-4)
    made.trial(ATTENTION, 0, [0.125, 0.25, 0.5], beta=60.0)
    made.trial(ATTENTION, 1, [0.25], beta=30.0, stopped="pasha")
    made.trial(ATTENTION, 2, [], beta=10.0, status="FAILED")
    made.trial(ATTENTION, 3, [0.5], beta=20.0, status="RUNNING")
    made.trial(ATTENTION, 1, [0.5, 0.5, 0.5], beta=60.0, phase="confirm", seed=1)
    return made


def export(sweep: Sweep, *flags: str) -> tuple[int, str]:
    to = f"sqlite:///{sweep.folder / 'studies.db'}"
    return optuna_export.main(["--tracking-uri", sweep.uri, "--to", to, *flags]), to


def test_studies_have_the_searchs_ranges_trials_states_and_attributes(sweep: Sweep) -> None:
    _, to = export(sweep, "retina")
    assert optuna.get_all_study_names(to) == [f"first/{TRANSFER}", f"first/{ATTENTION}"]
    study = optuna.load_study(study_name=f"first/{ATTENTION}", storage=to)
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    assert study.metric_names == ["val_kappa"]
    assert {"sweep": "first", "dataset": "retina", "notice": PHANTOM_NOTICE}.items() <= study.user_attrs.items()
    done, pruned, failed = study.trials
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]
    assert done.params == {"beta": 60.0, "learning_rate": BASE.learning_rate, "weight_decay": BASE.weight_decay}
    assert done.distributions["learning_rate"] == FloatDistribution(1e-4, 2e-3, log=True)
    assert done.distributions["beta"] == FloatDistribution(1.0, 2000.0, log=True)
    assert (done.value, done.intermediate_values) == (0.5, {1: 0.125, 2: 0.25, 3: 0.5})
    assert (pruned.value, pruned.intermediate_values) == (0.25, {1: 0.25})
    assert failed.user_attrs["error"] == "the loss must be finite"
    tags = sweep.ledger.client.get_run(done.user_attrs["mlflow_run"]).data.tags
    assert done.user_attrs["trial"] == tags["trial"]
    assert (done.user_attrs["cell"], done.user_attrs["sweep"]) == (ATTENTION.name, "first")
    assert done.datetime_start == datetime.fromtimestamp(START_MS / 1000 + 3)
    assert done.duration is not None and done.duration.total_seconds() == pytest.approx(0.3)


def test_trials_are_in_the_order_in_which_the_search_asked_for_them(sweep: Sweep) -> None:
    _, to = export(sweep)
    study = optuna.load_study(study_name=f"first/{TRANSFER}", storage=to)
    assert [trial.user_attrs["number"] for trial in study.trials] == ["0", "1"]
    assert study.best_trial.number == 0 and study.best_value == 0.75
    assert "beta" not in study.best_params


def test_what_is_printed_counts_the_trials(sweep: Sweep, capsys: pytest.CaptureFixture[str]) -> None:
    to = export(sweep, "retina", "--sweep", "first")[1]
    assert capsys.readouterr().out.splitlines() == [
        f"first/{TRANSFER}: 2 complete",
        f"first/{ATTENTION}: 1 complete, 1 pruned, 1 failed, 1 unfinished and left out",
        f"Look at them: optuna-dashboard {to}",
    ]


def test_exported_again_a_study_takes_the_place_of_the_first_and_others_stay(sweep: Sweep) -> None:
    _, to = export(sweep)
    optuna.create_study(study_name="my own", storage=to)
    sweep.trial(TRANSFER, 2, [0.875], learning_rate=1e-3)
    assert export(sweep)[0] == 0
    assert sorted(optuna.get_all_study_names(to)) == sorted(["my own", f"first/{TRANSFER}", f"first/{ATTENTION}"])
    trials = optuna.load_study(study_name=f"first/{TRANSFER}", storage=to).trials
    assert [trial.value for trial in trials] == [0.75, 0.5, 0.875]


def test_a_study_of_somebody_else_is_never_replaced(sweep: Sweep, capsys: pytest.CaptureFixture[str]) -> None:
    to = f"sqlite:///{sweep.folder / 'studies.db'}"
    optuna.create_study(study_name=f"first/{TRANSFER}", storage=to).set_user_attr("mine", 1)
    assert export(sweep)[0] == 2
    assert "must have no other study called first/transfer" in capsys.readouterr().err
    assert optuna.load_study(study_name=f"first/{TRANSFER}", storage=to).user_attrs == {"mine": 1}


def test_a_joint_search_is_one_study_whose_parameters_are_the_dimensions_of_the_cells(
    tmp_path: Path, empty_mlflow: Path
) -> None:
    sweep = sweep_in(tmp_path, empty_mlflow, search="joint")
    sweep.trial(TRANSFER, 0, [0.5], study="joint")
    sweep.trial(ATTENTION, 1, [0.75], study="joint", beta=60.0)
    _, to = export(sweep)
    study = optuna.load_study(study_name="first/joint", storage=to)
    assert study.best_params["method"] == "attention" and study.best_trial.user_attrs["cell"] == ATTENTION.name
    methods = CategoricalDistribution(["attention", "transfer"])
    assert [trial.distributions["method"] for trial in study.trials] == [methods, methods]
    assert ["beta" in trial.params for trial in study.trials] == [False, True]


def test_a_grids_points_beyond_the_range_widen_it(tmp_path: Path, empty_mlflow: Path) -> None:
    sweep = sweep_in(tmp_path, empty_mlflow, search="grid")
    for number, rate in enumerate((1e-5, 5e-4)):
        sweep.trial(TRANSFER, number, [0.5], learning_rate=rate, weight_decay=0.0)
    _, to = export(sweep)
    first = optuna.load_study(study_name=f"first/{TRANSFER}", storage=to).trials[0]
    assert first.distributions["learning_rate"] == FloatDistribution(1e-5, 2e-3, log=True)
    assert first.distributions["weight_decay"] == FloatDistribution(0.0, 1e-2)


@pytest.fixture
def studied(tmp_path: Path, empty_mlflow: Path) -> str:
    """The storage of one study of eight trials, whose score depends on the learning rate alone."""
    sweep = sweep_in(tmp_path, empty_mlflow)
    for number in range(8):
        values: dict[str, Any] = {"learning_rate": 1e-4 * (1 + number), "weight_decay": 1e-5 * (1 + (5 * number) % 8)}
        sweep.trial(TRANSFER, number, [0.1 * number, 0.11 * number], **values)
    return export(sweep)[1]


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_optunas_own_importance_and_figures_open_a_study(studied: str) -> None:
    study = optuna.load_study(study_name=f"first/{TRANSFER}", storage=studied)
    importance = optuna.importance.get_param_importances(study)
    assert importance["learning_rate"] > importance["weight_decay"]
    figures = optuna.visualization.matplotlib
    assert np.shape(figures.plot_optimization_history(study).collections[0].get_offsets()) == (8, 2)
    assert len(figures.plot_intermediate_values(study).lines) == 8


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def dashboard(studied: str) -> Iterator[str]:
    """The address of optuna-dashboard's own application."""
    application = pytest.importorskip("optuna_dashboard").wsgi(studied)
    with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()  # which the thread ends with


def answer(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=60) as response:
        return json.load(response)


@pytest.mark.slow
def test_optuna_dashboard_shows_the_studies_and_their_trials(dashboard: str) -> None:
    (summary,) = answer(f"{dashboard}/api/studies")["study_summaries"]
    assert (summary["study_name"], summary["directions"]) == (f"first/{TRANSFER}", ["maximize"])
    study = answer(f"{dashboard}/api/studies/{summary['study_id']}?after=0")
    assert [trial["state"] for trial in study["trials"]] == ["Complete"] * 8
    assert [trial["values"] for trial in study["trials"]] == [[pytest.approx(0.11 * number)] for number in range(8)]
    assert [item["step"] for item in study["trials"][3]["intermediate_values"]] == [1, 2]
    assert {"key": "cell", "value": TRANSFER.name} in study["trials"][0]["user_attrs"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["chexpert"], "no trial of a search for 'chexpert' in sqlite:///"),
        (["retina", "--sweep", "second"], "no trial of a search of the sweep 'second' for 'retina'"),
        (["retina", "--to", "studies.db"], "--to must be a database's address, such as sqlite:///studies.db, but got"),
        (["retina", "--to", "MLFLOW"], "--to must be another database than MLflow's"),
        (["retina", "--to", "https://me:secret@host/studies"], "but got 'https://host/studies'"),
        (["retina", "--to", "nothing://me:secret@host/studies"], "but nothing://host/studies cannot be opened: "),
        (["retina", "--to", "sqlite:////nowhere/studies.db"], "studies.db cannot be opened: "),
        (["--tracking-uri", "sqlite:////nowhere/mlflow.db"], "no MLflow file at /nowhere/mlflow.db"),
    ],
)
def test_what_cannot_be_exported_is_told_in_one_line(
    sweep: Sweep, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(sweep, *[sweep.uri if flag == "MLFLOW" else flag for flag in flags])[0] == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line and "secret" not in line


def test_trials_of_another_form_are_refused(sweep: Sweep, capsys: pytest.CaptureFixture[str]) -> None:
    for run in sweep.ledger.client.search_runs([sweep.ledger.experiment_id], "tags.kind = 'trial'"):
        sweep.ledger.client.delete_tag(run.info.run_id, "record")
    assert export(sweep, "retina")[0] == 2
    assert "must be recorded in form" in capsys.readouterr().err


def test_a_data_set_of_another_form_is_left_out_of_an_export_of_all(
    sweep: Sweep, capsys: pytest.CaptureFixture[str]
) -> None:
    other = sweep_in(sweep.folder, sweep.folder / "mlflow.db", "old", dataset="chexpert")
    run = other.trial(TRANSFER, 0, [0.5], dataset="chexpert")
    other.ledger.client.delete_tag(run, "record")
    status, to = export(sweep)
    assert status == 0 and optuna.get_all_study_names(to) == [f"first/{TRANSFER}", f"first/{ATTENTION}"]
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and lines[2].startswith("left out: the trials of chexpert must be recorded in form ")
    for run_of_first in sweep.ledger.client.search_runs([sweep.ledger.experiment_id], "tags.kind = 'trial'"):
        sweep.ledger.client.delete_tag(run_of_first.info.run_id, "record")
    assert export(sweep)[0] == 2
    refusal = capsys.readouterr().err
    assert "the trials of chexpert must" in refusal and "the trials of retina must" in refusal
