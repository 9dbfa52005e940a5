"""The loss on the labels: cross-entropy, class-weighted or focal, with smoothed and mixed targets.

Each is the mean over images (and over the labels that count) of the loss that is expected if the truth is drawn from
the target:

    classes:  sum_c  q_c  w_c (1 - p_c)^gamma (-log p_c)
    labels:   t w (1 - p)^gamma (-log p)  +  (1 - t) p^gamma (-log (1 - p))

with the target q or t, which smoothing and mixup move away from 0 and 1, and the probability p. Cross-entropy has w = 1
and gamma = 0, the weighted loss gamma = 0, the focal loss w = 1 (Lin et al. 2017, Eq. 4).

Shapes: B images, N training images, L labels or C classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from trainables.recipe_learning import LearningRecipe
from trainables.transfer.objective import cross_entropy

LARGEST_WEIGHT = 100.0  # of a label's positives; the smallest is its inverse


class LabelLoss:
    """The recipe's loss on the labels, a scalar.

    Args:
        task: "multiclass" or "multilabel".
        weights_L: for the weighted loss: of each class, or of each label's positives (`class_weights`).
    """

    def __init__(self, recipe: LearningRecipe, task: str, weights_L: Tensor | None = None) -> None:
        if (recipe.loss == "weighted") != (weights_L is not None):
            raise ValueError(f"weights must be given exactly for the weighted loss, but loss={recipe.loss!r}")
        self._task, self._weights_L = task, weights_L
        self._gamma = recipe.focal_gamma if recipe.loss == "focal" else 0.0
        self._smoothing, self._is_plain = recipe.label_smoothing, recipe.loss == "ce"

    def __call__(self, logits_BL: Tensor, targets: Tensor, mask_BL: Tensor | None = None) -> Tensor:
        """The loss of these logits.

        Args:
            targets: classes, whole numbers [B]; shares of each class [B, C]; or of each label, from 0 to 1 [B, L].
            mask_BL: how much each label counts, from 0 to 1.
        """
        if self._smoothing:
            targets = smoothed(self._task, targets, self._smoothing, logits_BL.shape[1])
        if self._is_plain:
            return cross_entropy(self._task, logits_BL, targets, mask_BL)
        if self._task == "multiclass":
            of_classes_BC = self._weighted(_of_classes(logits_BL, self._gamma))
            return (shares(targets, logits_BL.shape[1]) * of_classes_BC).sum(dim=1).mean()
        if_true_BL = self._weighted(_of_a_label(logits_BL, self._gamma))
        if_false_BL = _of_a_label(-logits_BL, self._gamma)
        losses_BL = targets * if_true_BL + (1 - targets) * if_false_BL
        if mask_BL is None:
            return losses_BL.mean()
        return (losses_BL * mask_BL).sum() / mask_BL.sum().clamp(min=1)

    def _weighted(self, losses_BL: Tensor) -> Tensor:
        return losses_BL if self._weights_L is None else losses_BL * self._weights_L


def class_weights(
    task: str, targets: NDArray[Any], mask_NL: NDArray[np.float32] | None, num_labels: int
) -> NDArray[np.float64]:
    """The weights of the weighted loss, from the targets of the training images in use (`Store.targets`), [L].

    Of classes the inverse of their frequency, such that the mean weight of a training image is 1, whatever its batch:
    parts of a batch then add up to the batch. A class without images has the weight 1, which nothing uses.

    Of labels, how many negatives there are for each positive (Wang et al. 2017): its positives and its negatives then
    have equal weight. The number is kept within `LARGEST_WEIGHT` and its inverse, which a label on one side alone has.
    """
    if task == "multiclass":
        counts_C = np.bincount(targets.astype(np.int64), minlength=num_labels)
        num_present = np.count_nonzero(counts_C)
        weights_C = counts_C.sum() / (num_present * np.maximum(counts_C, 1))
        return np.where(counts_C > 0, weights_C, 1.0)
    counts_NL = np.ones(targets.shape, np.float32) if mask_NL is None else mask_NL
    positives_L = (targets * counts_NL).sum(axis=0, dtype=np.float64)
    negatives_L = counts_NL.sum(axis=0, dtype=np.float64) - positives_L
    ratios_L = negatives_L / np.maximum(positives_L, 1e-9)
    return np.clip(ratios_L, 1 / LARGEST_WEIGHT, LARGEST_WEIGHT)


def smoothed(task: str, targets: Tensor, smoothing: float, num_labels: int) -> Tensor:
    """Targets of which a share is spread evenly: over all classes [B, C], or over yes and no of each label [B, L].

    Szegedy et al. 2016, section 7; of labels, 1 becomes 1 - smoothing / 2, and 0 becomes smoothing / 2.
    """
    if task == "multiclass":
        return shares(targets, num_labels) * (1 - smoothing) + smoothing / num_labels
    return targets * (1 - smoothing) + smoothing / 2


def shares(targets: Tensor, num_classes: int) -> Tensor:
    """Classes [B] as shares of each class [B, C], float32; shares as they are."""
    return targets if targets.is_floating_point() else functional.one_hot(targets, num_classes).float()


def mixed(
    targets: tuple[Tensor, Tensor | None], of_partners: tuple[Tensor, Tensor | None], shares_B: Tensor
) -> tuple[Tensor, Tensor | None]:
    """The targets and the mask of mixed views: the loss is then the mean of both images' losses, each by its share.

    Targets are shares of classes, or of labels; a label that counts for one of the two images counts by its share.
    """
    (own, own_mask), (other, other_mask) = targets, of_partners
    shares_B1 = shares_B[:, None]
    if own_mask is None or other_mask is None:
        return torch.lerp(other, own, shares_B1), None
    mask_BL = torch.lerp(other_mask, own_mask, shares_B1)
    positive_BL = torch.lerp(other * other_mask, own * own_mask, shares_B1)
    return positive_BL / mask_BL.clamp(min=torch.finfo(mask_BL.dtype).tiny), mask_BL


def _of_classes(logits_BC: Tensor, gamma: float) -> Tensor:
    """(1 - p_c)^gamma (-log p_c) of each class [B, C]."""
    losses_BC = -logits_BC.log_softmax(dim=1)
    if not gamma:
        return losses_BC
    # log (1 - p_c) from the other classes' logits: of a p_c that rounds to 1 its power would have no gradient.
    itself_CC = torch.eye(logits_BC.shape[1], dtype=torch.bool, device=logits_BC.device)
    others_BC = logits_BC[:, None, :].masked_fill(itself_CC, -torch.inf).logsumexp(dim=2)
    return losses_BC * (gamma * (others_BC - logits_BC.logsumexp(dim=1, keepdim=True))).exp()


def _of_a_label(logits_BL: Tensor, gamma: float) -> Tensor:
    """(1 - p)^gamma (-log p) of each label [B, L], p the probability that it is true."""
    losses_BL = -functional.logsigmoid(logits_BL)
    return losses_BL * (gamma * functional.logsigmoid(-logits_BL)).exp() if gamma else losses_BL
