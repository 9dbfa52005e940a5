"""Starts Ray on this machine, or joins the cluster that there is."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")  # a trial that asks for no GPU must see none

import ray
from ray._private import ray_constants
from ray._raylet import node_ip_address_from_perspective  # type: ignore[attr-defined]

from platform.command_line.stopping import take_sigterm_as_ctrl_c

ANSWER_S = 2.0  # a head that does not answer within this is taken for gone
LOOPBACK = "127.0.0.1"
NUM_ATTEMPTS = 3  # a machine that is busy at this moment may be quiet at the next


def cluster_address(*, tell: bool = False) -> str | None:
    """The cluster to join: RAY_ADDRESS ("local" for none), or that of a head which `ray start` left running here.

    None if that head is gone; with `tell`, a message says so.
    """
    named = os.environ.get("RAY_ADDRESS")
    if named:
        return None if named == "local" else named
    recorded = ray._private.utils.read_ray_address()
    if not recorded or _answers(recorded):
        return recorded or None
    if tell:
        print(f"no Ray answers at {recorded}, where one was started; using this machine only", file=sys.stderr)
    return None


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        return True  # not a host and port, such as "auto": left to Ray
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S).close()
    except OSError:
        return False
    return True


def start_ray(*, verbose: bool) -> None:
    """Joins the cluster that `cluster_address` finds, or starts Ray on this machine, on loopback.

    Raises:
        ConnectionError: there is no cluster at RAY_ADDRESS, or Ray does not start.
    """
    if ray.is_initialized():
        return
    level = logging.INFO if verbose else logging.ERROR
    address = cluster_address()
    if address and not _answers(address):  # Ray itself would try for minutes
        raise ConnectionError(
            f"no Ray answers at {address}, which RAY_ADDRESS names; start it (ray up cluster.yaml), or unset it"
        )
    if not address:
        _give_token()
    for attempt in range(1, NUM_ATTEMPTS + 1):
        try:
            with _on_loopback(not address):
                ray.init(
                    address=address or "local",
                    include_dashboard=None if address else False,
                    log_to_driver=verbose,
                    logging_level=level,
                )
            break
        except SystemExit as stopped:  # what Ray's own handler makes of SIGTERM, until ours is back
            raise KeyboardInterrupt from stopped
        except Exception as error:  # Ray has no class of its own for it
            _say_or_raise(error, address, attempt)
    take_sigterm_as_ctrl_c()
    os.environ.setdefault("TUNE_PRINT_ALL_TRIAL_ERRORS", str(int(verbose)))  # thirty lines each; ours is one
    for name in ("ray", "ray.tune"):
        logging.getLogger(name).setLevel(level)


def check_alive() -> None:
    """Looks whether Ray still has a machine: its own process can be killed, and trials would then wait forever.

    Raises:
        ConnectionError: every machine is gone, this one too.
    """
    if not any(node["Alive"] for node in ray.nodes()):
        raise ConnectionError(
            "Ray must run for as long as the sweep does, but its process on this machine has ended, killed for want of "
            "memory perhaps; finished epochs are saved: run the same command again to resume"
        )


def address_of(node: str) -> str:
    """The address of the machine that Ray calls `node`: not the loopback interface's, which every machine has."""
    return str(node_ip_address_from_perspective()) if node == LOOPBACK else node


@contextmanager
def _on_loopback(is_wanted: bool) -> Iterator[None]:
    """Ray started within it takes the loopback interface's address for this machine's, and listens there alone.

    Left to itself, it does so on macOS and Windows, where a firewall would ask; on Linux it listens on every interface.
    `ray.init` refuses the loopback interface's address as an argument.
    """
    name = "ENABLE_RAY_CLUSTER"
    before = getattr(ray_constants, name)
    setattr(ray_constants, name, before and not is_wanted)
    try:
        yield
    finally:
        setattr(ray_constants, name, before)


def _give_token() -> None:
    """A password of its own for the Ray of this process, so that nobody else on the machine can send it code.

    Left to itself, Ray writes one into the home folder. Two that do so at the same moment overwrite each other's, and
    where the home folder cannot be written none starts.
    """
    if not any(name in os.environ for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")):
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def _say_or_raise(error: Exception, address: str | None, attempt: int) -> None:
    reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
    where = f"join the cluster at {address}" if address else "start on this machine"
    if attempt == NUM_ATTEMPTS:
        raise ConnectionError(
            f"Ray must {where}, but could not in {attempt} attempts: {reason}; its logs are in the newest session "
            "folder below /tmp/ray; run the same command again once the machine is less busy"
        ) from error
    print(f"Ray could not {where} (attempt {attempt} of {NUM_ATTEMPTS}): {reason}", file=sys.stderr, flush=True)
    ray.shutdown()
