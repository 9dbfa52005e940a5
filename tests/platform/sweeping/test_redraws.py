"""What repeats draw anew: counted by hand, as ever by default, never trained twice, and continued when resumed."""

from __future__ import annotations

import copy
import hashlib
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from platform.sweeping.plan import Plan
from platform.sweeping.records import TrialRecord
from platform.sweeping.redraws import Redraws, in_words, lines
from platform.sweeping.standing import finished_line, standing_of
from platform.sweeping.studies import make_studies
from search_spaces.retina import SPACE
from search_spaces.space import controls_of
from trainables.config import TrialConfig
from trainables.trial import TrialSpec

BASE = TrialConfig(dataset="retina", method="transfer", seed=10, learning_rate=1e-3)
PLAIN, GUIDED, ITSELF = "transfer/none/densenet40/all", "attention/imagenet/densenet40/all", "itself/imagenet/none/none"
DRAWS = ("seed", "split_draw", "order_seed", "init_seed")
ALL = ("seed", "split", "order", "init")


def drawn(redraws: Redraws, num_repeats: int, best: TrialConfig = BASE) -> list[tuple[Any, ...]]:
    """Per repeat: its number, what it draws anew, and seed, split, order's and first weights' seeds."""
    repeats = redraws.of(best, num_repeats)
    assert len(repeats) == redraws.num_repeats(num_repeats, is_fixed=best.method == "itself")
    assert {repeat.config.phase for repeat in repeats} <= {"confirm"}
    return [(repeat.number, repeat.drawn, *(getattr(repeat.config, name) for name in DRAWS)) for repeat in repeats]


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (("seed",), [(1, "seed", 11, 0, None, None), (2, "seed", 12, 0, None, None)]),
        (("split",), [(1, "split", 10, 1, None, None), (2, "split", 10, 2, None, None)]),
        (("order",), [(1, "order", 10, 0, 11, None), (2, "order", 10, 0, 12, None)]),
        (("seed", "split"), [(1, "seed+split", 11, 1, None, None), (2, "seed+split", 12, 2, None, None)]),
        (ALL, [(1, "seed+split+order+init", 11, 1, 11, 11), (2, "seed+split+order+init", 12, 2, 12, 12)]),
    ],
)
def test_a_repeat_draws_what_is_asked_and_keeps_the_searchs_value_of_the_rest(
    sources: tuple[str, ...], expected: list[tuple[Any, ...]]
) -> None:
    assert drawn(Redraws(sources=sources), 2) == expected


def test_components_draw_one_source_and_keep_the_others_at_the_searchs_value() -> None:
    assert drawn(Redraws(sources=ALL, components=True), 1) == [
        (1, "seed+split+order+init", 11, 1, 11, 11),
        (1, "seed", 11, 0, 10, 10),
        (1, "split", 10, 1, 10, 10),
        (1, "order", 10, 0, 11, 10),
        (1, "init", 10, 0, 10, 11),
    ]
    # Where order and first weights are no sources of their own, the seed draws them: these are the usual repeats.
    assert drawn(Redraws(sources=("seed", "split"), components=True), 1)[1] == drawn(Redraws(), 1)[0]
    assert drawn(Redraws(components=True), 2) == drawn(Redraws(), 2)  # one source alone is all there is


def test_a_teacher_itself_is_scored_once_on_each_split() -> None:
    itself = replace(BASE, method="itself", teacher="imagenet", student="none", beta=None)
    assert drawn(Redraws(), 3, itself) == [(1, "seed", 11, 0, None, None)]
    assert len(drawn(Redraws(sources=("seed", "order"), components=True), 3, itself)) == 1
    splits = [row[3] for row in drawn(Redraws(sources=("seed", "split"), components=True), 3, itself)]
    assert splits == [1, 2, 3]


def test_the_repeats_of_a_fold_stay_in_it() -> None:
    best = replace(BASE, num_folds=3, fold=2)
    assert drawn(Redraws(), 2, best) == [(1, "fold", 11, 0, None, None), (2, "fold", 12, 0, None, None)]
    assert {(r.config.num_folds, r.config.fold) for r in Redraws().of(best, 2)} == {(3, 2)}


def test_in_words() -> None:
    assert [in_words(word) for word in ("seed", "seed+split", "+".join(ALL))] == [
        "seed",
        "seed and split",
        "seed, split, order and init",
    ]
    assert lines(Redraws(), 0, 3) == lines(Redraws(components=True), 0, 3) == []
    assert lines(Redraws(), 5, 1) == ["cross-validation: 5 folds by patient, each searched and confirmed by itself"]
    assert lines(Redraws(sources=("seed", "split"), components=True), 0, 3) == [
        "each repeat draws anew: seed and split",
        "then 3 repeats for each of them alone, for the components of variance",
    ]


def spec_of(config: TrialConfig) -> TrialSpec:
    split = f"{config.split_draw} {config.num_folds} {config.fold}"
    return TrialSpec(config=config, data_fingerprint="d", split_fingerprint=split)


def make_plan(
    records: Any = (),
    *,
    cells: tuple[str, ...] = (PLAIN, GUIDED),
    num_repeats: int = 2,
    num_folds: int = 0,
    **redraws: Any,
) -> Plan:
    space = replace(SPACE, cells=(*SPACE.cells, *controls_of(["imagenet"]))).narrowed(cells)
    studies = make_studies(space, "optuna", 3, 7, num_folds)
    base = replace(BASE, num_folds=num_folds)
    return Plan(studies, base, spec_of, num_repeats, copy.deepcopy(list(records)), redraws=Redraws(**redraws))


