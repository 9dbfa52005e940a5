"""The total loss, Eq. 2 of Akbarian et al. 2020, and the two cross-entropies in it.

Shapes: B images, L labels or classes.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from trainables.beta import check_beta

TASKS = ("multiclass", "multilabel")


def total_loss(ce: Tensor, transfer: Tensor, beta: float, method: str = "attention") -> Tensor:
    """Eq. 2: ``L_tot = CE_S + L_AT / beta``. A small beta is much attention; at infinity it is transfer learning.

    Raises:
        ValueError: beta is outside the method's range: [1, 2000] for attention transfer.
    """
    check_beta(method, beta)
    return ce + transfer / beta


def cross_entropy(task: str, logits_BL: Tensor, targets: Tensor, mask_BL: Tensor | None = None) -> Tensor:
    """CE_S of Eq. 2, a scalar.

    Softmax cross-entropy for "multiclass" (targets: classes [B]); for "multilabel" (targets: 0 or 1 [B, L]) sigmoid
    cross-entropy, averaged over the labels that `mask_BL` counts.

    Raises:
        ValueError: `task` is neither.
    """
    if task == "multiclass":
        return functional.cross_entropy(logits_BL, targets)
    if task == "multilabel":
        if mask_BL is None:
            return functional.binary_cross_entropy_with_logits(logits_BL, targets)
        losses_BL = functional.binary_cross_entropy_with_logits(logits_BL, targets, reduction="none")
        return (losses_BL * mask_BL).sum() / mask_BL.sum().clamp(min=1)
    raise ValueError(f"the task must be one of {', '.join(TASKS)}, but got {task!r}")
