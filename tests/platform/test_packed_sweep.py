"""Sweeps whose workers train several configurations of a cell together have the numbers of those that train one."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.chaos.faults import Target, kill_driver, kill_worker, workers
from tests.small_sweep import CELLS, NUM_TRIALS, ROOT, draw_teacher, finish, fork, numbers, query, trials, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

IN_A_FIXED_ORDER = ("--searcher", "random", "--scheduler", "none")  # what is tried depends on no result
IN_PACKS = (*IN_A_FIXED_ORDER, "--pack", "2")


@pytest.fixture(scope="module")
def one_by_one(empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the sweep without packs."""
    results = tmp_path_factory.mktemp("one-by-one")
    draw_teacher(results)
    shutil.copy(empty_mlflow, results)
    finish(fork(results, *IN_A_FIXED_ORDER))
    return results


def left_over(results: Path) -> list[Path]:
    """What trials and packs have left behind."""
    folders = [folder for name in ("trials", "over") for folder in results.glob(f"sweeps/*/{name}")]
    return [path for folder in folders for path in folder.iterdir()]


def test_a_sweep_in_packs_has_the_same_trials_and_every_number_of_one_without(one_by_one: Path, fresh: Path) -> None:
    finish(fork(fresh, *IN_PACKS))
    expected = numbers(one_by_one)
    assert trials(fresh) == trials(one_by_one) and len(trials(one_by_one)) == NUM_TRIALS
    assert numbers(fresh) == expected
    assert len({trial for trial, name, _ in expected if name == "test/accuracy"}) == len(CELLS)
    assert left_over(fresh) == []


def test_a_pack_whose_worker_and_then_whose_driver_is_killed_reaches_the_same_numbers(
    one_by_one: Path, fresh: Path
) -> None:
    process = fork(fresh, *IN_PACKS)
    sweep = Target(process, [], ROOT, {}, fresh, None, fresh, random.Random(0))
    wait_for(process, fresh, 0, num_epochs=2)  # of the first pack
    (worker,) = workers(process.pid)
    kill_worker(sweep)
    wait_for(process, fresh, 2, num_epochs=2)  # of the second, whose students have a teacher
    assert worker not in workers(process.pid)
    kill_driver(sweep)
    process.communicate()
    assert list(trials(fresh).values()).count("RUNNING") == 2
    finish(fork(fresh, *IN_PACKS))
    assert trials(fresh) == trials(one_by_one) and numbers(fresh) == numbers(one_by_one)
    assert left_over(fresh) == []


def test_a_member_that_the_scheduler_stops_leaves_its_pack(fresh: Path) -> None:
    flags = ("--searcher", "random", "--scheduler", "asha", "--trials", "8", "--pack", "8", "--cells", CELLS[0])
    output = finish(fork(fresh, *flags))
    assert set(trials(fresh).values()) == {"FINISHED"} and len(trials(fresh)) == 9
    epochs = query(
        fresh,
        "select s.value, max(m.step) from metrics m join tags p on p.run_uuid = m.run_uuid and p.key = 'phase' "
        "and p.value = 'search' left join tags s on s.run_uuid = m.run_uuid and s.key = 'stopped' "
        "where m.key = 'score' group by m.run_uuid",
    )
    stopped = [last for rule, last in epochs if rule == "asha"]
    assert 0 < len(stopped) < 8 and set(stopped) == {1}, (epochs, output)
    assert [last for rule, last in epochs if rule != "asha"] == [3] * (8 - len(stopped))
    assert output.count("stopped early after epoch 1") == len(stopped)
    assert left_over(fresh) == []  # a worker that had gone on would have made its folder again
