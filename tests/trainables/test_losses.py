"""The losses on the labels: by hand, in their limits, against torch's own, and their gradients in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from trainables.losses import LARGEST_WEIGHT, LabelLoss, class_weights, mixed, shares
from trainables.recipe_learning import LOSSES, LearningRecipe
from trainables.transfer.objective import cross_entropy

LOGITS = torch.tensor([[0.0, math.log(3)], [0.0, math.log(3)]])  # of classes: p = 1/4 and 3/4
CLASSES = torch.tensor([1, 0])
# Of labels: p = 3/4 and 1/2, then 1/4 and 1/2.
LABEL_LOGITS, LABELS = torch.tensor([[math.log(3), 0.0], [-math.log(3), 0.0]]), torch.tensor([[1.0, 0.0], [1.0, 1.0]])
MASK = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
WEIGHTS = torch.tensor([2.0, 0.5])


def loss_of(task: str, weights: Tensor | None = None, **knobs: Any) -> LabelLoss:
    return LabelLoss(LearningRecipe(**knobs), task, weights)


def drawn(task: str, num_images: int = 6, num_labels: int = 4) -> tuple[Tensor, Tensor, Tensor | None]:
    """Logits in float64, targets and mask."""
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(num_images, num_labels, generator=generator, dtype=torch.float64)
    if task == "multiclass":
        return logits, torch.randint(num_labels, (num_images,), generator=generator), None
    targets, mask = (torch.randint(2, logits.shape, generator=generator).double() for _ in range(2))
    return logits, targets, mask


def test_focal_classes_by_hand() -> None:
    by_hand = [(1 / 4) ** 2 * math.log(4 / 3), (3 / 4) ** 2 * math.log(4)]
    assert loss_of("multiclass", loss="focal")(LOGITS, CLASSES).item() == pytest.approx(sum(by_hand) / 2)


def test_focal_labels_by_hand() -> None:
    certain, even, wrong = (1 / 4) ** 2 * math.log(4 / 3), (1 / 2) ** 2 * math.log(2), (3 / 4) ** 2 * math.log(4)
    focal = loss_of("multilabel", loss="focal")
    assert focal(LABEL_LOGITS, LABELS).item() == pytest.approx((certain + even + wrong + even) / 4)
    assert focal(LABEL_LOGITS, LABELS, MASK).item() == pytest.approx((certain + wrong + even) / 3)


def test_weighted_classes_by_hand() -> None:
    weighted = loss_of("multiclass", WEIGHTS, loss="weighted")
    assert weighted(LOGITS, CLASSES).item() == pytest.approx((0.5 * math.log(4 / 3) + 2 * math.log(4)) / 2)


def test_the_weight_of_a_label_is_that_of_its_positives() -> None:
    weighted = loss_of("multilabel", WEIGHTS, loss="weighted")
    by_hand = [2 * math.log(4 / 3), math.log(2), 2 * math.log(4), 0.5 * math.log(2)]
    assert weighted(LABEL_LOGITS, LABELS).item() == pytest.approx(sum(by_hand) / 4)
    theirs = functional.binary_cross_entropy_with_logits(LABEL_LOGITS, LABELS, pos_weight=WEIGHTS)
    assert weighted(LABEL_LOGITS, LABELS).item() == pytest.approx(theirs.item())
    masked = (by_hand[0] + by_hand[2] + by_hand[3]) / 3
    assert weighted(LABEL_LOGITS, LABELS, MASK).item() == pytest.approx(masked)


def test_smoothed_classes_are_torchs() -> None:
    logits, classes, _ = drawn("multiclass")
    theirs = functional.cross_entropy(logits.float(), classes, label_smoothing=0.1)
    smoothed = loss_of("multiclass", label_smoothing=0.1)
    assert smoothed(logits.float(), classes).item() == pytest.approx(theirs.item())
    by_hand = 0.95 * math.log(4 / 3) + 0.05 * math.log(4)  # of two classes, a tenth is spread over both
    assert smoothed(LOGITS[:1], CLASSES[:1]).item() == pytest.approx(by_hand)


def test_smoothed_labels_by_hand() -> None:
    smoothed = loss_of("multilabel", label_smoothing=0.2)
    by_hand = 0.9 * math.log(4 / 3) + 0.1 * math.log(4)
    assert smoothed(LABEL_LOGITS[:1, :1], LABELS[:1, :1]).item() == pytest.approx(by_hand)


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
@pytest.mark.parametrize(
    "knobs", [{}, {"loss": "focal", "focal_gamma": 0.0}, {"loss": "weighted"}], ids=["ce", "gamma 0", "weights 1"]
)
def test_in_the_limit_each_loss_is_cross_entropy(task: str, knobs: dict[str, Any]) -> None:
    logits, targets, mask = drawn(task)
    weights = torch.ones(4) if knobs.get("loss") == "weighted" else None
    plain = cross_entropy(task, logits, targets, mask)
    assert loss_of(task, weights, **knobs)(logits, targets, mask).item() == pytest.approx(plain.item(), rel=1e-12)
    if not knobs:  # the paper's, to the last bit
        assert loss_of(task)(logits.float(), targets, mask) == cross_entropy(task, logits.float(), targets, mask)


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_in_float64(task: str, loss: str, smoothing: float) -> None:
    logits, targets, mask = drawn(task)
    targets = shares(targets, 4).double()
    weights = torch.tensor([0.3, 1.0, 2.0, 5.0]) if loss == "weighted" else None
    label_loss = loss_of(task, weights, loss=loss, label_smoothing=smoothing)
    assert torch.autograd.gradcheck(lambda logits: label_loss(logits, targets, mask), logits.requires_grad_())


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_certain_predictions_have_a_finite_focal_gradient(gamma: float) -> None:
    for task, targets in (("multiclass", torch.tensor([0, 1])), ("multilabel", torch.eye(2))):
        logits = torch.tensor([[200.0, -200.0], [200.0, -200.0]], requires_grad=True)  # right, then wrong
        loss_of(task, loss="focal", focal_gamma=gamma)(logits, targets).backward()
        assert logits.grad is not None and logits.grad.isfinite().all()
        assert logits.grad[0].abs().max() == 0 and logits.grad[1].abs().max() > 0.1


def test_the_weights_of_classes_are_inverse_frequencies_with_a_mean_of_1_over_the_images() -> None:
    classes = np.array([0, 0, 0, 2])
    weights = class_weights("multiclass", classes, None, 4)
    assert weights.tolist() == pytest.approx([2 / 3, 1, 2, 1])
    assert weights[classes].mean() == pytest.approx(1)


def test_the_weights_of_labels_are_negatives_per_positive_among_those_that_count() -> None:
    targets = np.array([[1, 1, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0]], np.float32)
    ends = [1 / LARGEST_WEIGHT, LARGEST_WEIGHT]
    assert class_weights("multilabel", targets, None, 3).tolist() == pytest.approx([3, *ends])
    mask = np.ones_like(targets)
    mask[3, 0] = 0
    assert class_weights("multilabel", targets, mask, 3).tolist() == pytest.approx([2, *ends])
    often = np.zeros((1000, 1), np.float32)
    often[0] = 1
    assert class_weights("multilabel", often, None, 1).item() == LARGEST_WEIGHT


def test_weights_and_loss_belong_together() -> None:
    for weights, loss in ((None, "weighted"), (WEIGHTS, "focal")):
        with pytest.raises(ValueError, match=f"exactly for the weighted loss, but loss='{loss}'"):
            loss_of("multiclass", weights, loss=loss)


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_of_a_mixed_view_is_that_of_both_images_by_their_shares(task: str, loss: str) -> None:
    logits, targets, _ = drawn(task, num_images=2)
    both = shares(targets, 4)
    weights = torch.tensor([0.3, 1.0, 2.0, 5.0]) if loss == "weighted" else None
    label_loss = loss_of(task, weights, loss=loss)
    target, mask = mixed((both[:1], None), (both[1:], None), torch.tensor([0.3], dtype=both.dtype))
    expected = 0.3 * label_loss(logits[:1], both[:1].double()) + 0.7 * label_loss(logits[:1], both[1:].double())
    assert mask is None
    assert label_loss(logits[:1], target.double()).item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_label_that_counts_for_one_image_counts_by_its_share() -> None:
    own, other = torch.tensor([[1.0, 1.0, 0.0, 1.0]]), torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    own_mask, other_mask = torch.tensor([[1.0, 1.0, 0.0, 0.0]]), torch.tensor([[1.0, 0.0, 1.0, 0.0]])
    targets, mask = mixed((own, own_mask), (other, other_mask), torch.tensor([0.25]))
    assert mask is not None
    assert mask.tolist() == [[1.0, 0.25, 0.75, 0.0]]
    assert targets.tolist() == [[0.25, 1.0, 1.0, 0.0]]
