"""Finds, checks and reports the machines that trials run on, this one or a cluster, before the first trial."""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import yaml
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from platform.cluster.starting import cluster_address, start_ray
from platform.sources.places import Places
from trainables import inspection

INSPECTION_S = 180.0  # a first import on a cold machine takes some ten seconds
JOB_FOLDER = "runtime_resources"  # where `ray job submit --working-dir` puts a copy of the code, for a while
AUTOSCALER_FILE = Path("~/ray_bootstrap_config.yaml")  # where `ray up` leaves the cluster's file on its head


@dataclass(frozen=True)
class Machines:
    """What Ray has now, and what it may get as trials wait: (CPUs, GPUs) of each node."""

    now: tuple[tuple[float, float], ...]
    most: tuple[tuple[float, float], ...]
    is_cluster: bool = False  # whether Ray was started by others

    @property
    def most_gpus(self) -> float:
        """The GPUs of all nodes together."""
        return sum(gpus for _, gpus in self.most)

    def slots(self, cpus: float, gpus: float) -> int:
        """How many trials of that size fit at once; each has to fit into one node."""
        return sum(_fitting(node, (cpus, gpus)) for node in self.most)

    def __str__(self) -> str:
        later = "" if self.most == self.now else f"; as trials wait, up to {_in_words(self.most)}"
        return _in_words(self.now) + later


def _in_words(nodes: tuple[tuple[float, float], ...]) -> str:
    cpus, gpus = (sum(amounts) for amounts in zip(*nodes, strict=True)) if nodes else (0, 0)
    return f"{len(nodes)} node{'s' * (len(nodes) != 1)} with {cpus:g} CPUs and {gpus:g} GPUs"


def _fitting(node: tuple[float, float], trial: tuple[float, float]) -> int:
    times = [has / wants for has, wants in zip(node, trial, strict=True) if wants]
    return math.floor(min(times, default=1) + 1e-9)


def machines() -> Machines:
    """Counts the CPUs and GPUs that Ray has, and may get."""
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    now = tuple((resources.get("CPU", 0.0), resources.get("GPU", 0.0)) for resources in alive)
    is_cluster = cluster_address() is not None
    most = _allowed(AUTOSCALER_FILE.expanduser()) if is_cluster else ()
    larger = max(now, most, key=lambda nodes: [sum(amounts) for amounts in zip(*nodes, strict=True)][::-1])
    return Machines(now, larger, is_cluster)


def _allowed(path: Path) -> tuple[tuple[float, float], ...]:
    """The nodes that a cluster file allows; none unless this machine is the head of such a cluster."""
    if not path.is_file():
        return ()
    cluster = yaml.safe_load(path.read_text())
    nodes: list[tuple[float, float]] = []
    for name, kind in cluster.get("available_node_types", {}).items():
        is_head = name == cluster.get("head_node_type")
        num_nodes = 1 if is_head else min(kind.get("max_workers", 0), cluster.get("max_workers", 0))
        has = kind.get("resources", {})
        nodes += [(float(has.get("CPU", 0)), float(has.get("GPU", 0)))] * num_nodes
    return tuple(nodes)


def join_cluster(places: Places, local: Path | None, *, verbose: bool) -> str:
    """Joins the cluster, if there is one, and asks each of its machines whether it can take trials.

    Called before anything long begins, since this is where a faulty set-up shows.

    Returns:
        A description of the shared storage; "" on one machine.

    Raises:
        ValueError: a machine does not see the results folder, or has other code or other libraries.
        ConnectionError, OSError: there is no cluster at RAY_ADDRESS; the results folder cannot be written.
    """
    if cluster_address(tell=True) is None:
        return ""
    if JOB_FOLDER in places.results.parts:
        raise ValueError(
            f"the results must outlast the job, but {places.results} is the job's own temporary folder; "
            "put --results (or TRANSFER_RESULTS) on storage that all machines have mounted at the same place"
        )
    start_ray(verbose=verbose)
    nodes = [node for node in ray.nodes() if node["Alive"]]
    return check_machines(nodes, places, local) if len(nodes) > 1 else ""


def check_machines(nodes: list[dict[str, Any]], places: Places, local: Path | None) -> str:
    """Asks `nodes`, as `ray.nodes` lists them; see `join_cluster`."""
    code, libraries = inspection.code_of(Path(inspection.__file__).parent), inspection.library_versions()
    least_bytes = float("inf")
    for address, answer in ask(nodes, places, local):
        if answer is None:
            raise ValueError(
                f"every machine must see the results folder, but {address} does not see, or cannot write, "
                f"{places.results}; put --results (or TRANSFER_RESULTS) on storage that all machines have mounted at "
                "the same place"
            )
        if answer["code"] != code:
            raise ValueError(
                f"all machines must run the same code, but {address} has {answer['code']} for trainables/ "
                f"and this machine has {code}; `ray up` copies the code"
            )
        if answer["libraries"] != libraries:
            raise ValueError(
                f"all machines must have the same libraries, but {address} has {answer['libraries']} and "
                f"this machine has {libraries}; install requirements.lock there"
            )
        if answer["local_free_bytes"] < 0:
            raise ValueError(
                f"every machine must be able to write to its own --local folder, but {address} cannot write to {local}"
            )
        least_bytes = min(least_bytes, answer["local_free_bytes"])
    room = f"; {local} on each has {least_bytes / 1e9:.0f} GB free or more" if local else ""
    return f"all {len(nodes)} machines see and write it{room}"


def ask(nodes: list[dict[str, Any]], places: Places, local: Path | None) -> list[tuple[str, inspection.Answer | None]]:
    """Each machine's address and answer; None where the shared folder does not hold its copy of the token."""
    token = secrets.token_hex(8)
    question = places.results / f".seen-{token}"
    question.write_text(token)
    inspect = ray.remote(num_cpus=0, max_retries=0)(inspection.inspect_machine)
    # Looked for by name, not listed: a network file system may show an old listing for a minute.
    echoes = [question.with_name(f"{question.name}-{number}") for number in range(len(nodes))]
    try:
        waiting = []
        for node, echo in zip(nodes, echoes, strict=True):
            pinned = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            call = inspect.options(scheduling_strategy=pinned)
            waiting.append(call.remote(str(question), str(echo), str(local or "")))
        answers: list[tuple[str, inspection.Answer | None]] = []
        for node, echo, pending in zip(nodes, echoes, waiting, strict=True):
            address = node["NodeManagerAddress"]
            answer = _get(address, pending)
            answers.append((address, answer if echo.is_file() and echo.read_text() == token else None))
        return answers
    finally:
        for path in (question, *echoes):
            path.unlink(missing_ok=True)


def _get(address: str, answer: ray.ObjectRef) -> inspection.Answer:
    try:
        return ray.get(answer, timeout=INSPECTION_S)
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ValueError(
            f"every machine must have this code at {Path(inspection.__file__).parents[1]}, but {address} cannot run it "
            f"({reason}); bring it up to date with `ray up`, or take it out of the cluster"
        ) from None
