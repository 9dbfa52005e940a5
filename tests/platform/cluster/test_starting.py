"""Ray starts on this machine, or joins the cluster that there is; where it cannot, one sentence says so."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import ray

from platform.cluster import starting
from tests.listening import interfaces

ROOT = Path(__file__).parents[3]
TOKENS = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
RACE = "Failed to start GCS.\n\nInvalidAuthToken: Authentication token is missing or incorrect."


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_ADDRESS", *TOKENS):
        monkeypatch.setenv(name, "")  # so that what a test sets is undone
        monkeypatch.delenv(name)
    monkeypatch.setattr(ray._private.utils, "read_ray_address", lambda: None)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)


class Init:
    """In the place of `ray.init`: fails as often as it is told to."""

    def __init__(self, num_failures: int, error: BaseException) -> None:
        self.num_calls, self._num_failures, self._error = 0, num_failures, error

    def __call__(self, **options: Any) -> None:
        self.options, self.token = options, os.environ.get("RAY_AUTH_TOKEN")
        self.num_calls += 1
        if self.num_calls <= self._num_failures:
            raise self._error


def test_without_a_cluster_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert starting.cluster_address() is None
    assert capsys.readouterr().err == ""


def test_ray_address_names_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray._private.utils, "read_ray_address", lambda: "10.0.0.1:1")
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    assert starting.cluster_address() == "auto"
    monkeypatch.setenv("RAY_ADDRESS", "local")
    assert starting.cluster_address() is None


def test_a_head_that_answers_is_joined_and_one_that_is_gone_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        monkeypatch.setattr(ray._private.utils, "read_ray_address", lambda: address)
        assert starting.cluster_address() == address
    assert starting.cluster_address(tell=True) is None
    assert capsys.readouterr().err == f"no Ray answers at {address}, where one was started; using this machine only\n"


def test_a_stop_while_ray_starts_is_a_clean_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "init", Init(1, SystemExit(signal.SIGTERM)))  # as Ray's own handler does
    with pytest.raises(KeyboardInterrupt):
        starting.start_ray(verbose=False)


def test_a_start_that_fails_is_told_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    init = Init(2, RuntimeError(RACE))
    monkeypatch.setattr(ray, "init", init)
    starting.start_ray(verbose=False)
    assert init.num_calls == 3
    assert capsys.readouterr().err.splitlines() == [
        f"Ray could not start on this machine (attempt {attempt} of 3): {RACE.splitlines()[-1]}" for attempt in (1, 2)
    ]


def test_a_ray_that_never_starts_is_a_sentence_and_the_sweep_can_be_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "init", Init(9, Exception("The current node timed out during startup.")))
    with pytest.raises(ConnectionError, match=r"must start on this machine, but could not in 3 .* timed out during"):
        starting.start_ray(verbose=False)
    with pytest.raises(ConnectionError, match=r"must join the cluster at auto, but could not in 3 attempts: TimeoutE"):
        monkeypatch.setenv("RAY_ADDRESS", "auto")
        monkeypatch.setattr(ray, "init", Init(9, TimeoutError()))
        starting.start_ray(verbose=False)


def test_ray_on_this_machine_has_a_token_of_its_own_unless_the_user_chose_one(monkeypatch: pytest.MonkeyPatch) -> None:
    init = Init(0, Exception())
    monkeypatch.setattr(ray, "init", init)
    starting.start_ray(verbose=False)
    first = init.token
    assert first and len(first) == 64
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    starting.start_ray(verbose=False)
    assert init.token not in (None, first)
    for name, value, seen in [(TOKENS[0], "disabled", None), (TOKENS[1], "mine", "mine"), (TOKENS[2], "/file", None)]:
        with monkeypatch.context() as chosen:
            chosen.delenv("RAY_AUTH_TOKEN", raising=False)
            chosen.setenv(name, value)
            starting.start_ray(verbose=False)
            assert init.token == seen, name


def test_a_cluster_is_joined_with_its_own_token(monkeypatch: pytest.MonkeyPatch) -> None:
    init = Init(0, Exception())
    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    starting.start_ray(verbose=False)
    assert init.options["address"] == "auto" and init.token is None


STARTED = """
import ray
from platform.cluster.starting import start_ray
start_ray(verbose=False)
print(ray.get(ray.remote(lambda: 5).remote()))
"""


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_rays_that_start_at_once_in_a_home_that_cannot_be_written_do_not_hinder_each_other(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("no folder, so that not even root can write into it")
    others = {name: value for name, value in os.environ.items() if name not in ("RAY_ADDRESS", *TOKENS)}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", STARTED],
            cwd=ROOT,
            env={**others, "HOME": str(home)},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    for started in both:
        out, err = started.communicate()
        assert (started.returncode, out) == (0, "5\n"), err


LISTENS = (
    STARTED
    + """
input()
"""
)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_ray_on_one_machine_listens_on_the_loopback_interface_alone() -> None:
    others = {name: value for name, value in os.environ.items() if name not in ("RAY_ADDRESS", *TOKENS)}
    started = subprocess.Popen(
        [sys.executable, "-c", LISTENS],
        cwd=ROOT,
        env={**others, "RAY_ADDRESS": "local"},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert started.stdout is not None and started.stdout.readline() == "5\n"
    seen: set[str] = set()
    for _ in range(20):  # some of Ray's processes begin to listen later than the first task ends
        seen |= interfaces(started.pid)
        time.sleep(0.1)
    started.communicate("\n")
    assert seen == {"127.0.0.1"}


def test_the_machine_of_a_trial_is_not_called_by_the_address_that_every_machine_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(starting, "node_ip_address_from_perspective", lambda: "10.0.0.7")
    assert [starting.address_of(node) for node in ("127.0.0.1", "10.0.0.6", "")] == ["10.0.0.7", "10.0.0.6", ""]
