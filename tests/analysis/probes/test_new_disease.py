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
    images = whole()
    kept = np.flatnonzero((SPLIT == "test") | ~np.isin(CODES, (POSITIVE, UNCERTAIN)))
    rows = {split: np.flatnonzero(SPLIT[kept] == split) for split in ("train", "test")}
    return SimpleNamespace(held_out="New", image_id=images.image_id[kept], rows=lambda split: rows[split])


def test_images_come_from_training_patients_and_tests_judge() -> None:
    images = pool(whole(), held())
    assert (CODES[images.positives] == 1).all() and (SPLIT[images.positives] == "train").all()
    assert np.isin(CODES[images.negatives], (0, -2)).all() and (SPLIT[images.negatives] == "train").all()
    assert (SPLIT[images.judged] == "test").all() and (CODES[images.judged] != -1).all()


def test_a_small_draw_lies_within_a_larger_one_and_all_judge_alike() -> None:
    images = pool(whole(), held())
    planned = plan(images, (2, 6, 500), 3, seed=1)
    assert list(planned.draws) == [2, 6]
    counted = f"{len(images.positives)} training images show the finding, {len(images.negatives)} do not"
    assert planned.left_out == [f"n = 500: {counted}"]
    for two, six in zip(planned.draws[2], planned.draws[6], strict=True):
        assert set(two.support) < set(six.support) and len(six.support) == 12
        assert (CODES[planned.rows[six.support]] == 1).sum() == 6
        np.testing.assert_array_equal(planned.rows[six.query], images.judged)
    assert {tuple(episode.support) for episode in planned.draws[6]} == {
        tuple(episode.support) for episode in plan(images, (6,), 3, seed=1).draws[6]
    }


def test_more_than_there_are_is_refused() -> None:
    images = Pool(np.arange(3), np.arange(3, 9), np.arange(9, 12))
    with pytest.raises(ValueError, match=r"n <= 3 must hold \(3 training images show .*, but the smallest n is 10"):
        plan(images, (25, 10), 2, seed=0)


def test_an_embedding_that_tells_all_has_an_auc_of_one(capsys: pytest.CaptureFixture[str]) -> None:
    images = whole()
    planned = plan(pool(images, held()), (2, 6), 4, seed=0)
    value = np.where(CODES[planned.rows] == 1, 1, -1)[:, None].astype(np.float32)
    name = "transfer/none/densenet40/all"
    subjects = [Subject(name=name, kind=AFTER, baseline=name, teachers=(), repeats=(value, value))]
    frame = evaluate(subjects, images, "New", planned)
    assert capsys.readouterr().err.startswith("learning New: 2 sizes ...\n")
    assert frame[["size", "auc", "n", "num_episodes"]].to_numpy().tolist() == [[2, 1, 2, 4], [6, 1, 2, 4]]
