"""Attention against labels: areas by hand, p-values by theory, the plane chosen elsewhere, and few positives."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from analysis.attention import association
from analysis.probes import networks
from platform.phantoms.writers import write_retina
from trainables.data.readers import retina
from trainables.data.store import salted_hashes
from trainables.data.store_making import prepare
from trainables.metrics import label_auc
from trainables.models.architectures import build


def independent(num: int) -> NDArray:
    return np.arange(num).astype(str)


def test_auc_and_r_by_hand() -> None:
    # 1 2 3 4 with labels 0 1 0 1: of four pairs the positive is higher in three; and 5 - x turns that round
    x, y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, True, False, True])
    up, down = association.compared(np.stack([x, 5 - x], axis=1), y, independent(4), np.random.default_rng(0))
    assert (up["auc"], down["auc"]) == (0.75, 0.25)
    assert (up["r"], down["r"]) == pytest.approx((0.5 / 1.25**0.5, -0.5 / 1.25**0.5))
    assert up["p_value"] == down["p_value"] == pytest.approx(4 / 6, abs=0.02)  # 4 of the 6 ways to place two positives


def test_an_auc_of_0_is_0() -> None:
    y = np.repeat([True, False], 10)
    (comparison,) = association.compared(np.arange(20.0)[:, None], y, independent(20), np.random.default_rng(0))
    assert (comparison["auc"], comparison["low"], comparison["high"]) == (0, 0, 0)
    assert comparison["p_value"] < 0.001


def test_a_constant_label_is_refused() -> None:
    with pytest.raises(ValueError, match="one draw or more must have a value, but all 1000 are undefined"):
        association.compared(np.ones((3, 1)), np.ones(3, bool), independent(3), np.random.default_rng(0))


def test_the_p_value_is_mann_whitneys_where_every_patient_has_one_image() -> None:
    rng = np.random.default_rng(3)
    y = np.arange(40) < 15
    x = rng.normal(size=40) + 0.5 * y
    (comparison,) = association.compared(x[:, None], y, independent(40), rng)
    assert 0.005 < comparison["p_value"] < 0.9
    exact = stats.mannwhitneyu(x[y], x[~y], method="exact").pvalue
    assert comparison["p_value"] == pytest.approx(exact, abs=4 * (exact / association.NUM_PERMUTATIONS) ** 0.5)
    assert comparison["auc"] == pytest.approx(stats.mannwhitneyu(x[y], x[~y]).statistic / (15 * 25))


def test_patients_change_places_whole_and_with_their_like() -> None:
    patient = np.array(["a", "b", "a", "c", "c", "d", "e"])  # a and c have two images, b, d and e one
    places = np.concatenate(list(association.exchanges(patient, 1200, np.random.default_rng(0))))
    assert places.shape == (1200, 7) and (np.sort(places, axis=1) == np.arange(7)).all()
    seen = {tuple(row) for row in places.tolist()}
    assert len(seen) == 2 * 6  # two orders of the pairs, six of the single ones
    assert {tuple(row[[0, 2]]) for row in places} == {(0, 2), (3, 4)}
    assert set(places[:, 1].tolist()) == {1, 5, 6}


def test_the_salt_of_a_results_folder_changes_no_number() -> None:
    rng = np.random.default_rng(6)
    names = [f"p{number // 2}" for number in range(60)]
    amounts, has = rng.normal(size=(60, 2)), np.arange(60) % 3 == 0
    row, other = (
        association.compared(amounts, has, np.array(salted_hashes(names, salt)), np.random.default_rng(0), 500)
        for salt in (b"one", b"other")
    )
    assert row == other


def test_images_that_repeat_a_patient_do_not_make_the_p_value_smaller() -> None:
    rng = np.random.default_rng(4)
    y = np.arange(20) < 10
    x = rng.normal(size=20) + 0.8 * y
    (once,) = association.compared(x[:, None], y, independent(20), rng)
    (five,) = association.compared(np.repeat(x, 5)[:, None], np.repeat(y, 5), np.repeat(independent(20), 5), rng)
    assert once["p_value"] > 0.02 and five["p_value"] == pytest.approx(once["p_value"], abs=0.02)
    assert stats.mannwhitneyu(np.repeat(x[y], 5), np.repeat(x[~y], 5)).pvalue < once["p_value"] / 5


def test_without_association_skewed_amounts_give_p_values_below_their_level_no_oftener_than_that() -> None:
    rng = np.random.default_rng(5)
    amounts = rng.lognormal(size=(88, 1000))
    comparisons = association.compared(amounts, np.arange(88) < 11, independent(88), rng, num_permutations=1000)
    p = np.array([row["p_value"] for row in comparisons])
    assert 0.02 < (p < 0.05).mean() < 0.08 and (p < 0.005).mean() < 0.015


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
    frame = association.rows(
        "cell", "student", store, validation_NC=amounts[100:], test_NC=amounts[:100], rng=np.random.default_rng(0)
    )
    assert frame["measure"].tolist() == ["total", "one plane"] * 2
    common = frame[frame["label"] == "common"].set_index("measure")
    assert common.loc["one plane", "plane"] == 3 and common.loc["one plane", "p_value"] > 0.01
    expected = label_auc(amounts[:100].mean(axis=1), labels[:100, 0] == 1)
    assert common.loc["total", "auc"] == pytest.approx(expected) and common.loc["total", "p_value"] < 0.01
    assert common.loc["total", "low"] < expected < common.loc["total", "high"]
    rare = frame[frame["label"] == "rare"]
    assert rare["num_positives"].tolist() == [3, 3] and rare[["auc", "r", "p_value"]].isna().all(axis=None)
    together = association.corrected([frame, frame])
    assert together["p_holm"].notna().sum() == 4  # those of the common label, twice two
    assert (together["p_holm"].dropna() >= together["p_value"].dropna()).all()


def test_uncertain_labels_count_for_nothing() -> None:
    labels = np.array([[1, 0]] * 10 + [[0, 0]] * 10 + [[-1, 0]] * 10, np.int8)
    store = made_store(30, 0, labels)
    store.rows = lambda _: np.arange(30)
    amounts = np.random.default_rng(0).normal(size=(30, 2))
    amounts[20:] = 1e6
    frame = association.rows(
        "cell", "student", store, validation_NC=amounts, test_NC=amounts, rng=np.random.default_rng(0)
    )
    assert frame["num_images"][0] == 20
    assert frame["auc"][0] == pytest.approx(label_auc(amounts[:20].mean(axis=1), labels[:20, 0] == 1))
    assert frame["r"][0] == pytest.approx(np.corrcoef(amounts[:20].mean(axis=1), labels[:20, 0])[0, 1])


def test_amounts_are_means_of_planes_and_grades_are_one_against_all(tmp_path: Path) -> None:
    root = write_retina(tmp_path / "retina", num_patients=20, image_size_px=64, seed=0, progress=False)
    store = prepare(retina.read(root), tmp_path / "s.arrow", image_size_px=64, salt=b"s", progress=False)
    network = networks.network("densenet40", store.label_names, dict(build("densenet40", 5).state_dict()))
    rows = np.arange(store.num_images)  # 40: more than one batch
    comparison = association.amounts(network, store, rows)
    assert comparison.shape == (40, 32) and len(rows) > networks.BATCH
    planes = network.planes(store.gather(np.array([37])))[0]
    np.testing.assert_allclose(comparison[37], planes.abs()[0].mean(dim=(1, 2)).numpy(), rtol=1e-4)
    has, known = association.indicators(store, rows)
    assert has.shape == (40, 5) and (has.sum(axis=1) == 1).all() and known.all()
    assert (has.argmax(axis=1) == store.labels[:, 0]).all()
