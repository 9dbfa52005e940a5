"""Printed commands: this interpreter, from where the user stands, with whatever their words need in quotes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from trainables import pasting
from trainables.pasting import ROOT, command_line


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with an environment that links to an interpreter elsewhere, as venvs do; the user stands in it."""
    root = tmp_path / "a clone"
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setattr(pasting, "ROOT", root)
    monkeypatch.setattr(sys, "executable", str(root / ".venv" / "bin" / "python"))
    monkeypatch.chdir(root)
    return root


def test_in_the_repository_the_interpreter_is_the_environments(environment: Path) -> None:
    assert command_line("platform.sweep", "retina") == ".venv/bin/python -m platform.sweep retina"
    assert command_line("platform.ui", "a b") == ".venv/bin/python -m platform.ui 'a b'"


def test_elsewhere_the_command_goes_there_first(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert command_line("platform.sweep") == f"cd '{environment}' && .venv/bin/python -m platform.sweep"


def test_an_interpreter_outside_is_named_in_full(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3.11")
    assert command_line("platform.sweep") == "/usr/bin/python3.11 -m platform.sweep"
    monkeypatch.setattr(sys, "executable", str(environment / "python"))  # a bare name would be looked up in PATH
    assert command_line("platform.sweep").endswith("/a clone/python' -m platform.sweep")


@pytest.mark.parametrize("folder", [ROOT, Path("/")])
def test_the_command_runs_as_it_stands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    line = command_line("platform")
    done = subprocess.run(["sh", "-c", line], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "platform.sweep" in done.stdout, done.stderr
