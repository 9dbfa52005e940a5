"""A machine that has a GPU and PyTorch, but no Ray, Optuna or MLflow, can run the tests of this folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ABSENT = ("imagehash", "mlflow", "optuna", "ray")
SCRIPT = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
import pytest
sys.exit(pytest.main(["-n0", "-q", "--collect-only", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""


def collected(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The outcome of collecting in a Python that cannot import what is `ABSENT`."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    command = [sys.executable, "-c", SCRIPT, *arguments]
    return subprocess.run(command, cwd=ROOT, env=others, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_tests_of_trials_are_collected_without_ray_optuna_and_mlflow() -> None:
    done = collected("tests/trainables")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "error" not in done.stdout.splitlines()[-1]
    names = ("test_on_cuda", "test_gpu_full", "test_selection", "transfer/test_methods", "test_titles")
    assert not [name for name in names if f"tests/trainables/{name}.py::" not in done.stdout]


@pytest.mark.slow
def test_the_benchmarks_of_a_gpu_import_none_of_them(tmp_path: Path) -> None:
    folder = ROOT / "tests" / "benchmarks" / "gpu"
    modules = [path.stem for path in folder.glob("*.py") if not path.stem.startswith(("__", "test_"))]
    (tmp_path / "test_it.py").write_text("".join(f"import tests.benchmarks.gpu.{name}\n" for name in modules))
    done = collected(str(tmp_path / "test_it.py"))
    assert done.returncode == 5 and "no tests collected" in done.stdout, done.stdout[-2000:]
    assert {"guided", "one_training", "together", "view_speed", "waiting"} < set(modules)


@pytest.mark.slow
def test_a_file_that_imports_one_of_them_would_be_an_error(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("import ray\n")
    done = collected(str(tmp_path / "test_it.py"))
    assert done.returncode == 2 and "No module named 'ray'" in done.stdout
