"""What docs/operations.md lets a user delete: the numbers of a finished sweep do not need it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import platform.status
import platform.sweep
from platform.tracking.adopting import BACKUP
from tests import forking
from tests.small_sweep import CELLS, NUM_TRIALS, environment, finish, fork, numbers, query, table, trials

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_a_finished_sweep_needs_nothing_of_what_may_be_deleted(
    undisturbed: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = Path(shutil.copytree(undisturbed[0], tmp_path / "results"))
    platform.sweep.main(["--adopt", "--results", str(results)])
    before = trials(results), numbers(results)
    searched = query(results, "select run_uuid from tags where key = 'phase' and value = 'search'")
    (results / BACKUP).unlink()
    for name in ("cache", "stores", "phantoms", "sweeps", *(f"artifacts/{run}" for (run,) in searched)):
        shutil.rmtree(results / name)
    capsys.readouterr()
    assert platform.status.main(["--results", str(results)]) == 0
    assert capsys.readouterr().out.startswith("no sweep has begun in ")

    output = finish(fork(results))
    assert table(output) == table(undisturbed[1])
    assert (trials(results), numbers(results)) == before
    assert len(searched) == NUM_TRIALS - len(CELLS)
    for run, _ in query(results, "select run_uuid, value from tags where key = 'phase' and value = 'confirm'"):
        assert (results / "artifacts" / run / "artifacts" / "predictions.parquet").is_file()

    where = ("--results", str(results), "--out", str(tmp_path))
    page = forking.run("analysis.report", "retina", *where, environment=environment())
    assert page.returncode == 0 and (tmp_path / "retina" / "index.html").is_file(), page.stderr