def finish(plan: Plan, record: TrialRecord) -> None:
    record.status = "FINISHED"
    record.best_scores = [int(hashlib.sha256(repr(record.spec.config).encode()).hexdigest()[:8], 16) / 2**32]
    plan.settle(record)


def run_to_the_end(plan: Plan) -> list[TrialRecord]:
    order: list[TrialRecord] = []
    while (record := plan.next()) is not None:
        order.append(record)
        finish(plan, record)
    assert plan.finished and plan.num_trials == len(plan.records)
    return order


def test_the_scores_come_before_the_components_and_all_cells_draw_alike() -> None:
    order = run_to_the_end(make_plan(sources=("seed", "split"), components=True))
    confirm = [record for record in order if record.spec.config.phase == "confirm"]
    assert [record.drawn for record in confirm] == ["seed+split"] * 4 + ["seed", "seed", "split", "split"] * 2
    by_cell = {
        cell: [tuple(getattr(r.spec.config, name) for name in DRAWS) for r in confirm if r.spec.cell.name == cell]
        for cell in (PLAIN, GUIDED)
    }
    assert by_cell[PLAIN] == by_cell[GUIDED]
    assert [record.title for record in confirm[3:7]] == [
        "repeat 2 (new seed and split)",
        "repeat 1",
        "repeat 2",
        "repeat 1 (new split)",
    ]


def test_a_sweep_that_grows_trains_nothing_twice() -> None:
    small = make_plan()
    first = {record.spec.key for record in run_to_the_end(small)}
    grown = make_plan(small.records.values(), num_repeats=3, sources=("seed", "split"), components=True)
    more = run_to_the_end(grown)
    assert not first & {record.spec.key for record in more}
    # Of each cell three repeats of both, three of the split alone, and the third of the seed alone.
    assert Counter(record.drawn for record in more) == {"seed+split": 6, "split": 6, "seed": 2}


@pytest.mark.parametrize("num_done", [0, 4, 13, 20, 23])
def test_folds_are_searched_and_confirmed_by_themselves_and_resume(num_done: int) -> None:
    cells = (PLAIN, GUIDED, ITSELF)
    whole = run_to_the_end(make_plan(cells=cells, num_repeats=1, num_folds=3))
    by_study = Counter((record.study, record.spec.config.phase) for record in whole)
    searched = {f"{cell} fold {fold}" for cell in (PLAIN, GUIDED) for fold in (1, 2, 3)}
    assert by_study == {
        **{(study, "search"): 3 for study in searched},
        **{(study, "confirm"): 1 for study in searched | {f"{ITSELF} fold {fold}" for fold in (1, 2, 3)}},
    }
    assert all(record.study.endswith(f" fold {record.spec.config.fold}") for record in whole)
    assert {record.title for record in whole if record.study == f"{PLAIN} fold 2"} == {
        "fold 2, trial 1",
        "fold 2, trial 2",
        "fold 2, trial 3",
        "fold 2, repeat 1",
    }
    tried: dict[float, set[str]] = {}  # beyond its openings each fold tries configurations of its own
    for record in whole:
        if record.spec.config.phase == "search" and record.number and record.study.startswith(PLAIN):
            tried.setdefault(record.spec.config.learning_rate, set()).add(record.study)
    assert len(tried) == 6 and all(len(studies) == 1 for studies in tried.values())
    interrupted = make_plan(cells=cells, num_repeats=1, num_folds=3)
    for _ in range(num_done):
        begun = interrupted.next()
        assert begun
        finish(interrupted, begun)
    resumed = make_plan(interrupted.records.values(), cells=cells, num_repeats=1, num_folds=3)
    assert [record.spec.key for record in run_to_the_end(resumed)] == [r.spec.key for r in whole[num_done:]]


def test_the_standing_scores_whole_repeats_and_ranks_within_a_fold() -> None:
    plan = make_plan(sources=("seed", "split"), components=True)
    for record in run_to_the_end(plan):
        if record.spec.config.phase == "confirm":
            record.test_auc = {"seed+split": 0.75, "seed": 0.5, "split": 0.25}[record.drawn]
    own = standing_of(plan.studies[PLAIN], plan)
    assert (own.confirmed, own.to_confirm, own.num_scored, own.test_auc) == (6, 6, 2, 0.75)
    for record in plan.records.values():
        record.drawn = "" if record.drawn == "seed" else record.drawn  # as an earlier version recorded it
    assert standing_of(plan.studies[PLAIN], plan) == own
    assert own.half_width is None  # test sets of several splits overlap

    folds = make_plan(num_repeats=1, num_folds=2)
    for record in run_to_the_end(folds):
        if record.spec.config.phase == "confirm":
            record.test_auc = 0.9 if record.spec.config.fold == 1 else 0.6 + 0.1 * (record.spec.cell.name == PLAIN)
    last = next(r for r in folds.records.values() if r.spec.config.phase == "confirm" and r.spec.config.fold == 2)
    assert finished_line(last, folds) == f"4 of 4 folds of cells done: {PLAIN} fold 2: test AUC 70.0 (n = 1), 1 of 2"


def test_a_seed_that_is_drawn_gives_the_teacher_other_views() -> None:
    plan = make_plan(sources=("split", "order"))
    assert [plan.num_new_seeds(study) for study in plan.studies.values()] == [0, 0]
    plan = make_plan(sources=("seed", "split"), components=True, num_repeats=5)
    assert [plan.num_new_seeds(study) for study in plan.studies.values()] == [5, 5]
