"""The machines at hand: a cluster is found, counted and asked before it gets trials; what does not fit is refused."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
import yaml
from ray.cluster_utils import Cluster

from platform.cluster import machines
from platform.sources.places import Places
from platform.sweeping.runner import Resources
from tests import forking, small_sweep
from trainables import inspection

Machines = machines.Machines

ROOT = Path(__file__).parents[3]
NODE = {"NodeID": "0" * 56, "NodeManagerAddress": "10.0.0.7", "Alive": True}
HERE = {
    "name": "seven",
    "code": inspection.code_of(Path(inspection.__file__).parent),
    "libraries": inspection.library_versions(),
    "local_free_bytes": 5_000_000_000,
}


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(machines, "AUTOSCALER_FILE", tmp_path / "no.yaml")
    monkeypatch.setattr(ray._private.utils, "read_ray_address", lambda: None)


def test_a_trial_has_to_fit_into_one_node() -> None:
    two = Machines(((3.0, 0.0), (3.0, 0.0)), ((3.0, 0.0), (3.0, 0.0)))
    assert (two.slots(1, 0), two.slots(2, 0), two.slots(3, 0), two.slots(4, 0)) == (6, 2, 2, 0)
    with pytest.raises(
        ValueError, match=r"must fit into one of the machines at hand \(2 nodes with 6 CPUs and 0 GPUs\)"
    ):
        Resources(cpus=4.0).slots(two)
    assert Resources(cpus=1.0, num_slots=4).slots(two) == 4


def test_quarters_of_a_gpu_and_a_head_without_trials() -> None:
    available = Machines(((0.0, 0.0), (8.0, 1.0)), ((0.0, 0.0), (8.0, 1.0), (8.0, 1.0)))
    assert available.slots(1, 0.25) == 8
    assert available.slots(1, 1) == 2
    assert available.slots(3, 0.25) == 4  # two a node, by its CPUs
    assert str(available) == "2 nodes with 8 CPUs and 1 GPUs; as trials wait, up to 3 nodes with 16 CPUs and 2 GPUs"


def test_a_cluster_gets_as_many_trials_as_are_asked_for_since_it_may_grow() -> None:
    head_alone = Machines(((0.0, 0.0),), ((0.0, 0.0),), is_cluster=True)
    assert Resources(gpus=0.25, num_slots=16).slots(head_alone) == 16
    with pytest.raises(ValueError, match="must fit into one of the machines at hand"):
        Resources(gpus=0.25).slots(head_alone)


def test_a_cluster_file_says_what_may_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    file = tmp_path / "ray_bootstrap_config.yaml"
    file.write_text(yaml.safe_dump(cluster))
    monkeypatch.setattr(machines, "AUTOSCALER_FILE", file)
    monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": True, "Resources": {"memory": 1.0}}])
    assert str(machines.machines()) == "1 node with 0 CPUs and 0 GPUs"  # the file is of no matter without a cluster
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.9:6379")
    available = machines.machines()
    gpu = cluster["available_node_types"]["gpu"]
    assert available.now == ((0.0, 0.0),)
    assert available.most_gpus == gpu["max_workers"] * gpu["resources"]["GPU"] == cluster["max_workers"]
    assert available.slots(1, 0.25) == 4 * gpu["max_workers"]


def test_nodes_that_are_there_count_where_the_file_names_no_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ray_bootstrap_config.yaml"
    kinds = {"local.cluster.node": {"max_workers": 2, "resources": {}, "node_config": {}}}
    file.write_text(
        yaml.safe_dump({"max_workers": 2, "head_node_type": "local.cluster.node", "available_node_types": kinds})
    )
    monkeypatch.setattr(machines, "AUTOSCALER_FILE", file)
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.9:6379")
    nodes = [{"Alive": True, "Resources": {"CPU": 4.0}}, {"Alive": False, "Resources": {"CPU": 64.0}}]
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    assert machines.machines() == Machines(((4.0, 0.0),), ((4.0, 0.0),), True)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, r"must see the results folder, but 10\.0\.0\.7 does not see, or cannot write, .*; put --results"),
        ({**HERE, "code": "older"}, r"same code, but 10\.0\.0\.7 has older for trainables/ and .* has [0-9a-f]{16}"),
        ({**HERE, "libraries": {"torch": "1"}}, r"same libraries, but 10\.0\.0\.7 has {'torch': '1'} and this"),
        ({**HERE, "local_free_bytes": -1}, r"own --local folder, but 10\.0\.0\.7 cannot write to /scratch"),
    ],
)  # fmt: skip
def test_a_machine_that_cannot_take_trials_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Any, message: str
) -> None:
    monkeypatch.setattr(machines, "ask", lambda *_: [("10.0.0.6", HERE), ("10.0.0.7", answer)])
    with pytest.raises(ValueError, match=message):
        machines.check_machines([NODE, NODE], Places.under(tmp_path), Path("/scratch"))


def test_the_smallest_free_space_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "ask", lambda *_: [("a", HERE), ("b", {**HERE, "local_free_bytes": 2_000_000_000})])
    storage = machines.check_machines([NODE, NODE], Places.under(tmp_path), Path("/scratch"))
    assert storage == "all 2 machines see and write it; /scratch on each has 2 GB free or more"
    assert machines.check_machines([NODE, NODE], Places.under(tmp_path), None) == "all 2 machines see and write it"


def test_results_within_a_jobs_own_folder_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.9:6379")
    folder = tmp_path / "runtime_resources" / "working_dir_files" / "_ray_pkg_1" / "results"
    with pytest.raises(ValueError, match=r"must outlast the job, but .*/_ray_pkg_1/results is the job's own temporary"):
        machines.join_cluster(Places.under(folder), None, verbose=False)


def test_on_one_machine_nothing_is_joined(tmp_path: Path) -> None:
    assert machines.join_cluster(Places.under(tmp_path), None, verbose=False) == ""
    assert not ray.is_initialized()


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[str]:
    """A cluster of two nodes with room for one trial each, which asks for no token."""
    patched = pytest.MonkeyPatch()
    patched.setenv("RAY_AUTH_MODE", "disabled")
    cluster = Cluster()
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=1, include_dashboard=False, object_store_memory=80_000_000)
        cluster.wait_for_nodes()
        yield str(cluster.address)
    finally:
        cluster.shutdown()
        patched.undo()


SWEEP = (
    *("retina", "--image-size", "32", "--phantom-size", "16", "--epochs", "1", "--trials", "2", "--repeats", "1"),
    *("--average-labels", "defined", "--cells", "transfer/none/densenet40/all"),
)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_sweep_on_two_nodes(two_nodes: str, empty_mlflow: Path, tmp_path: Path) -> None:
    results, local = tmp_path / "results", tmp_path / "local"
    small_sweep.draw_teacher(results)
    shutil.copy(empty_mlflow, results)
    environment = small_sweep.environment(
        {"RAY_ADDRESS": two_nodes, "TRANSFER_RESULTS": str(results), "TRANSFER_LOCAL": str(local)}
    )
    done = forking.run("platform.sweep", *SWEEP, environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"results:  {results} (all 2 machines see and write it; {local} on each has" in done.stdout
    assert "machines: 2 nodes with 2 CPUs and 0 GPUs\n" in done.stdout
    assert f"copied to {local} on each machine" in done.stdout
    assert re.search(r"about \S+ CPU-hours", done.stdout) and "no estimate" not in done.stdout  # by a machine of it
    assert not list(results.glob(".seen-*"))
    fingerprint = re.findall(r"fingerprint ([0-9a-f]{16})", done.stdout)[0]
    assert [path.name.rpartition("-")[2] for path in local.glob("stores/*.arrow")] == [f"{fingerprint}.arrow"]
    assert not (results / "cache").exists()
    with sqlite3.connect(results / "mlflow.db") as database:
        trials = database.execute(
            "select t.value, r.status, n.value from runs r join tags t on t.run_uuid = r.run_uuid and t.key = 'trial' "
            "left join tags n on n.run_uuid = r.run_uuid and n.key = 'node'"
        ).fetchall()
    assert len({key for key, *_ in trials}) == len(trials) == 3
    assert {status for _, status, _ in trials} == {"FINISHED"}
    assert all(re.fullmatch(r"[0-9.]+", node) for *_, node in trials)


def test_a_cluster_that_is_not_there_gets_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(
        ConnectionError, match=r"^no Ray answers at 127\.0\.0\.1:1, which RAY_ADDRESS names; start"
    ) as caught:
        machines.join_cluster(Places.under(tmp_path), None, verbose=False)
    assert "\n" not in str(caught.value)
