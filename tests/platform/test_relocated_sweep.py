"""Sweeps whose results folder was copied or moved, or whose checkpoints are gone: the numbers stay."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import pytest

import platform.sweep
from tests.chaos.faults import Target, kill_driver, workers
from tests.small_sweep import CELLS, NUM_TRIALS, ROOT, finish, fork, numbers, query, table, trials, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_interrupted_sweep_that_was_copied_or_moved_reaches_the_same_numbers_in_its_new_place(
    undisturbed: tuple[Path, str], fresh: Path, tmp_path: Path
) -> None:
    process = fork(fresh)
    wait_for(process, fresh, 2, num_epochs=1)
    training = workers(process.pid)
    kill_driver(Target(process, [], ROOT, {}, fresh, None, fresh, random.Random(0)))
    process.communicate()
    while any(Path(f"/proc/{pid}").exists() for pid in training):  # one may still end its epoch
        time.sleep(0.1)
    assert "RUNNING" in trials(fresh).values() and list(fresh.glob("sweeps/*/trials/*/epoch-*.ckpt"))

    copied = Path(shutil.copytree(fresh, tmp_path / "copied"))
    left_alone = contents(fresh)
    _adopted_and_resumed(copied, undisturbed)
    assert contents(fresh) == left_alone
    moved = fresh.rename(tmp_path / "moved")
    _adopted_and_resumed(moved, undisturbed)
    assert not fresh.exists()


def _adopted_and_resumed(results: Path, undisturbed: tuple[Path, str]) -> None:
    refused = fork(results)
    _, err = refused.communicate(timeout=60)
    assert refused.returncode == 2 and "moved or copied" in err
    assert platform.sweep.main(["--adopt", "--results", str(results)]) == 0
    output = finish(fork(results))
    assert table(output) == table(undisturbed[1])
    assert numbers(results) == numbers(undisturbed[0])
    assert len(list(results.glob("artifacts/*/artifacts/model/best-*.safetensors"))) == NUM_TRIALS
    assert len(list(results.glob("stores/*.arrow"))) == 1  # the images are not prepared again
    assert not list(results.glob("sweeps/*/trials/*"))


def test_a_finished_sweep_is_extended_although_its_checkpoints_are_gone(
    undisturbed: tuple[Path, str], tmp_path: Path
) -> None:
    results = Path(shutil.copytree(undisturbed[0], tmp_path / "results"))
    platform.sweep.main(["--adopt", "--results", str(results)])
    (weights, *_) = results.glob("artifacts/*/artifacts/model/best-*.safetensors")
    ((key,),) = query(results, f"select value from tags where key = 'trial' and run_uuid = '{weights.parts[-4]}'")
    (sweep,) = results.glob("sweeps/*")
    left_over = sweep / "trials" / key  # as a process leaves it that is killed at the wrong moment
    left_over.mkdir(parents=True)
    shutil.copy(weights, left_over)
    finish(fork(results, "--repeats", "2"))
    assert len(trials(results)) == NUM_TRIALS + len(CELLS) and set(trials(results).values()) == {"FINISHED"}
    assert numbers(undisturbed[0]).items() <= numbers(results).items()
    assert not list(results.glob("sweeps/*/trials/*"))
