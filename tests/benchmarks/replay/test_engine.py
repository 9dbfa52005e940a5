"""The engine plays what a sweep does: by hand on tiny curves, and beside sweeps that Ray Tune ran."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from platform.sweeping.fair_scheduler import FairScheduler
from platform.sweeping.plan import Plan
from platform.sweeping.records import TrialRecord
from platform.sweeping.schedulers import DEFAULT_SCHEDULER, asha
from platform.sweeping.studies import make_studies
from platform.tracking.ledger import Ledger
from search_spaces import space_of
from search_spaces.presets import PRESETS
from tests.benchmarks.replay import scripted
from tests.benchmarks.replay.engine import Replay, Trace, plan_of
from tests.small_sweep import CELLS, query

CELL = "transfer/none/densenet40/all"
NUM_EPOCHS = 9
SCORES = (0.5, 0.4, 0.6, 0.52, 0.56)  # of five trials, in all of their epochs


def flat(score: float) -> Any:
    return np.full((2, NUM_EPOCHS), score)


def played(num_slots: int, scores: Sequence[float] = SCORES) -> Trace:
    space = space_of("retina").narrowed([CELL])
    plan = plan_of(make_studies(space, "optuna", len(scores), seed=7), space, NUM_EPOCHS)
    scheduler = FairScheduler(plan, asha(grace_epochs=1, reduction_factor=3))  # rungs at epochs 1, 3 and 9
    return Replay(plan, scheduler, lambda record: flat(scores[record.number]), num_slots).run()


def test_a_trial_is_stopped_at_the_rung_where_it_falls_behind() -> None:
    trace = played(num_slots=1)
    # The first is alone at its rungs. 0.4 < 0.5. 0.6 leads. 0.52 < 0.533, the upper third of 0.4, 0.5 and 0.6. 0.56 is
    # above that of 0.4, 0.5, 0.52 and 0.6, and at epoch 3 below 0.567, that of 0.5 and 0.6.
    assert [curve.shape[1] for curve in trace.curves] == [9, 1, 9, 1, 3]
    assert trace.trial.tolist() == [0] * 9 + [1] + [2] * 9 + [3] + [4] * 3
    assert trace.epoch.tolist() == [*range(1, 10), 1, *range(1, 10), 1, 1, 2, 3]
    assert trace.leader.tolist() == [0] * 10 + [2] * 13
    assert set(played(num_slots=1, scores=(0.5, 0.5)).leader.tolist()) == {0}  # the earlier one of two equals


def test_two_slots_take_turns() -> None:
    trace = played(num_slots=2, scores=(0.5, 0.6, 0.4))
    # Trials 0 and 1 run side by side; at its epoch 3 trial 1 is above trial 0, at epoch 1 trial 2 is below both.
    assert trace.trial.tolist() == [0, 1] * 9 + [2]
    assert trace.leader.tolist() == [0] + [1] * 18


def test_a_searcher_is_told_the_best_epoch_and_a_judge_the_best_so_far() -> None:
    curves = {0: [0.5, 0.9, 0.1], 1: [0.8, 0.6, 0.7]}
    space = space_of("retina").narrowed([CELL])
    plan = plan_of(make_studies(space, "optuna", 2, seed=7), space, 3)
    scheduler = FairScheduler(plan, asha(grace_epochs=2, reduction_factor=3))  # one rung, at epoch 2
    trace = Replay(plan, scheduler, lambda record: np.array([curves[record.number]] * 2)).run()
    assert plan.studies[CELL].scores == {0: 0.9, 1: 0.8}
    assert [curve.shape[1] for curve in trace.curves] == [3, 2]
    assert [list(curve[0]) for curve in trace.curves] == [[0.5, 0.9, 0.1], [0.8, 0.6]]


def asked(records: Sequence[TrialRecord]) -> list[tuple]:
    """What a sweep asked for, in its order, and how long each trial lasted."""
    return [
        (r.study, r.spec.config.phase, r.number, r.spec.searched, len(r.best_scores), r.best_scores, bool(r.stopped))
        for r in records
    ]


def identity(record: TrialRecord) -> tuple:
    config = record.spec.config
    return record.spec.cell.name, config.seed, tuple(sorted(record.spec.searched.items()))


def replayed(plan: Plan, curves: Mapping[tuple, list[float]], scheduler: str) -> list[tuple]:
    """The same of a plan that is played on known curves; one that nobody knows is an error."""

    def curve_of(record: TrialRecord) -> Any:
        return np.array([curves[identity(record)]] * 2)

    Replay(plan, FairScheduler(plan, scheduler), curve_of).run()
    return asked(list(plan.records.values()))


@pytest.mark.slow
def test_a_small_sweep_and_its_replay_ask_the_same(undisturbed: tuple[Path, str], tmp_path: Path) -> None:
    shutil.copy(undisturbed[0] / "mlflow.db", tmp_path)  # a ledger writes to the sweep's own run when it is opened
    ((name, settings),) = query(
        tmp_path,
        "select a.value, b.value from tags a join tags b on a.run_uuid = b.run_uuid "
        "where a.key = 'sweep' and b.key = 'settings'",
    )
    ledger = Ledger(f"sqlite:///{tmp_path / 'mlflow.db'}", "retina", name, {"settings": settings}, None)
    records = ledger.records()
    scores = query(tmp_path, "select run_uuid, value from metrics where key = 'score' order by run_uuid, step")
    curves = {identity(r): [value for run_id, value in scores if run_id == r.run_id] for r in records}
    space = PRESETS["quick"].fitted(space_of("retina")).narrowed(CELLS)
    plan = plan_of(make_studies(space, "optuna", 2, seed=0), space, 3, num_repeats=1)
    assert replayed(plan, curves, DEFAULT_SCHEDULER) == asked(records)
    assert len(records) == 6


@pytest.mark.slow
@pytest.mark.parametrize(("scheduler", "num_lengths"), [(DEFAULT_SCHEDULER, 1), ("asha", 2)])
def test_ray_tune_and_the_engine_ask_the_same(
    tmp_path: Path, empty_mlflow: Path, capsys: pytest.CaptureFixture[str], scheduler: str, num_lengths: int
) -> None:
    """Fourteen trials of two cells, through Ray Tune, runner and ledger; only the training is a formula."""
    shutil.copy(empty_mlflow, tmp_path)
    space = space_of("retina").narrowed(CELLS)

    def plan() -> Plan:
        return plan_of(make_studies(space, "optuna", 6, seed=3), space, scripted.NUM_EPOCHS, num_repeats=1)

    real = plan()
    scripted.run(real, tmp_path, scheduler)
    assert "its worker failed" not in capsys.readouterr().out
    ran = list(real.records.values())
    curves = {identity(r): scripted.curve(asdict(r.spec.config)) for r in ran}
    stopped = {len(r.best_scores) for r in ran if r.stopped}
    assert len(ran) == 14 and len(stopped) >= num_lengths  # stopped at several rungs, where there are several
    assert replayed(plan(), curves, scheduler) == asked(ran)
