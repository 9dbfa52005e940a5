"""The first images of a new disease: whose they are, that draws are nested, and what is too many."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from analysis.probes.embeddings import Subject
from analysis.probes.networks import AFTER
from analysis.probes.new_disease import Pool, evaluate, plan, pool
from trainables.data.listing import POSITIVE, UNCERTAIN

NUM = 120
SPLIT = np.array(["train", "train", "test"] * 40)
CODES = np.resize(np.array([1, 0, 1, -1, 0, 0, 0, -2, -1], np.int8), NUM)


def whole() -> Any:
    names = np.array([f"image {row}" for row in range(NUM)])
    return SimpleNamespace(
        labels=CODES[:, None],
        label_names=("New",),
        patient=np.array([f"{split} {row // 6}" for row, split in enumerate(SPLIT)]),
        image_id=names,
        rows=lambda split: np.flatnonzero(split == SPLIT),
    )


def held() -> Any:
    there = whole()
    kept = np.flatnonzero((SPLIT == "test") | ~np.isin(CODES, (POSITIVE, UNCERTAIN)))
    rows = {split: np.flatnonzero(SPLIT[kept] == split) for split in ("train", "test")}
    return SimpleNamespace(held_out="New", image_id=there.image_id[kept], rows=lambda split: rows[split])


def test_images_come_from_training_patients_and_tests_judge():
    there = pool(whole(), held())
    assert (CODES[there.positives] == 1).all() and (SPLIT[there.positives] == "train").all()
    assert np.isin(CODES[there.negatives], (0, -2)).all() and (SPLIT[there.negatives] == "train").all()
    assert (SPLIT[there.judged] == "test").all() and (CODES[there.judged] != -1).all()


def test_a_small_draw_lies_within_a_larger_one_and_all_judge_alike():
    there = pool(whole(), held())
    made = plan(there, (2, 6, 500), 3, seed=1)
    assert list(made.draws) == [2, 6]
    counted = f"{len(there.positives)} training images show the finding, {len(there.negatives)} do not"
    assert made.left_out == [f"n = 500: {counted}"]
    for two, six in zip(made.draws[2], made.draws[6], strict=True):
        assert set(two.support) < set(six.support) and len(six.support) == 12
        assert (CODES[made.rows[six.support]] == 1).sum() == 6
        np.testing.assert_array_equal(made.rows[six.query], there.judged)
    assert {tuple(each.support) for each in made.draws[6]} == {
        tuple(each.support) for each in plan(there, (6,), 3, seed=1).draws[6]
    }


def test_more_than_there_are_is_refused():
    there = Pool(np.arange(3), np.arange(3, 9), np.arange(9, 12))
    with pytest.raises(ValueError, match=r"n <= 3 must hold \(3 training images show .*, but got n=10 at the least"):
        plan(there, (25, 10), 2, seed=0)


def test_an_embedding_that_tells_all_has_an_auc_of_one():
    there = whole()
    planned = plan(pool(there, held()), (2, 6), 4, seed=0)
    value = np.where(CODES[planned.rows] == 1, 1, -1)[:, None].astype(np.float32)
    name = "transfer/none/densenet40/all"
    made = [Subject(name=name, kind=AFTER, baseline=name, teachers=(), repeats=(value, value))]
    frame = evaluate(made, there, "New", planned, progress=False)
    assert frame[["size", "auc", "n", "num_episodes"]].to_numpy().tolist() == [[2, 1, 2, 4], [6, 1, 2, 4]]
