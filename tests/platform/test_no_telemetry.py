"""MLflow and Ray report to nobody what runs here, and MLflow says nothing of its tables, whoever imports it first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIRST = {
    "a sweep, whose early thread imports it": "import platform.cluster.early_start as e; e._import_slowly()",
    "a report from a server": "import analysis.reading.mlflow_client",
    "a withdrawal of patients": "import platform.withdrawing.recorded_runs",
}
SEEN = """
import logging
from mlflow.telemetry.client import get_telemetry_client
print(get_telemetry_client() is not None, logging.getLogger("mlflow").level)
"""


def _seen(first: str, seen: str = SEEN, **settings: str) -> str:
    """What is printed at the end of a process that begins like this: whether MLflow would report, and its log level."""
    # No PYTEST_CURRENT_TEST, CI or the like: MLflow never reports from there.
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    command = [sys.executable, "-c", first + seen]
    return subprocess.run(command, cwd=ROOT, env=kept | settings, text=True, check=True, capture_output=True).stdout


@pytest.mark.parametrize("first", FIRST.values(), ids=FIRST)
def test_mlflow_reports_nothing_and_is_quiet(first: str) -> None:
    assert _seen(first) == "False 30\n"


def test_who_sets_something_else_keeps_that() -> None:
    first = FIRST["a report from a server"]
    assert _seen(first, MLFLOW_LOGGING_LEVEL="ERROR", MLFLOW_DISABLE_TELEMETRY="true") == "False 40\n"


def test_ray_reports_nothing(tmp_path: Path) -> None:
    seen = "\nfrom ray._common.usage.usage_lib import usage_stats_enabled\nprint(usage_stats_enabled())"
    nobodys_choice = {"RAY_USAGE_STATS_CONFIG_PATH": str(tmp_path / "none.json")}
    assert _seen("import platform.cluster.early_start", seen, **nobodys_choice) == "False\n"
    assert _seen("import ray", seen, **nobodys_choice) == "True\n"  # what it would do otherwise
