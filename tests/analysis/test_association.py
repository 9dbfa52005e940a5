"""Attention against labels: r by numpy, its interval by theory, the plane chosen elsewhere, and few positives."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from analysis import association, networks
from analysis.bootstrap import patient_weights
from trainables.data.phantom.writers import write_retina
from trainables.data.prepare import prepare
from trainables.data.readers import retina
from trainables.models.densenet import build


def test_the_correlation_is_numpys_in_every_draw() -> None:
    rng = np.random.default_rng(0)
    x, y = 1e4 + rng.normal(size=30), rng.random(30) < 0.4
    weights = patient_weights(np.arange(30).astype(str).astype(object), 5, rng)
    made = association.correlation(x, y, weights)
    drawn = [np.repeat(np.arange(30), row.astype(int)) for row in weights]
    np.testing.assert_allclose(made, [np.corrcoef(x[rows], y[rows])[0, 1] for rows in drawn], rtol=1e-9)


def test_by_hand() -> None:
    # x = 1 2 3 4, y = 0 0 1 1: covariance 0.5, spreads sqrt(1.25) and 0.5
    made = association.correlation(np.array([1, 2, 3, 4]), np.array([0, 0, 1, 1]), np.ones((1, 4)))
    assert made[0] == pytest.approx(0.5 / (1.25**0.5 * 0.5))
    assert np.isnan(association.correlation(np.ones(4), np.array([0, 0, 1, 1]), np.ones((1, 4)))[0])
    only_ones = np.array([[0, 0, 1, 1]])
    assert np.isnan(association.correlation(np.array([1, 2, 3, 4]), np.array([0, 0, 1, 1]), only_ones)[0])


def test_the_interval_is_fishers_where_images_are_independent_and_wider_where_they_are_not() -> None:
    rng = np.random.default_rng(1)
    y = rng.random(400) < 0.5
    x = y + rng.normal(size=400)
    made = association.interval(x, y, patient_weights(np.arange(400).astype(str).astype(object), 2000, rng))
    z = np.arctanh(made["r"])
    assert np.arctanh(made["high"]) - z == pytest.approx(1.96 / 397**0.5, rel=0.15)
    assert made["low"] < made["r"] < made["high"] and made["p_value"] < 1e-6
    groups = np.repeat(np.arange(100), 4).astype(str).astype(object)
    four = association.interval(np.repeat(x[:100], 4), np.repeat(y[:100], 4), patient_weights(groups, 2000, rng))
    assert np.arctanh(four["high"]) - np.arctanh(four["r"]) == pytest.approx(1.96 / 97**0.5, rel=0.25)
    assert association.interval(np.ones(4), y[:4], np.ones((3, 4))) == {}


def made_store(test: int, validation: int, labels: NDArray[np.int8]) -> Any:
    split = {"test": np.arange(test), "validation": np.arange(test, test + validation)}
    return SimpleNamespace(
        rows=lambda name: split[name], labels=labels, patient=np.arange(len(labels)).astype(str), task="multilabel",
        label_names=("common", "rare"),
    )  # fmt: skip


def test_the_plane_is_chosen_on_validation_and_judged_on_test() -> None:
    rng = np.random.default_rng(2)
    labels = np.zeros((200, 2), np.int8)
    labels[:, 0] = rng.random(200) < 0.5
    labels[:3, 1] = 1
    labels[150:153, 1] = 1
    amounts = rng.normal(size=(200, 5))
    amounts[100:, 3] += 3 * labels[100:, 0]  # in validation plane 3 goes with it, and means nothing in test
    amounts[:100, 1] += 3 * labels[:100, 0]  # in test plane 1 does, which must not be chosen
    store = made_store(100, 100, labels)
    frame = association.rows("cell", "student", amounts[100:], amounts[:100], store, np.random.default_rng(0))
    assert frame["measure"].tolist() == ["total", "one plane"] * 2
    common = frame[frame["label"] == "common"].set_index("measure")
    assert common.loc["one plane", "plane"] == 3 and abs(common.loc["one plane", "r"]) < 0.3
    expected = np.corrcoef(amounts[:100].mean(axis=1), labels[:100, 0])[0, 1]
    assert common.loc["total", "r"] == pytest.approx(expected)
    rare = frame[frame["label"] == "rare"]
    assert rare["num_positives"].tolist() == [3, 3] and rare["r"].isna().all()
    together = association.corrected([frame, frame])
    assert together["p_holm"].notna().sum() == 4  # those of the common label, twice two
    assert (together["p_holm"].dropna() >= together["p_value"].dropna()).all()


def test_uncertain_labels_count_for_nothing() -> None:
    labels = np.array([[1, 0]] * 10 + [[0, 0]] * 10 + [[-1, 0]] * 10, np.int8)
    store = made_store(30, 0, labels)
    store.rows = lambda name: np.arange(30)
    amounts = np.random.default_rng(0).normal(size=(30, 2))
    amounts[20:] = 1e6
    frame = association.rows("cell", "student", amounts, amounts, store, np.random.default_rng(0))
    assert frame["num_images"][0] == 20
    assert frame["r"][0] == pytest.approx(np.corrcoef(amounts[:20].mean(axis=1), labels[:20, 0])[0, 1])


def test_amounts_are_means_of_planes_and_grades_are_one_against_all(tmp_path: Path) -> None:
    root = write_retina(tmp_path / "retina", num_patients=20, image_size_px=64, seed=0, progress=False)
    store = prepare(retina.read(root), tmp_path / "s.arrow", image_size_px=64, salt=b"s", progress=False)
    network = networks.network("densenet40", store.label_names, dict(build("densenet40", 5).state_dict()))
    rows = np.arange(store.num_images)  # 40: more than one batch
    made = association.amounts(network, store, rows)
    assert made.shape == (40, 32) and len(rows) > networks.BATCH
    planes = network.planes(store.gather(np.array([37])))[0]
    np.testing.assert_allclose(made[37], planes.abs()[0].mean(dim=(1, 2)).numpy(), rtol=1e-4)
    assert not torch.is_grad_enabled() or not planes.requires_grad
    has, known = association.indicators(store, rows)
    assert has.shape == (40, 5) and (has.sum(axis=1) == 1).all() and known.all()
    assert (has.argmax(axis=1) == store.labels[:, 0]).all()
