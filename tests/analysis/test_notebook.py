"""The notebook in docs/ runs from its first cell to its last, on a store as a sweep leaves it, and keeps no output."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "reading_results.ipynb"
CELLS: list[dict[str, Any]] = [
    {"method": "transfer", "teacher": "none", "student": "densenet40"},
    {"method": "attention", "teacher": "mimic-cxr", "student": "densenet40", "beta": 3.0},
]


def notebook() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


def rows(seed: int, strength: float) -> pd.DataFrame:
    """Predictions of a classifier of two grades, the better the greater `strength` is."""
    truth = np.arange(60) % 3 == 0
    score = 1 / (1 + np.exp(-(strength * truth - strength / 2 + np.random.default_rng(seed).normal(size=60))))
    names = {"image": [f"i{i:02d}" for i in range(60)], "patient": [f"p{i // 2:02d}" for i in range(60)]}
    table = pd.DataFrame(names).assign(view=["left", "right"] * 30, sex="", age_years=np.nan, grade=truth.astype(int))
    for name, positive, probability in (("No_DR", ~truth, 1 - score), ("DR", truth, score)):
        table[f"label_{name}"] = positive.astype(np.int8)
        table[f"probability_{name}"] = probability.astype(np.float32)
    return table


@pytest.fixture(scope="module")
def outputs(new_store: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each code cell shows as text, after a run in a kernel of its own."""
    store = new_store(tmp_path_factory.mktemp("notebook"))
    parent = store.sweep(data="phantom")
    for number, cell in enumerate(CELLS):
        store.trial(parent, phase="search", curve={"best_score": [0.6]}, **cell)
        for seed in range(3):
            metrics = {"test_auc": 0.7 + 0.1 * number + 0.01 * seed, "test_f1_weighted": 0.5}
            curve = {"val_auc": [0.6, 0.65, 0.7]}
            table = rows(10 * number + seed, 1 + 4 * number)
            store.trial(parent, seed=seed, metrics=metrics, curve=curve, predictions=table, **cell)
    store.trial(parent, seed=7, status="FAILED")
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("MLFLOW_TRACKING_URI", raising=False)
        patched.setenv("TRANSFER_RESULTS", str(Path(store.uri.removeprefix("sqlite:///")).parent))
        client = nbclient.NotebookClient(
            notebook(),
            timeout=100,
            coalesce_streams=True,  # a busy kernel sends a line in several pieces
            resources={"metadata": {"path": str(NOTEBOOK.parent)}},
        )
        done = client.execute()
    return [
        "\n".join(str(part.get("text", "")) + str(part.get("data", {}).get("text/plain", "")) for part in cell.outputs)
        + "image/png" * any("image/png" in part.get("data", {}) for part in cell.outputs)
        for cell in done.cells
        if cell.cell_type == "code"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "2 trials of the search, 6 confirming repeats, phantom images", "PHANTOM DATA", "FAILED", "attention/mimic-cxr",
        "AUC: mean over", "81", "attention, mimic-cxr",
        "- attention/mimic-cxr/densenet40/all has a higher AUC", "it says nothing about medicine", "image/png",
        "Points lost from the best epoch to the last", "transfer/none/densenet40/all PHANTOM, seed 0", "highest",
    ],
)  # fmt: skip
def test_it_shows_what_it_speaks_of(outputs: list[str], text: str) -> None:
    assert any(text in output for output in outputs), text


def test_both_figures_are_drawn(outputs: list[str]) -> None:
    assert sum("image/png" in output for output in outputs) == 2


def test_without_a_variable_it_reads_the_results_of_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "TRANSFER_RESULTS"):
        monkeypatch.delenv(name, raising=False)
    first, second, *_ = [cell.source for cell in notebook().cells if cell.cell_type == "code"]
    (line,) = [line for line in second.splitlines() if line.startswith("URI = ")]
    program = f"{first}\nfrom analysis.reading import tracking_uri\n{line}\nprint(URI)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=NOTEBOOK.parent, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == f"sqlite:///{ROOT / 'results' / 'mlflow.db'}\n"


def test_it_is_kept_without_outputs() -> None:
    cells = [cell for cell in notebook().cells if cell.cell_type == "code"]
    assert len(cells) > 5 and [cell.id for cell in cells if cell.outputs or cell.execution_count is not None] == []


def test_its_commands_and_links_are_the_repositorys() -> None:
    text = "\n".join(cell.source for cell in notebook().cells if cell.cell_type == "markdown")
    modules = re.findall(r"python -m ((?:analysis|platform)\.\w+)", text)
    assert modules and all((ROOT / f"{name.replace('.', '/')}.py").is_file() for name in modules)
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links and all((NOTEBOOK.parent / link).is_file() for link in links)
