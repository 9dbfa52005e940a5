"""One field of `TrialConfig` is all that a knob needs: a copy of the code with a toy knob shows it everywhere."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AXIS = """
    toy: float = knob(
        0.5, role=AXIS, flag="--toy", plural="--toys", metavar="T", low=0, high=9, help="a toy's strength"
    )
"""
SETUP = """
    plain_toy: str = knob("wood", role=SETUP, flag="--plain-toy", choices=("wood", "tin"), help="what a toy is made of")
"""
TUNED = """
    tuned_toy: float = knob(
        1.0, role=TUNED, flag="--tuned-toy", metavar="X", help="a toy's speed", search=Range(low=1, high=2, first=1)
    )
"""
SWEEP = [
    *("retina", "--phantom-size", "12", "--image-size", "32", "--epochs", "1", "--trials", "2", "--repeats", "1"),
    *("--init", "random", "--students", "densenet40", "--average-labels", "defined", "--concurrent", "1"),
    *("--name", "toys", "--toys", "0.5", "2", "--plain-toy", "tin", "--cells", "transfer/*"),
]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a module of a copy of the code in which `TrialConfig` has three more fields."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("platform", "analysis", "search_spaces", "trainables", "tests", "docs"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", copy)
    config = copy / "trainables" / "config.py"
    head, rest = config.read_text().split("    def __post_init__(self)", 1)
    config.write_text(f"{head.rstrip()}{AXIS}{SETUP}{TUNED}\n    def __post_init__(self){rest}")
    others = ("MLFLOW_TRACKING_URI", "TRANSFER_LOCAL", "TRANSFER_RESULTS")
    environment = {name: value for name, value in os.environ.items() if name not in others}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *arguments]
        environment["TRANSFER_RESULTS"] = str(copy / "results")
        return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=110)

    return run


def test_the_commands_have_its_flag_and_check_it(run: Run) -> None:
    sweep, pretrain = (run("-m", f"platform.{verb}", "--help").stdout for verb in ("sweep", "pretrain"))
    for text in (sweep, pretrain):
        assert "what a toy is made of (default: wood)" in text and "a toy's strength (default: 0.5)" in text
    assert "--toys T [T ...]" in sweep and "--toy T" in pretrain
    assert "--tuned-toy X" in pretrain and "--tuned-toy" not in sweep  # there the search decides
    refused = run("-m", "platform.sweep", "retina", "--toys", "10")
    assert refused.returncode == 2
    assert "argument --toys: 0 <= toy <= 9 must hold, but got toy=10.0" in refused.stderr


def test_the_page_of_options_is_stale_until_it_has_it(run: Run) -> None:
    is_fresh = "from tests.test_options import test_the_page_of_options_is_fresh as test; test()"
    assert "docs/options.md is stale" in run("-c", is_fresh).stderr
    assert run("-m", "tests.options").returncode == 0
    assert run("-c", is_fresh).returncode == 0


def test_it_decides_a_trials_key_and_which_runs_share_a_table(run: Run) -> None:
    program = """
from dataclasses import replace
from analysis.reading.left_out import OF_THE_SETUP
from trainables.config import TrialConfig
from trainables.trial import TrialSpec
plain = TrialConfig(dataset="retina", method="transfer")
configs = [plain, replace(plain, toy=2), replace(plain, plain_toy="tin"), replace(plain, tuned_toy=1.5)]
print(len({TrialSpec(config=config, data_fingerprint="", split_fingerprint="").key for config in configs}))
print("params.plain_toy" in OF_THE_SETUP, "params.toy" in OF_THE_SETUP)
"""
    assert run("-c", program).stdout.split() == ["4", "True", "False"]


@pytest.mark.slow
def test_a_sweep_makes_its_cells_and_records_its_values(run: Run) -> None:
    done = run("-m", "platform.sweep", *SWEEP)
    assert done.returncode == 0, done.stderr
    (folder,) = (line.split()[1] for line in done.stdout.splitlines() if line.startswith("  results:"))
    with sqlite3.connect(f"{folder}/mlflow.db") as database:

        def values(table: str, key: str) -> set[str]:
            return {value for (value,) in database.execute(f"select value from {table} where key = ?", (key,))}

        column = "transfer/none/densenet40/all@from-random"
        assert values("tags", "cell") == {column, f"{column},toy=2"}
        assert values("params", "toy") == {"0.5", "2.0"}
        assert values("params", "plain_toy") == {"tin"}
        tuned = {float(value) for value in values("params", "tuned_toy")}
        assert 1.0 in tuned and len(tuned) > 1 and all(1 <= value <= 2 for value in tuned)
        (settings,) = (json.loads(value) for value in values("tags", "settings"))
        assert settings["plain_toy"] == "tin" and settings["tuned"]["tuned_toy"] == [1, 2]
