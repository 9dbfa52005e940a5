"""Hosts made of namespaces: each has its own network, address, processes, file system, users and SSH server.

They share this machine's kernel, clock and cores, and one folder, which stands for a network file system. A bridge
joins them; nothing leads out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parents[2]
USER = "researcher"
BRIDGE, NETWORK = "kt-bridge", "10.231.7"
NEEDED = ("ip", "unshare", "setpriv", "sshd", "ssh", "rsync", "ssh-keygen")
RAYS_OWN = ("raylet", "gcs_server", "ray::", "dashboard", "monitor.py", "log_monitor", "runtime_env")


def why_not() -> str:
    """Why this machine cannot hold such hosts, in one line; "" where it can."""
    if os.geteuid() != 0:
        return "network namespaces need root: sudo make rehearse"
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    if missing := [name for name in NEEDED if not shutil.which(name, path=path)]:
        return f"not installed: {', '.join(missing)} (Debian: openssh-server, rsync, iproute2, util-linux)"
    if not list(Path("/usr/lib/postgresql").glob("*/bin/postgres")) and not shutil.which("pg_ctl"):
        return "not installed: PostgreSQL (Debian: postgresql)"
    tried = subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"], capture_output=True, text=True)
    return f"namespaces are not permitted here: {tried.stderr.strip()}" if tried.returncode else ""


class Hosts:
    """Within it the hosts are up; afterwards, however it ends, nothing of them is left.

    Attributes:
        addresses: by host name, the first one the head's.
        shared: the folder that all hosts have at /mnt/results.
        key: the private SSH key of `USER` on all hosts.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.addresses = {name: f"{NETWORK}.{number}" for number, name in enumerate(names, 10)}
        self._folder = Path(tempfile.mkdtemp(prefix="kt-hosts-"))
        self.shared, self.key = self._folder / "shared", self._folder / "key"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Hosts:
        try:
            self._remove_network()  # of a rehearsal that was killed
            _run("mount", "-t", "tmpfs", "-o", "size=6g,mode=755", "tmpfs", str(self._folder))
            self.shared.mkdir()
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key))
            _run("ip", "link", "add", BRIDGE, "type", "bridge")
            _run("ip", "address", "add", f"{NETWORK}.1/24", "dev", BRIDGE)
            _run("ip", "link", "set", BRIDGE, "up")
            for name in self.addresses:
                self._start(name)
            for name in self.addresses:
                self._wait_for_ssh(name)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in list(self._processes):
            self.switch_off(name)
        self._remove_network()
        subprocess.run(["umount", "--lazy", str(self._folder)], capture_output=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def ssh(self, name: str, command: str, *, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Runs a command on a host, in a login shell as Ray does."""
        return subprocess.run(
            [*self.ssh_command(name), f"bash --login -i -c {_quoted(command)}"],
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    def ssh_command(self, name: str) -> list[str]:
        """What begins an SSH command line to a host."""
        trust = [
            "-o",
            "BatchMode=yes",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "LogLevel=ERROR",
        ]
        return ["ssh", "-i", str(self.key), *trust, f"{USER}@{self.addresses[name]}"]

    def switch_off(self, name: str) -> None:
        """Ends a host at once, as a pulled plug does: its first process is killed, and the kernel kills the rest."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def cut_off(self, name: str, seconds: float) -> None:
        """Takes a host's network away for so long; its processes run on, as behind a switch that fails."""
        _run("ip", "link", "set", f"kt-{name}", "down")
        time.sleep(seconds)
        _run("ip", "link", "set", f"kt-{name}", "up")

    def is_up(self, name: str) -> bool:
        """Whether a host has not been switched off."""
        return name in self._processes

    def ray_processes(self, name: str) -> list[str]:
        """Command lines of the processes of Ray that run on a host."""
        pids = subprocess.run(["ip", "netns", "pids", f"kt-{name}"], capture_output=True, text=True).stdout.split()
        lines = [_command_line(pid) for pid in pids]
        return [line for line in lines if any(word in line for word in RAYS_OWN)]

    def _start(self, name: str) -> None:
        space, outside, address = f"kt-{name}", f"kt-{name}", self.addresses[name]
        _run("ip", "netns", "add", space)
        _run("ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", space)
        _run("ip", "link", "set", outside, "master", BRIDGE, "up")
        _run("ip", "-n", space, "address", "add", f"{address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _run("ip", "-n", space, "link", "set", device, "up")
        # By its default route Ray finds a machine's own address; without one it takes 127.0.0.1.
        _run("ip", "-n", space, "route", "add", "default", "via", f"{NETWORK}.1")
        folder = self._folder / name
        folder.mkdir()
        public_key = self.key.with_suffix(".pub").read_text().strip()
        script = [str(Path(__file__).with_name("host.sh")), name, str(folder), str(self.shared), USER, public_key]
        unshare = ["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "sh", *script, sys.prefix]
        log = (folder / "log").open("wb")
        self._processes[name] = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", space, *unshare],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"},
        )

    def _wait_for_ssh(self, name: str) -> None:
        for _ in range(60):
            if self._processes[name].poll() is None and self.ssh(name, "true").returncode == 0:
                return
            time.sleep(0.5)
        log = (self._folder / name / "log").read_text()[-2000:]
        raise RuntimeError(f"the host {name} does not answer by SSH:\n{log}")

    def _remove_network(self) -> None:
        for name in self.addresses:
            for command in (["netns", "delete", f"kt-{name}"], ["link", "delete", f"kt-{name}"]):
                subprocess.run(["ip", *command], capture_output=True)
        subprocess.run(["ip", "link", "delete", BRIDGE], capture_output=True)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.strip()}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _command_line(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""
