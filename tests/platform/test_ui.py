"""`python -m platform.ui`: MLflow's pages start, land on the runs, and end with all that was started."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
import webbrowser
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

import platform.ui
from analysis.reading.mlflow_tables import newest_experiment
from platform.sources.places import Places
from platform.tracking import web_pages
from tests.listening import interfaces
from trainables.pasting import ROOT

TIMEOUT_S = 120


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def results(tmp_path: Path, empty_mlflow: Path) -> Path:
    """Two experiments, of which the one made first has the newest run."""
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    retina, other = (client.create_experiment(name) for name in ("retina", "other"))
    client.create_run(other, start_time=1_000)
    client.create_run(retina, start_time=2_000)
    client.delete_run(client.create_run(other, start_time=3_000).info.run_id)
    return tmp_path


@pytest.fixture
def command(results: Path, free_port: int) -> Iterator[subprocess.Popen[str]]:
    others = ("MLFLOW_TRACKING_URI", "TRANSFER_RESULTS", "DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION")
    (results / "reports" / "retina").mkdir(parents=True)
    (results / "reports" / "retina" / "index.html").write_text("a report")
    flags = ["--results", str(results), "--reports", str(results / "reports"), "--port", str(free_port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "platform.ui", *flags],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in others},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def started(process: subprocess.Popen[str]) -> list[str]:
    """Its lines until it waits for Ctrl-C."""
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.rstrip())
        if line.startswith("Ctrl-C"):
            break
    return lines


def serving(port: int) -> list[str]:
    """Command lines of the processes that were started with that port."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it has just ended
            continue
        if "--port" in words and str(port) in words and "platform.ui" not in words:
            lines.append(" ".join(words))
    return lines


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_pages_start_land_on_the_runs_and_end_with_their_children(
    command: subprocess.Popen[str], free_port: int, results: Path, number: signal.Signals
) -> None:
    lines = started(command)
    address = f"http://127.0.0.1:{free_port}"
    retina = MlflowClient(f"sqlite:///{results / 'mlflow.db'}").get_experiment_by_name("retina")
    assert retina is not None
    assert f"Every run: {address}/#/experiments/{retina.experiment_id}/runs?workflowType=machine_learning" in lines
    assert f"The newest report: {(results / 'reports' / 'retina' / 'index.html').as_uri()}" in lines
    asked = urllib.request.Request(
        f"{address}/ajax-api/2.0/mlflow/experiments/search",
        data=json.dumps({"max_results": 10}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=TIMEOUT_S) as answer:
        names = {experiment["name"] for experiment in json.load(answer)["experiments"]}
    assert {"retina", "other"} <= names
    assert 1 <= len(serving(free_port)) <= 2  # MLflow's command and one worker
    assert interfaces(command.pid) == {"127.0.0.1"}
    command.send_signal(number)
    out, _ = command.communicate(timeout=TIMEOUT_S)
    assert out == "\nThe pages have ended; every run is still there.\n"
    assert command.returncode == 0
    assert serving(free_port) == []


def test_a_port_in_use_is_reported_in_one_line(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as ended:
            platform.ui.main(["--tracking-uri", f"sqlite:///{results / 'mlflow.db'}", "--port", str(port)])
    (line,) = capsys.readouterr().err.splitlines()
    assert f"error: port {port} must be free, but something on this machine uses it" in line
    assert line.endswith("else give another --port")
    assert ended.value.code == 2


@pytest.mark.parametrize("place", ["here", "elsewhere"])
def test_pages_of_results_that_were_moved_say_how_to_see_their_files(
    place: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifacts = (results if place == "here" else results / "old") / "artifacts"
    MlflowClient(f"sqlite:///{results / 'mlflow.db'}").create_experiment("moved", artifacts.as_uri())
    with socket.socket() as taken, pytest.raises(SystemExit):  # the pages themselves are not wanted
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        platform.ui.main(["--results", str(results), "--port", str(taken.getsockname()[1])])
    said = f"platform.sweep --adopt --results {results}` has recorded the new place." in capsys.readouterr().out
    assert said == (place == "elsewhere")


def test_a_server_that_ends_at_once_is_reported_with_its_last_line(
    results: Path, free_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(web_pages, "SETTINGS", {"MLFLOW_BACKEND_STORE_URI": ""})
    (results / "no-python").write_text("#!/bin/sh\necho starting\necho no such library >&2\nexit 1\n")
    (results / "no-python").chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(results / "no-python"))
    with pytest.raises(SystemExit):
        platform.ui.main(["--tracking-uri", f"sqlite:///{results / 'mlflow.db'}", "--port", str(free_port)])
    assert capsys.readouterr().err.endswith("error: MLflow's server has ended before it answered: no such library\n")


def test_results_without_runs_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        platform.ui.main(["--tracking-uri", f"sqlite:///{tmp_path / 'mlflow.db'}"])
    assert f"no MLflow file at {tmp_path / 'mlflow.db'}; run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "display", "opened"),
    [([], ":0", True), (["--no-browser"], ":0", False), ([], "", False)],
    ids=["opens", "no browser", "no display"],
)
def test_the_pages_of_a_server_are_opened_without_its_password(
    flags: list[str],
    display: str,
    opened: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(webbrowser, "open", calls.append)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    server = ["--tracking-uri", "http://me:secret@mlflow:5000", "--reports", str(tmp_path)]
    assert platform.ui.main([*server, *flags]) == 0
    assert capsys.readouterr().out == "Every run: http://mlflow:5000\n"
    assert calls == ["http://mlflow:5000"] * opened


def test_the_newest_report_is_the_one_written_last(tmp_path: Path) -> None:
    assert web_pages.newest_report(tmp_path) is None
    for name, at_s in (("retina", 3_000), ("chexpert", 2_000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").touch()
        os.utime(tmp_path / name / "index.html", (at_s, at_s))
    assert web_pages.newest_report(tmp_path) == tmp_path / "retina" / "index.html"


def test_a_database_without_runs_has_no_newest_experiment(empty_mlflow: Path) -> None:
    assert newest_experiment(f"sqlite:///{empty_mlflow}") is None


@pytest.mark.parametrize(
    ("folder", "variable", "usual"),
    [("results", "", True), ("other", "", False), ("other", "other", True), ("results", "other", False)],
)
def test_usual_places_are_found_without_a_flag(
    folder: str, variable: str, usual: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRANSFER_RESULTS", variable)
    assert Places(ROOT / folder).options == ([] if usual else ["--results", str(ROOT / folder)])
