"""The pieces of the suite for a GPU, tried on a CPU: each runs, and yields what the targets rest on."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from tests import forking
from tests.benchmarks import figures, targets
from tests.benchmarks.gpu import card_record, judged, one_piece
from tests.benchmarks.gpu.card_pieces import CARD_PIECES, Reading
from tests.benchmarks.gpu.share import rooms

ROOT = Path(__file__).parents[3]
TWO_LARGE = ("at once 8", "at once 4")  # of which `at once 2` is the same code


def test_synchronisations_are_counted_by_the_line_of_ours_that_asks_for_them() -> None:
    from tests.benchmarks.gpu.waiting import counted
    from trainables.batches import batches

    class Rows(list[int]):
        def __array__(self, *_: Any, **__: Any) -> Any:
            warnings.warn("called a synchronizing CUDA operation", stacklevel=1)
            import numpy as np

            return np.array([1, 2, 3])

    rows: Any = Rows([1, 2, 3])
    with counted("cpu") as places:
        warnings.warn("something else", stacklevel=1)
        for _ in range(2):
            list(batches(rows, 2, 0, 1))
    ((place, count),) = places.items()
    assert place.startswith("trainables/batches.py:") and place.endswith(" batches") and count >= 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pieces share."""
    return tmp_path_factory.mktemp("gpu")


def readings(name: str, folder: Path) -> list[Reading]:
    done = forking.run("tests.benchmarks.gpu.one_piece", name, str(folder), "--cpu", environment=os.environ)
    assert done.returncode == 0, done.stderr[-3000:]
    return [reading for line in done.stdout.splitlines() if (reading := one_piece.reading_in(line))]


def test_a_student_for_which_the_card_is_too_small_is_on_record_and_has_no_share(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from tests.benchmarks.gpu import bench_setup, one_training

    def too_large(*_: Any, student: str, **__: Any) -> float:
        if student == "densenet40":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 300.0

    monkeypatch.setattr(one_training, "_speed", too_large)
    monkeypatch.setattr(
        bench_setup.Setup, "taken_of_card", lambda *_: [Reading("densenet121, 512 px: memory on the card", 9, "")]
    )
    found = [
        one_piece.reading_in(one_piece.line_of(each)) for each in one_training.room(bench_setup.on_a_cpu(folder), 512)
    ]
    values = {each.what: str(each.value) for each in found if each}
    facts = {"piece": "room", "unit": "", "n": "", "note": "", "date": "", "seconds": "", "card": "", "card_gib": "80"}
    rows = {
        what: card_record.CardFigure(what=what, value=value, driver="", torch="", cuda="", python="", **facts)
        for what, value in values.items()
    }
    assert [(room.student, room.fit, room.share) for room in rooms(rows, judged.OURS)] == [
        ("densenet121", 8, 1.0),
        ("densenet40", 0, None),
    ]


@pytest.mark.slow
def test_a_trial_on_a_cpu_records_nothing(tmp_path: Path) -> None:
    record = tmp_path / "gpu.csv"
    command = [sys.executable, "-m", "tests.benchmarks.gpu", "--cpu", "--only", "views", "--record", str(record)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0 and "views, share of the floor: " in done.stdout, done.stderr[-3000:]
    assert not record.exists() and "\nviews: done\n" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [each.name for each in CARD_PIECES if each.name not in TWO_LARGE])
def test_each_piece_runs_and_yields_what_the_targets_rest_on(name: str, folder: Path) -> None:
    yielded = {reading.what: reading for reading in readings(name, folder)}
    assert yielded and all(reading.value >= 0 for reading in yielded.values())
    of_a_card = {what for what in judged.SAME.values() if what.endswith("on the card")}  # which a CPU has not
    wanted = {*judged.SAME.values(), *sum(judged.RATIOS.values(), ()), *judged.WAITS} - of_a_card
    by_piece = {
        "plain": {judged.PLAIN},
        "compiled bfloat16": {judged.OURS, f"{judged.OURS}: resident set"},
        "eager": {"one training, eager float32"},
        "timm": {"timm, eager float32"},
        "views": {judged.SAME["views"]},
        "waits": set(judged.WAITS),
        **{f"guided {teacher}": {w for w in wanted if w.startswith(f"{teacher}, ")} for teacher in targets.TEACHERS},
    }
    assert by_piece.get(name, set()) <= set(yielded)
    assert set().union(*by_piece.values()) == wanted


def test_the_command_the_pieces_and_the_record_import_nothing_heavy() -> None:
    script = "import sys, tests.benchmarks.gpu.__main__; print({'torch', 'ray', 'pandas', 'mlflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert figures.RECORD.parent == card_record.RECORD.parent
