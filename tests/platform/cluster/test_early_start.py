"""Ray starts while the command imports, and trials get the workers that were prepared meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray

from platform.cluster import early_start
from platform.command_line.sweep_requests import SweepRequest
from platform.command_line.training_requests import PretrainRequest
from trainables.prepared_worker import PREPARED, THREADS

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def untold(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on a machine of four cores, without a GPU or a cluster, where nothing was set."""
    for name in ("RAY_ADDRESS", early_start.RAYS_WORKERS, early_start.RAYS_MODULES, early_start.RAYS_IDLE_MS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(early_start, "get_num_cpus", lambda: 4)
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter(()))
    monkeypatch.setattr(early_start, "cluster_address", lambda: None)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(early_start, "SLOW_IMPORTS", ("json", "no_such_module"))
    yield
    early_start._waited_for.clear()


@pytest.mark.parametrize(
    ("options", "number"),
    [
        ({}, 4),
        ({"cpus_per_trial": 2.0}, 4),
        ({"cpus_per_trial": 4.0}, 0),
        ({"concurrent": 2}, 4),
        ({"concurrent": 1}, 0),
    ],
)
def test_workers_are_prepared_where_at_least_half_get_a_trial(options: dict[str, Any], number: int) -> None:
    assert early_start.num_prepared(SweepRequest(dataset="retina", **options)) == number


def test_a_single_training_has_one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    request = PretrainRequest(dataset="retina")
    assert early_start.num_prepared(request) == 0
    monkeypatch.setattr(early_start, "get_num_cpus", lambda: 2)
    assert early_start.num_prepared(request) == 2


def test_none_is_prepared_beside_a_gpu_or_what_the_user_has_ray_import(monkeypatch: pytest.MonkeyPatch) -> None:
    request = SweepRequest(dataset="retina")
    with monkeypatch.context() as chosen:
        chosen.setenv(early_start.RAYS_MODULES, "theirs")
        assert early_start.num_prepared(request) == 0
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter([self / "nvidia0"]))
    assert early_start.num_prepared(request) == 0


def test_ray_is_told_what_its_workers_import_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, bool, str, str]] = []
    monkeypatch.setenv("PYTHONPATH", "/theirs")

    def start(*, verbose: bool) -> None:
        if early_start.RAYS_MODULES in os.environ:
            folder = Path(os.environ[PREPARED])
            names = (early_start.RAYS_MODULES, early_start.RAYS_IDLE_MS, "PYTHONPATH")
            modules, idle_ms, path = (os.environ[name] for name in names)
            seen.append((modules, folder.is_dir(), idle_ms, path))
            for number in range(4):  # what the workers do
                (folder / str(number)).touch()

    monkeypatch.setattr(early_start, "start_ray", start)
    early_start.begin(SweepRequest(dataset="retina"))
    assert seen == [("trainables.prepared_worker", True, "600000", f"{ROOT}{os.pathsep}/theirs")]
    assert not {PREPARED, THREADS, early_start.RAYS_MODULES, early_start.RAYS_IDLE_MS} & set(os.environ)
    assert os.environ.get("PYTHONPATH") == "/theirs"
    ((notes, _),) = early_start._waited_for
    early_start.ready(verbose=False)
    assert not Path(notes.name).exists() and not early_start._waited_for


def test_how_long_a_worker_may_idle_is_the_users_where_they_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setenv(early_start.RAYS_IDLE_MS, "5000")
    monkeypatch.setattr(early_start, "start_ray", lambda *, verbose: seen.append(os.environ[early_start.RAYS_IDLE_MS]))
    early_start.begin(SweepRequest(dataset="retina"))
    assert seen == ["5000"] and os.environ[early_start.RAYS_IDLE_MS] == "5000"


def test_a_start_that_fails_leaves_no_setting_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*, verbose: bool) -> None:
        raise ConnectionError("Ray must start")

    monkeypatch.setattr(early_start, "start_ray", start)
    with pytest.raises(ConnectionError):
        early_start.begin(SweepRequest(dataset="retina"))
    assert PREPARED not in os.environ and early_start.RAYS_MODULES not in os.environ


def test_workers_that_never_answer_are_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_start, "start_ray", lambda *, verbose: None)
    monkeypatch.setattr(early_start, "IMPORT_S", 0.2)
    early_start._waited_for.append((tempfile.TemporaryDirectory(), 4))
    early_start.ready(verbose=False)


@pytest.mark.parametrize("why", ["Ray runs already", "a cluster", "Ray starts no worker ahead"])
def test_nothing_is_begun_where_it_would_not_help(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_start, "start_ray", lambda *, verbose: pytest.fail("was started"))
    if why == "Ray runs already":
        monkeypatch.setattr(ray, "is_initialized", lambda: True)
    elif why == "a cluster":
        monkeypatch.setattr(early_start, "cluster_address", lambda: "10.0.0.1:6379")
    else:
        monkeypatch.setenv(early_start.RAYS_WORKERS, "0")
    early_start.begin(SweepRequest(dataset="retina"))


def test_a_worker_that_starts_later_imports_nothing(tmp_path: Path) -> None:
    program = """
import os, sys, time
import trainables.prepared_worker

def main_loop():  # as Ray calls it
    while "torch" in sys.modules and not os.listdir(os.environ["TRANSFER_PREPARED_WORKERS"]):
        time.sleep(0.05)

time.sleep(0.5)
noted_too_early = "torch" in sys.modules and os.listdir(os.environ["TRANSFER_PREPARED_WORKERS"])
main_loop()
print("torch" in sys.modules, bool(noted_too_early), os.environ.get("OMP_NUM_THREADS"))
"""
    for folder, imported in ((tmp_path, True), (tmp_path / "gone", False)):
        environment = os.environ | {PREPARED: str(folder), THREADS: "3"}
        environment.pop("OMP_NUM_THREADS", None)
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment)
        assert done.stdout.split() == [str(imported), "False", "3" if imported else "None"]
    assert len(list(tmp_path.iterdir())) == 1


TRIALS = """
import sys
from platform.cluster import early_start
from platform.command_line.sweep_requests import SweepRequest
from platform.sweeping import runner
from ray import tune

class Trial(tune.Trainable):
    def setup(self, config):
        self.is_prepared = "trainables.job" in sys.modules
    def step(self):
        return {"done": True, "is_prepared": self.is_prepared}

early_start.begin(SweepRequest(dataset="retina"))
early_start.ready(verbose=False)
results = tune.Tuner(
    tune.with_resources(Trial, {"cpu": 1}),
    param_space={"number": tune.grid_search([0, 1])},
    run_config=tune.RunConfig(
        storage_path=sys.argv[1], verbose=0, checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False)
    ),
).fit()
print("prepared:", [result.metrics["is_prepared"] for result in results])
"""


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_trials_are_given_the_prepared_workers(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TRIALS, str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    assert "prepared: [True, True]" in done.stdout
