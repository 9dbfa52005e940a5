"""The files that make a cluster: Ray accepts them, shells parse them, and what is copied to the machines is whole."""

from __future__ import annotations

import re
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import FileLock
from ray.autoscaler._private.util import prepare_config, validate_config

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "cluster"
CLUSTERS = [ROOT / "cluster.yaml", FOLDER / "local.yaml"]
SCRIPTS = [*FOLDER.glob("*.sh"), *FOLDER.glob("*.sbatch"), *Path(__file__).parent.glob("*.sh")]


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("path", CLUSTERS, ids=lambda path: path.name)
def test_ray_accepts_the_cluster_file(path: Path) -> None:
    validate_config(prepare_config(read(path)))


@pytest.mark.parametrize("path", CLUSTERS, ids=lambda path: path.name)
def test_no_file_of_the_repository_is_left_behind(path: Path) -> None:
    """rsync leaves out a name without a slash wherever it stands: `data` once took trainables/data along."""
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode:
        pytest.skip("not a git checkout")
    excluded = read(path)["rsync_exclude"]
    assert {"/.git", "/.venv", "/results"} <= set(excluded)
    for name in listing.stdout.splitlines():
        parts = name.split("/")
        assert not [
            rule
            for rule in excluded
            if (parts[0] == rule[1:] if rule.startswith("/") else any(fnmatch(part, rule) for part in parts))
        ], name


@pytest.mark.parametrize("path", CLUSTERS, ids=lambda path: path.name)
def test_the_machines_find_what_a_sweep_needs(path: Path) -> None:
    cluster = read(path)
    everywhere, head = "\n".join(cluster["setup_commands"]), "\n".join(cluster["head_setup_commands"])
    assert "sh install.sh" in everywhere
    assert re.search(r"export TRANSFER_RESULTS=\S+ TRANSFER_LOCAL=\S+", everywhere)
    assert "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO=1" in everywhere
    assert "MLFLOW_TRACKING_URI=http://127.0.0.1:5000" in head
    starts = "\n".join(cluster["head_start_ray_commands"])
    assert "docs/cluster/serve_mlflow.sh" in starts and "--dashboard-host=127.0.0.1" in starts


def test_idle_workers_go_away_and_the_head_takes_no_trials() -> None:
    cluster = read(ROOT / "cluster.yaml")
    kinds = cluster["available_node_types"]
    assert kinds["head"]["resources"] == {"CPU": 0}
    assert (kinds["gpu"]["min_workers"], kinds["gpu"]["max_workers"]) == (0, cluster["max_workers"])
    assert 1 <= cluster["idle_timeout_minutes"] <= 30
    assert "--num-cpus=0" in "\n".join(read(FOLDER / "local.yaml")["head_start_ray_commands"])


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_shell_parses_the_script(path: Path) -> None:
    shell = path.read_text().splitlines()[0].rpartition("/")[2]
    assert shell in ("sh", "bash")
    done = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_mlflow_is_served_to_this_machine_alone() -> None:
    script = (FOLDER / "serve_mlflow.sh").read_text()
    assert "--host 127.0.0.1" in script and '-h ""' in script and "0.0.0.0" not in script


@pytest.mark.skipif(not shutil.which("id"), reason="no id on this machine")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [([], "give the results folder, or set TRANSFER_RESULTS"), (["RESULTS"], "PostgreSQL refuses to run as root")],
)
def test_mlflows_script_says_what_it_needs(tmp_path: Path, arguments: list[str], message: str) -> None:
    id_of_root = tmp_path / "id"
    id_of_root.write_text("#!/bin/sh\necho 0\n")
    id_of_root.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    command = ["sh", str(FOLDER / "serve_mlflow.sh"), *[str(tmp_path / name) for name in arguments]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert message in done.stderr
    assert not (tmp_path / "RESULTS").exists()


FAKES = {  # programs in the place of PostgreSQL's and the system's, and what they do
    "id": "echo 4242",
    "sleep": ":",
    "ls": "exit 1",  # no PostgreSQL where distributions put it
    "pg_ctl": ":",
    "pg_isready": "exit 2",
    "initdb": "exit 3",
    "postgres": 'touch "$FAKE/second"',
    "mlflow": ":",
}


def test_a_second_database_is_never_started_on_the_same_results(tmp_path: Path) -> None:
    results, fakes = tmp_path / "results", tmp_path / "fakes"
    (results / "postgres").mkdir(parents=True)
    (results / "postgres" / "PG_VERSION").touch()
    fakes.mkdir()
    for name, does in FAKES.items():
        (fakes / name).write_text(f"#!/bin/sh\n{does}\n")
        (fakes / name).chmod(0o755)
    environment = {"PATH": f"{fakes}:/usr/bin:/bin", "MLFLOW": str(fakes / "mlflow"), "FAKE": str(tmp_path)}
    command = ["sh", str(FOLDER / "serve_mlflow.sh"), str(results)]
    try:
        with FileLock(results / "postgres.lock"):  # the first one's
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and not (tmp_path / "second").exists()
        assert done.stderr == (
            f"serve_mlflow.sh: PostgreSQL (or another machine serves it already, and holds {results}/postgres.lock) "
            f"did not start within two minutes: see {results}/logs/postgres.log\n"
        )
        subprocess.run(command, env=environment, capture_output=True, timeout=60)
        assert (tmp_path / "second").exists()  # once the lock is free
    finally:
        Path("/tmp/transfer-postgres-4242").rmdir()


def test_the_job_for_kubernetes_has_what_a_sweep_needs() -> None:
    job = read(FOLDER / "kuberay.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert f"ray[tune]=={job['spec']['rayClusterSpec']['rayVersion']}" in (ROOT / "pyproject.toml").read_text()
    spec = job["spec"]["rayClusterSpec"]
    pods = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    for pod in pods:
        (container,) = pod["template"]["spec"]["containers"]
        assert {"TRANSFER_RESULTS", "TRANSFER_LOCAL", "MLFLOW_TRACKING_URI"} <= {e["name"] for e in container["env"]}
        mounted = {volume["name"] for volume in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["template"]["spec"]["volumes"]}
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert spec["workerGroupSpecs"][0]["minReplicas"] == 0
