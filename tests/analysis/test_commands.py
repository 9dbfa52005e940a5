"""The commands' help, and their refusals: there at once, since nothing large is imported for them."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from analysis.tables import rendering, table_flags

LARGE = ("pandas", "mlflow", "torch", "matplotlib", "sklearn", "scipy", "numpy", "sqlalchemy")
TABLES = [f"table_{number}" for number in range(1, 7)]
COMMANDS = [
    "attention_maps",
    "bundle",
    "compare",
    "figure_1",
    "figure_search",
    "optuna_export",
    "power",
    "report",
    "runs",
]
COMMANDS += ["table_depths", *TABLES]
OF_A_DATA_SET = ["attention_maps", "figure_search", "optuna_export", "power", "report", "runs"]
NEEDED = {"optuna_export": ("--to", "sqlite:///studies.db")}  # what else a command must be given


def ran(code: str, *arguments: str) -> list[str]:
    """The lines that a program prints, and last which of the large packages it has imported."""
    code += f"\nimport sys; print(sorted(set(sys.modules) & {set(LARGE)}))"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return [*done.stderr.splitlines(), *done.stdout.splitlines()]


def test_these_are_all_commands() -> None:
    folder = Path(table_flags.__file__).parents[1]
    assert sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__") == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_imports_nothing_large(command: str) -> None:
    *text, imported = ran(f"import analysis.{command} as c; c.parser().print_help()")
    assert imported == "[]"
    assert text[0].startswith(f"usage: python -m analysis.{command} ") and text[0].endswith("[options]")
    if command not in ("figure_1", "runs"):
        assert "what is written:" in text
    if command not in ("figure_1", "table_6", "table_depths"):
        assert "which runs:" in text and any("--results DIR" in line for line in text)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder with runs of two data sets, and a third that was only prepared."""
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database, database:
        database.execute("create table experiments (name text)")
        database.executemany("insert into experiments values (?)", [("Default",), ("retina",), ("lesions",)])
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "moles.json").touch()
    return tmp_path


@pytest.mark.parametrize("command", OF_A_DATA_SET)
@pytest.mark.parametrize(("typed", "meant"), [("retin", "retina"), ("lesion", "lesions"), ("mole", "moles")])
def test_a_misspelt_data_set_is_refused_at_once_with_the_nearest_one(
    command: str, typed: str, meant: str, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    code = f"import sys, analysis.{command} as c; print(c.main(sys.argv[1:]))"
    refusal, status, imported = ran(code, typed, "--results", str(results), *NEEDED.get(command, ()))
    assert (status, imported) == ("2", "[]")
    assert f"but got '{typed}' (did you mean {meant}?)" in refusal and "with runs in sqlite:" in refusal
    assert "retina, lesions" in refusal or "lesions, retina" in refusal


@pytest.mark.parametrize("command", OF_A_DATA_SET)
def test_a_folder_without_runs_is_refused_at_once(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    code = f"import sys, analysis.{command} as c; print(c.main(sys.argv[1:]))"
    refusal, status, imported = ran(code, "retina", "--results", str(tmp_path / "typo"), *NEEDED.get(command, ()))
    assert (status, imported) == ("2", "[]")
    assert f"no MLflow file at {tmp_path / 'typo' / 'mlflow.db'}" in refusal and "--results" in refusal


def test_each_format_has_its_function() -> None:
    assert tuple(rendering.FORMATS) == table_flags.FORMATS
