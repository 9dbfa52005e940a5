"""`make rehearse`: three hosts on one machine, `ray up`, a sweep, a job, two faults, `ray down`; then what is left.

The faults: a machine is cut off and comes back, and one is switched off.

The hosts are namespaces (`tests.cluster.hosts`), the cluster file is docs/cluster/local.yaml with their addresses, and
MLflow is served from PostgreSQL on the head. A sweep on phantoms as small as can be takes some minutes on two cores.
What it does not show: a cloud, a GPU, a real network file system, the installation of the libraries.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.hosts import ROOT, USER, Hosts, why_not

NAMES = ("head", "one", "two")
CELLS = ("transfer/none/densenet40/all", "attention/imagenet/densenet40/all")
TINY = "--image-size 32 --phantom-size 16 --epochs 2 --trials 2 --repeats 2 --average-labels defined"
NUM_TRIALS = len(CELLS) * (2 + 2)
SWEEP = f"python -m platform.sweep retina {TINY} --cells {' '.join(CELLS)}"
RESULTS = "/mnt/results/own"
MACHINES_PATIENCE_S = 300.0  # an old raylet may count for a minute after a new one has come
AWAY_S = 90.0  # Ray gives a machine up after about half of that
ALIVE = (
    'python -c \'import ray; ray.init(address="auto", log_to_driver=False); '
    'print("ALIVE", sum(node["Alive"] for node in ray.nodes()))\''
)
RUNS = (
    "from mlflow import MlflowClient; import json; c = MlflowClient('http://127.0.0.1:5000'); "
    "e = c.get_experiment_by_name('retina').experiment_id; print('RUNS', json.dumps([[r.data.tags['sweep'], "
    "r.data.tags['trial'], r.info.status, r.data.tags.get('node', '')] for r in c.search_runs([e], \"tags.kind = "
    "'trial'\")]))"
)


class Rehearsal:
    """The steps, in their order; each prints a line and raises `AssertionError` where it did not go as it should."""

    def __init__(self, hosts: Hosts, *, verbose: bool) -> None:
        self._hosts, self._verbose = hosts, verbose
        self._started_s = time.monotonic()
        self._file = hosts.shared.with_name("cluster.yaml")
        self._file.write_text(yaml.safe_dump(self._cluster(), sort_keys=False))
        # The desk: its own home, so that nothing of the user's is read or written.
        self._home = hosts.shared.with_name("desk")
        (self._home / ".ray").mkdir(parents=True)
        self._ray = str(Path(sys.prefix) / "bin" / "ray")
        self._desk("get-auth-token", "--generate", timeout_s=60)

    def up(self) -> None:
        """`ray up`, until the head counts all of its machines."""
        self._desk("up", "--yes", "--no-config-cache", str(self._file), timeout_s=400)
        self._wait_for_machines(len(NAMES))
        self._say("ray up: three machines")

    def refuse(self) -> None:
        """Results that only the head sees."""
        output = self._head(f"cd transfer && {SWEEP} --results ~/results; echo status $?")
        assert "every machine must see the results folder" in output and "status 2" in output, output
        self._say("results that the other machines do not see: " + _line(output, "every machine must see"))

    def sweep(self) -> None:
        """The same command as on one machine."""
        output = self._head(f"cd transfer && {SWEEP}; echo status $?", timeout_s=900)
        assert "status 0" in output, output
        for line in ("sweep retina-", "MLflow:", "results:", "images:", "machines:"):
            self._say("  " + _line(output, line).strip())
        runs = self._runs()
        assert len({trial for _, trial, *_ in runs}) == len(runs) == NUM_TRIALS, runs
        assert {status for *_, status, _ in runs} == {"FINISHED"}, runs
        nodes = Counter(node for *_, node in runs)
        workers = {self._hosts.addresses[name] for name in NAMES[1:]}
        assert set(nodes) == workers, nodes
        for name in NAMES[1:]:
            copies = self._hosts.ssh(name, "ls ~/transfer-local/stores/*.arrow ~/transfer-local/cache").stdout
            assert copies.count(".arrow") == 1, copies
        self._say(f"sweep: {len(runs)} trials, each once, all finished, on {dict(nodes)}; one copy of the images each")

    def job(self) -> None:
        """`ray job submit`: finds the sweep finished; another one runs to its end."""
        tunnel = subprocess.Popen([*self._hosts.ssh_command("head"), "-N", "-L", "18265:127.0.0.1:8265"])
        try:
            time.sleep(2)
            submit = ["job", "submit", "--address", "http://127.0.0.1:18265", "--working-dir", str(ROOT), "--"]
            again = self._desk(*submit, *SWEEP.split(), timeout_s=300)
            assert f"{NUM_TRIALS} of them done" in again, again
            self._say("ray job submit: " + _line(again, "of them done").strip())
            output = self._desk(*submit, *SWEEP.split()[:-1], "--seed", "1", timeout_s=600)
            assert "succeeded" in output, output
        finally:
            tunnel.kill()
        assert len(self._runs()) == NUM_TRIALS + NUM_TRIALS // 2, self._runs()
        self._say("ray job submit: a sweep of its own, finished")

    def cut_off_a_machine(self) -> None:
        """A machine's network is gone for longer than Ray waits, then back: its trial continues elsewhere, once.

        A raylet that was given up ends itself; the autoscaler finds the machine without one, and starts it again.
        """

        def cut_off() -> None:
            self._hosts.cut_off("two", AWAY_S)
            self._say(f"cut off for {AWAY_S:.0f} s, and back: two")

        self._broken_sweep(2, cut_off)
        self._wait_for_machines(len(NAMES))
        self._say("started again by the head's autoscaler: two")

    def lose_a_machine(self) -> None:
        """A machine is switched off while it trains; the sweep ends as if it had not been."""

        def switch_off() -> None:
            self._hosts.switch_off("two")
            self._say("switched off: two")

        self._broken_sweep(3, switch_off)

    def _broken_sweep(self, seed: int, fault: Callable[[], None]) -> None:
        """A sweep of its own; the fault strikes as soon as some trial has reported an epoch."""
        command = f"cd transfer && {SWEEP} --seed {seed} --epochs 6; echo status $?"
        running = subprocess.Popen(
            [*self._hosts.ssh_command("head"), f'bash --login -i -c "{command}"'],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert running.stdout is not None
        output, has_struck = "", False
        for line in running.stdout:
            output += line
            if not has_struck and re.search(r"epoch \d+/6", line):
                fault()
                has_struck = True
        assert has_struck, output  # else nothing was rehearsed
        assert "status 0" in output, output
        runs = [run for run in self._runs() if run[0] == self._sweep_of(output)]
        assert len({trial for _, trial, *_ in runs}) == len(runs) == NUM_TRIALS, runs
        assert {status for *_, status, _ in runs} == {"FINISHED"}, runs
        self._say(f"{len(runs)} trials, each once, all finished, {dict(Counter(node for *_, node in runs))}")

    def down(self) -> None:
        """`ray down`, and `ray stop` on the worker, which it leaves alone; then no host has a process of Ray."""
        self._desk("down", "--yes", str(self._file), timeout_s=200)
        for name in NAMES[1:]:
            if self._hosts.is_up(name):
                self._hosts.ssh(name, "ray stop")
        left: dict[str, list[str]] = {}
        for _ in range(60):
            left = {name: processes for name in NAMES if (processes := self._hosts.ray_processes(name))}
            if not left:
                return self._say("ray down: no process of Ray on any host")
            time.sleep(2)
        raise AssertionError(f"ray down left processes: {left}")

    def _cluster(self) -> dict[str, Any]:
        """docs/cluster/local.yaml, with the hosts' addresses, and one trial a worker."""
        cluster: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "cluster" / "local.yaml").read_text())
        head, *workers = self._hosts.addresses.values()
        cluster["provider"] |= {"head_ip": head, "worker_ips": workers}
        cluster["auth"] = {"ssh_user": USER, "ssh_private_key": str(self._hosts.key)}
        cluster["file_mounts"]["~/transfer"] = str(ROOT)
        small = "--object-store-memory=100000000"
        places = {
            "/mnt/results": RESULTS,
            "--head": f"--head {small}",
            "--address=": f"--num-cpus=1 {small} --address=",
        }
        for key in ("setup_commands", "head_start_ray_commands", "worker_start_ray_commands"):
            for old, new in places.items():
                cluster[key] = [command.replace(old, new) for command in cluster[key]]
        return cluster

    def _wait_for_machines(self, num_machines: int) -> None:
        deadline_s = time.monotonic() + MACHINES_PATIENCE_S
        while time.monotonic() < deadline_s:
            if f"ALIVE {num_machines}" in self._head(ALIVE):
                return
            time.sleep(2)
        raise AssertionError(self._head("ray status; tail -n 60 /tmp/ray/session_latest/logs/monitor.*"))

    def _runs(self) -> list[list[str]]:
        """Sweep, trial, status and machine of every trial's run."""
        answer = self._hosts.ssh("head", f"cd /tmp && python - <<'END'\n{RUNS}\nEND")
        return json.loads(_line(answer.stdout, "RUNS ").removeprefix("RUNS "))

    @staticmethod
    def _sweep_of(output: str) -> str:
        return re.findall(r"^sweep (\S+):", output, flags=re.MULTILINE)[0]

    def _head(self, command: str, *, timeout_s: float = 120) -> str:
        done = self._hosts.ssh("head", command, timeout_s=timeout_s)
        return done.stdout + done.stderr

    def _desk(self, *arguments: str, timeout_s: float) -> str:
        """Runs `ray` as the user does on his own machine."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "MLFLOW_"))}
        environment |= {"HOME": str(self._home), "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token"}
        done = subprocess.run(
            [self._ray, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout_s
        )
        output = done.stdout + done.stderr
        if self._verbose:
            print(output)
        assert done.returncode == 0, f"ray {' '.join(arguments)} ended with {done.returncode}:\n{output[-6000:]}"
        return output

    def _say(self, what: str) -> None:
        print(f"[{time.monotonic() - self._started_s:4.0f} s] {what}", flush=True)


def _line(text: str, part: str) -> str:
    return next((line for line in text.splitlines() if part in line), "")


def main() -> int:
    """0 where all went as it should, or where this machine cannot hold such hosts, with the reason in one line."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--verbose", action="store_true", help="also what Ray says")
    typed = parser.parse_args()
    if reason := why_not():
        print(f"skipped: {reason}")
        return 0
    with Hosts(NAMES) as hosts:
        rehearsal = Rehearsal(hosts, verbose=typed.verbose)
        rehearsal.up()
        rehearsal.refuse()
        rehearsal.sweep()
        rehearsal.job()
        rehearsal.cut_off_a_machine()
        rehearsal.lose_a_machine()
        rehearsal.down()
    return 0


if __name__ == "__main__":
    sys.exit(main())
