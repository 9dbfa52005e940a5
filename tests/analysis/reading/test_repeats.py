"""What a repeat draws anew, read from runs: which share a table, which make a score, and what is compared with what."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.reading.predictions import by_cell, in_rounds
from analysis.reading.repeats import Design, design_of, is_fold, words_of
from analysis.reading.trials import Runs, runs

SIZES = {"validation": 20, "test": 40}
COUNTS = {"table_2": json.dumps({"R-10%": {"train": 14, **SIZES}, "R": {"train": 140, **SIZES}})}
OWN = {"split_fingerprint": "split-a"}


def split(store: Any, parent: str, draw: int, drawn: str = "seed+split", **more: Any) -> str:
    """A repeat on another split, as a sweep records it."""
    tags = {"drawn": drawn, "sweep_setup": json.dumps(OWN)}
    redrawn = {"split_draw": draw, "num_folds": 0, "fold": 0}
    return str(store.trial(parent, tags=tags, split_fingerprint=f"split-{draw}", redrawn=redrawn, **more))


def fold(store: Any, parent: str, number: int, num_folds: int = 3, **more: Any) -> str:
    """A repeat, or a trial of the search, of one fold."""
    tags = {"drawn": "fold", "sweep_setup": json.dumps(OWN)}
    redrawn = {"split_draw": 0, "num_folds": num_folds, "fold": number}
    return str(store.trial(parent, tags=tags, split_fingerprint=f"fold-{number}", redrawn=redrawn, **more))


def reasons(recorded: Runs) -> dict[str, str]:
    return dict(zip(recorded.left_out["run_id"], recorded.left_out["reason"], strict=True))


def test_repeats_on_other_splits_share_a_table_with_their_search(store: Any) -> None:
    parent = store.sweep(vary_in_repeats="seed+split", **COUNTS)
    searched = store.trial(parent, phase="search")
    repeats = [split(store, parent, draw, seed=draw) for draw in (1, 2, 3)]
    recorded = runs(store.uri, "retina")
    assert recorded.search["run_id"].tolist() == [searched] and recorded.confirm["run_id"].tolist() == repeats
    assert recorded.confirm["test_part"].tolist() == ["split 1", "split 2", "split 3"]
    assert recorded.confirm["test_to_train"].tolist() == pytest.approx([40 / 140] * 3)  # of all data, not of 10%
    assert recorded.confirm["validation_to_train"].tolist() == pytest.approx([20 / 140] * 3)
    assert recorded.design == Design(sources=("seed", "split"), num_draws=3)
    assert recorded.split_fingerprint == "split-a" and recorded.data_fingerprint == "data-a"


def test_another_split_of_the_sweep_is_another_setup(store: Any) -> None:
    other = store.trial(store.sweep(name="other"), split_fingerprint="split-b")
    kept = split(store, store.sweep(vary_in_repeats="seed+split"), 1)
    recorded = runs(store.uri, "retina")
    assert recorded.trials["run_id"].tolist() == [kept]
    assert reasons(recorded) == {other: "another setup: tags.split_fingerprint split-b, not split-a"}


def test_a_knob_that_a_cell_changes_is_compared_by_its_sweeps_value(store: Any) -> None:
    parent = store.sweep()
    own = {"rotation_deg": 15, "flip": True, "precision": "float32"}
    changed = store.trial(
        parent, rotation_deg=0, flip=False, precision="bfloat16", tags={"sweep_setup": json.dumps(own)}
    )
    plain = store.trial(parent, seed=1)
    other = store.trial(parent, seed=2, rotation_deg=0, tags={"sweep_setup": json.dumps({"rotation_deg": 7.5})})
    last = store.trial(parent, seed=3)
    recorded = runs(store.uri, "retina")
    assert reasons(recorded)[other] == "another setup: params.rotation_deg 7.5, not 15"
    assert set(recorded.trials["run_id"]) | set(reasons(recorded)) == {changed, plain, other, last}
    # the cell's name does not hold the change here, so that the older configuration counts as replaced
    assert reasons(recorded)[changed] == "a configuration that a later search has replaced"
    assert recorded.trials["params.rotation_deg"].tolist() == [15, 15]


def test_a_setup_that_is_not_json_says_so(store: Any) -> None:
    store.trial(store.sweep(), tags={"sweep_setup": "split-a"})
    with pytest.raises(ValueError, match="the tag sweep_setup of a trial must be a JSON object, but got 'split-a'"):
        runs(store.uri, "retina")


def test_repeats_that_draw_one_source_are_components_and_no_score(store: Any) -> None:
    parent = store.sweep(vary_in_repeats="split+seed")
    whole = [split(store, parent, draw, seed=draw) for draw in (1, 2)]
    alone = [split(store, parent, draw, drawn="split") for draw in (1, 2)]
    alone += [store.trial(parent, seed=seed, tags={"drawn": "seed"}) for seed in (1, 2)]
    recorded = runs(store.uri, "retina")
    assert recorded.confirm["run_id"].tolist() == whole
    assert recorded.components["run_id"].tolist() == alone
    assert np.isnan(recorded.confirm["test_to_train"]).all()  # no sweep says how many images there are


def test_older_repeats_of_the_seed_become_components_when_the_sweep_draws_more(store: Any) -> None:
    first = store.sweep(name="first")
    seeds = [store.trial(first, seed=seed, tags={"drawn": "seed"} if seed else {}) for seed in (0, 1)]
    assert runs(store.uri, "retina").confirm["run_id"].tolist() == seeds
    whole = split(store, store.sweep(name="second", vary_in_repeats="seed+split"), 1, seed=1)
    recorded = runs(store.uri, "retina")
    assert recorded.confirm["run_id"].tolist() == [whole] and recorded.components["run_id"].tolist() == seeds


def test_a_cell_that_only_an_older_sweep_of_another_design_has_confirmed_is_left_out_with_the_reason(
    store: Any,
) -> None:
    first = store.sweep(name="first")
    both, alone = store.trial(first), store.trial(first, student="densenet40")
    whole = split(store, store.sweep(name="second", vary_in_repeats="seed+split"), 1, seed=1)
    recorded = runs(store.uri, "retina")
    assert recorded.confirm["run_id"].tolist() == [whole] and recorded.components["run_id"].tolist() == [both]
    assert reasons(recorded) == {
        alone: "draws anew seed, and no repeat of its cell draws seed and split, as those of the newest sweep do"
    }
    assert runs(store.uri, "retina", "first").confirm["run_id"].tolist() == [both, alone]


def test_a_teacher_itself_counts_on_each_split(store: Any) -> None:
    parent = store.sweep(vary_in_repeats="seed+split")
    itself = {"method": "itself", "teacher": "imagenet", "student": "none", "unfreeze": "none", "init": "none"}
    ids = [split(store, parent, draw, drawn=drawn, **itself) for draw, drawn in ((1, "split"), (2, "seed+split"))]
    assert runs(store.uri, "retina").confirm["run_id"].tolist() == ids


def test_each_fold_keeps_the_configuration_of_its_own_search(store: Any) -> None:
    parent = store.sweep(vary_in_repeats="seed")
    replaced = fold(store, parent, 1, learning_rate=1e-5)
    kept = [fold(store, parent, number, learning_rate=1e-4 * number) for number in (1, 2, 3)]
    recorded = runs(store.uri, "retina")
    assert recorded.confirm["run_id"].tolist() == kept
    assert reasons(recorded) == {replaced: "a configuration that a later search has replaced"}
    assert recorded.confirm["test_part"].tolist() == ["fold 1", "fold 2", "fold 3"]
    assert recorded.confirm["test_to_train"].tolist() == [0.5] * 3
    assert recorded.design == Design(sources=(), num_folds=3) and recorded.components.empty


def test_folds_never_share_a_table_with_the_prepared_split_or_other_folds(store: Any) -> None:
    plain = store.trial(store.sweep(name="plain"))
    five = fold(store, store.sweep(name="five"), 1, num_folds=5)
    three = fold(store, store.sweep(name="three"), 1)
    recorded = runs(store.uri, "retina")
    assert recorded.trials["run_id"].tolist() == [three]
    assert reasons(recorded) == {
        plain: "another setup: params.num_folds 0, not 3",
        five: "another setup: params.num_folds 5, not 3",
    }


def predictions(images: list[int]) -> pd.DataFrame:
    names = [f"i{image:02d}" for image in images]
    table = pd.DataFrame({"image": names, "patient": names, "view": "", "sex": "", "age_years": 1.0})
    return table.assign(label_DR=np.int8(0), probability_DR=np.float32(0.5))


def test_predictions_know_their_part(store: Any) -> None:
    parent = store.sweep(vary_in_repeats="seed+split", **COUNTS)
    for draw, images in ((1, [1, 2]), (2, [2, 3])):
        split(store, parent, draw, seed=draw, predictions=predictions(images))
    (repeats,) = dict(by_cell(store.uri, runs(store.uri, "retina").confirm)).values()
    assert [repeat.test_part for repeat in repeats] == ["split 1", "split 2"]
    assert repeats[0].test_to_train == pytest.approx(40 / 140)
    split(store, parent, 2, seed=3, predictions=predictions([3, 4]))
    with pytest.raises(ValueError, match=r"have the same test images, but those of .* on split 2 have not"):
        dict(by_cell(store.uri, runs(store.uri, "retina").confirm))


def test_rounds_of_folds_have_each_fold_once(store: Any) -> None:
    parent = store.sweep()
    for number, seed in ((1, 0), (1, 1), (2, 0)):
        fold(store, parent, number, seed=seed, predictions=predictions([number]))
    (repeats,) = dict(by_cell(store.uri, runs(store.uri, "retina").confirm)).values()
    assert [[repeat.test_part for repeat in each] for each in in_rounds(repeats)] == [["fold 1", "fold 2"], ["fold 1"]]


def test_designs_in_words() -> None:
    assert words_of("init+seed") == ("seed", "init") and words_of(float("nan")) == ("seed",)
    assert is_fold("fold 2") and not is_fold("split 2") and not is_fold("")
    seed, all_four = Design(sources=("seed",)), Design(sources=("seed", "split", "order", "init"), num_draws=5)
    assert seed.sentence.startswith("The spread shown is of the seed alone, on one split")
    assert all_four.sentence == "The spread shown is of seed, split, order of the images and initialisation."
    fixed = Design(sources=("split",), num_draws=3).sentence
    assert fixed.endswith("the seed, order of the images and initialisation are the same in all repeats.")
    assert Design(sources=("seed", "order")).sentence.endswith("; the split is the same in all repeats.")
    folds = Design(sources=(), num_folds=5)
    assert "every patient is tested once" in folds.sentence and folds.repeats == "folds"
    assert folds.tested(5, 90) == "5 folds, 90 patients, each tested once"
    assert all_four.tested(5, 18) == "5 splits, 18 test patients in each"
    assert [each.is_on_one_split for each in (seed, all_four, folds)] == [True, False, False]
    assert design_of(pd.DataFrame()) == seed
