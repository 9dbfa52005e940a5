"""Mixup: partners and shares are pure functions with the stated distributions, and teacher and student see the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from tests.trainables.small_training import CPU, make
from trainables.data.augment import training_views
from trainables.data.mixup import fingerprint, mixture
from trainables.data.store import Store
from trainables.loop import train
from trainables.models.architectures import build
from trainables.teachers import shelf
from trainables.teachers.guide import Guide
from trainables.training import Training

MANY = np.arange(20_000)


@pytest.fixture(scope="module")
def mixing(store: Store) -> Training:
    return make(store, mixup_alpha=0.4, data_fraction=0.5)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_are_beta_and_partners_uniform_and_both_independent(alpha: float) -> None:
    among = np.arange(100, 110)
    partners, shares = mixture(MANY, among, seed=0, epoch=1, alpha=alpha)
    # Kolmogorov and Smirnov: a sample of 20,000 stays below this distance in 999 of 1,000 cases.
    assert stats.kstest(shares, stats.beta(alpha, alpha).cdf).statistic < 1.95 / np.sqrt(len(MANY))
    assert np.bincount(partners - 100, minlength=10) == pytest.approx([2000] * 10, rel=0.1)
    assert abs(np.corrcoef(partners, shares)[0, 1]) < 0.03


def test_a_mixture_is_drawn_from_seed_epoch_and_image_alone() -> None:
    among = np.arange(50)
    together = mixture(MANY[:40], among, seed=3, epoch=2, alpha=0.4)
    alone = mixture(MANY[7:8], among, seed=3, epoch=2, alpha=0.4)
    assert (alone.partners_B, alone.shares_B) == (together.partners_B[7], together.shares_B[7])
    for other in ({"seed": 4, "epoch": 2}, {"seed": 3, "epoch": 3}):
        assert not np.array_equal(mixture(MANY[:40], among, alpha=0.4, **other).partners_B, together.partners_B)


def test_a_mixed_view_is_that_of_both_images_by_their_shares(mixing: Training) -> None:
    rows = mixing.rows
    partners, shares = mixture(rows, rows, seed=0, epoch=2, alpha=0.4)
    assert set(partners) <= set(rows) < set(mixing.store.rows("train"))  # the half that is in use
    own, others = (
        training_views(torch.from_numpy(mixing.store.gather(each)), each, mixing.config, seed=0, epoch=2)
        for each in (rows, partners)
    )
    share = torch.from_numpy(shares).float()[:, None, None, None]
    torch.testing.assert_close(mixing.views(rows, 2), share * own + (1 - share) * others)
    classes = mixing.store.labels[:, 0]
    targets, mask = mixing.targets_of_views(rows, 2)
    assert mask is None
    by_hand = np.zeros((len(rows), 5))
    np.add.at(by_hand, (np.arange(len(rows)), classes[rows]), shares)
    np.add.at(by_hand, (np.arange(len(rows)), classes[partners]), 1 - shares)
    np.testing.assert_allclose(targets.numpy(), by_hand, atol=1e-6)


def test_a_part_of_a_batch_has_the_views_of_the_whole(mixing: Training) -> None:
    rows = mixing.rows
    whole, parts = mixing.views(rows, 1), [mixing.views(part, 1) for part in np.array_split(rows, 3)]
    assert torch.equal(torch.cat(parts), whole)
    targets = [mixing.targets_of_views(part, 1)[0] for part in np.array_split(rows, 3)]
    assert torch.equal(torch.cat(targets), mixing.targets_of_views(rows, 1)[0])


def test_without_mixup_targets_are_classes(store: Store) -> None:
    training = make(store)
    targets, _ = training.targets_of_views(training.rows, 1)
    assert targets.dtype == torch.int64 and torch.equal(targets, training.targets(training.rows)[0])


def test_teacher_and_student_see_the_same_mixed_views(
    store: Store, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts: dict[str, Any] = {"task": store.task, "label_names": store.label_names, "source": "drawn"}
    weights = build(tiny, 5).state_dict()
    teacher = shelf.save(tmp_path, weights, name="wise", architecture=tiny, is_phantom=True, **facts)
    knobs: dict[str, Any] = {"method": "attention", "teacher": "wise", "beta": 2.0, "mixup_alpha": 1.0}
    student = build(tiny, 5)
    training = make(store, student, Guide("attention", tiny, teacher, CPU), **knobs, max_epochs=1)
    seen: dict[str, list[torch.Tensor]] = {"student": [], "teacher": []}
    student.register_forward_pre_hook(lambda module, views: seen["student"].extend(views) if module.training else None)
    knowledge_of = Guide.knowledge_of

    def noted(self: Guide, views: torch.Tensor, rows: np.ndarray, epoch: int) -> torch.Tensor:
        seen["teacher"].append(views)
        return knowledge_of(self, views, rows, epoch)

    monkeypatch.setattr(Guide, "knowledge_of", noted)
    list(train(training))
    assert len(seen["student"]) == len(seen["teacher"]) == 3
    assert all(torch.equal(one, other) for one, other in zip(seen["student"], seen["teacher"], strict=True))


def test_the_images_in_use_have_a_name() -> None:
    assert fingerprint(np.arange(4)) == fingerprint(np.array([0, 1, 2, 3], np.int32)) != fingerprint(np.arange(5))
    assert len(fingerprint(np.arange(4))) == 16
