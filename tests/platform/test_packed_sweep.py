"""Sweeps whose workers train several configurations of a cell together have the numbers of those that train one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.small_sweep import CELLS, NUM_TRIALS, finish, fork, numbers, query, trials

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

IN_A_FIXED_ORDER = ("--searcher", "random", "--scheduler", "none")  # what is tried depends on no result


def test_a_sweep_in_packs_has_the_same_trials_and_every_number_of_one_without(tmp_path: Path) -> None:
    for name, size in (("one", 1), ("two", 2)):
        finish(fork(tmp_path / name, *IN_A_FIXED_ORDER, "--pack", str(size)))
    expected = numbers(tmp_path / "one")
    assert trials(tmp_path / "two") == trials(tmp_path / "one") and len(trials(tmp_path / "one")) == NUM_TRIALS
    assert numbers(tmp_path / "two") == expected
    assert len({trial for trial, name, _ in expected if name == "test/accuracy"}) == len(CELLS)


def test_a_member_that_the_scheduler_stops_leaves_its_pack(tmp_path: Path) -> None:
    flags = ("--searcher", "random", "--scheduler", "asha", "--trials", "8", "--pack", "8", "--cells", CELLS[0])
    output = finish(fork(tmp_path, *flags))
    assert set(trials(tmp_path).values()) == {"FINISHED"} and len(trials(tmp_path)) == 9
    epochs = query(
        tmp_path,
        "select s.value, max(m.step) from metrics m join tags p on p.run_uuid = m.run_uuid and p.key = 'phase' "
        "and p.value = 'search' left join tags s on s.run_uuid = m.run_uuid and s.key = 'stopped' "
        "where m.key = 'score' group by m.run_uuid",
    )
    stopped = [last for rule, last in epochs if rule == "asha"]
    assert 0 < len(stopped) < 8 and set(stopped) == {1}, (epochs, output)
    assert [last for rule, last in epochs if rule != "asha"] == [3] * (8 - len(stopped))
    assert output.count("stopped early after epoch 1") == len(stopped)
    for left in ("trials", "over"):  # a worker that had gone on would have made its folder again
        assert [path for folder in tmp_path.glob(f"**/{left}") for path in folder.iterdir()] == []
