"""Results that an earlier version left behind are read and gone on with, or refused in a sentence; never misread.

`form_N.tar.xz` holds the results of a small sweep in the record's form N, without weights and phantoms:

    python -m platform.sweep retina --cells "transfer/none/densenet40/all@from-random" --init random --trials 2 \
        --epochs 2 --image-size 32 --phantom-size 28 --repeats 2 --name kept

Whoever raises `RECORD_VERSION` keeps the old folder here and adds one of the new form.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from analysis import table_5
from analysis.reading.record_form import RECORD_VERSION
from analysis.reading.trials import runs
from trainables.trial import RECIPE_VERSION

ROOT = Path(__file__).parents[2]
KEPT = sorted(Path(__file__).parent.glob("form_*.tar.xz"))
COMMAND = (
    *("retina", "--cells", "transfer/none/densenet40/all@from-random", "--init", "random", "--trials", "2"),
    *("--epochs", "2", "--image-size", "32", "--phantom-size", "28", "--repeats", "2", "--name", "kept"),
)
DEFAULTS_THEN = {3: ("--scheduler", "asha")}  # by form: what has another default now
TEST_AUCS = {3: {1: 0.5208854166666667, 2: 0.38473958333333336}}  # by form, and by the repeat's seed


@pytest.fixture(params=KEPT, ids=lambda path: path.name)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[int, Path]:
    """The form of the record, and the folder, unpacked."""
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    return int(request.param.name.removeprefix("form_").removesuffix(".tar.xz")), tmp_path / "results"


def test_the_present_form_is_among_them() -> None:
    assert f"form_{RECORD_VERSION}.tar.xz" in {path.name for path in KEPT}


def test_its_numbers_are_read_or_refused(kept: tuple[int, Path], capsys: pytest.CaptureFixture[str]) -> None:
    form, results = kept
    uri = f"sqlite:///{results / 'mlflow.db'}"
    if form != RECORD_VERSION:
        assert table_5.main(["--results", str(results)]) == 2
        (sentence,) = capsys.readouterr().err.strip().splitlines()
        assert "form" in sentence
        return
    confirmed = runs(uri, "retina").confirm
    aucs = dict(zip(confirmed["params.seed"].astype(int), confirmed["metrics.test_auc"], strict=True))
    assert aucs == TEST_AUCS[form]
    assert table_5.main(["--results", str(results)]) == 0
    assert "PHANTOM" in capsys.readouterr().out


@pytest.mark.slow
def test_the_sweep_goes_on_without_training_anything_again_or_is_refused(kept: tuple[int, Path]) -> None:
    form, results = kept
    adopted = _sweep("--adopt", results=results)
    if form != RECORD_VERSION or _recipe(results) != RECIPE_VERSION:
        refused = _sweep(*COMMAND, results=results)
        assert refused.returncode == 2 and len(refused.stderr.strip().splitlines()) == 1
        return
    assert adopted.returncode == 0, adopted.stderr
    before = _trials(results)
    refused = _sweep(*COMMAND, results=results)
    assert refused.returncode == 2 and "scheduler: asha before, early-discard now" in refused.stderr
    again = _sweep(*COMMAND, *DEFAULTS_THEN[form], results=results)
    assert again.returncode == 0, again.stderr
    assert _trials(results) == before and len(before) == 4
    assert "transfer/none/densenet40/all@from-random" in again.stdout


def _sweep(*arguments: str, results: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "platform.sweep", *arguments, "--results", str(results)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)


def _trials(results: Path) -> set[tuple[str, str]]:
    with sqlite3.connect(results / "mlflow.db") as database:
        return set(
            database.execute(
                "select run_uuid, status from runs where run_uuid in (select run_uuid from tags where key = 'trial')"
            )
        )


def _recipe(results: Path) -> int:
    with sqlite3.connect(results / "mlflow.db") as database:
        (recipe,) = database.execute("select distinct value from tags where key = 'recipe'").fetchone()
    return int(json.loads(recipe))
