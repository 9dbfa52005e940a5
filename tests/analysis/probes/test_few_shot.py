"""Episodes of several K: one inside the other, judged on the same images; what is too rare is said."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from analysis.probes.embeddings import Subject
from analysis.probes.few_shot import episodes_of, evaluate, labels_of
from analysis.probes.networks import AFTER

PATIENT = np.repeat(np.array([f"p{i}" for i in range(60)]), 2)
CODES = np.array([1, -2, 0, -1] * 30, np.int8)  # positive, not mentioned, negative, uncertain


def store(codes: np.ndarray = CODES) -> Any:
    rows = np.arange(len(codes))
    labels = np.stack([np.zeros(len(codes), np.int8), codes], axis=1)
    return SimpleNamespace(labels=labels, label_names=("Old", "New"), patient=PATIENT, rows=lambda split: rows)


def test_an_uncertain_image_is_neither() -> None:
    positive, known = labels_of(store(), np.arange(4), "New")
    assert positive.tolist() == [True, False, False, False] and known.tolist() == [True, True, True, False]


def test_smaller_shots_lie_within_larger_ones_and_judge_on_the_same_images() -> None:
    positive, known = labels_of(store(), np.arange(120), "New")
    by_shots, refused = episodes_of(positive, known, PATIENT, shots=(5, 1, 200), num_episodes=6, seed=3)
    assert list(by_shots) == [1, 5] and list(refused) == [200]
    for small, large in zip(by_shots[1], by_shots[5], strict=True):
        assert set(small.support) < set(large.support) and positive[small.support].sum() == 1
        np.testing.assert_array_equal(small.query, large.query)
        assert not set(PATIENT[large.support]) & set(PATIENT[large.query])
        assert known[large.support].all() and known[large.query].all()
    again, _ = episodes_of(positive, known, PATIENT, shots=(5,), num_episodes=6, seed=3)
    for large, same in zip(by_shots[5], again[5], strict=True):
        np.testing.assert_array_equal(large.support, same.support)


def test_a_table_has_a_row_per_finding_k_and_network(capsys: pytest.CaptureFixture[str]) -> None:
    value = np.where(CODES == 1, 1, -1)[:, None].astype(np.float32)
    name = "transfer/none/densenet40/all"
    subjects = [Subject(name=name, kind=AFTER, baseline=name, teachers=(), repeats=(value,))]
    frame, left_out = evaluate(subjects, store(), ["New"], (1, 5, 40), 5)
    assert capsys.readouterr().err.startswith("few-shot: 1 finding ...\n")
    assert frame[["finding", "size", "auc"]].to_numpy().tolist() == [["New", 1, 1.0], ["New", 5, 1.0]]
    assert left_out == ["New, K = 40: 1 to 30 such images can be drawn, but got num_images=40"]
    with pytest.raises(ValueError, match="no finding has enough test images for any K: Old, K = 1: 1 to 0 such images"):
        evaluate(subjects, store(), ["Old"], (1,), 5, progress=False)
