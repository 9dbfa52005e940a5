"""Centred kernel alignment (Kornblith et al., ICML 2019) as a loss: images alike in one network are alike in the other.

    L = mean over places of  1 - <G_S, G_T> / (||G_S|| ||G_T||)

with G the Gram matrix of a batch's activations, averaged over positions, and centred. Centred so that <G_S, G_T> is the
unbiased estimate of HSIC from a batch (Song et al. 2012; Nguyen, Raghu and Kornblith, ICLR 2021, Eq. 3), for which the
diagonal does not count; it needs four images. A batch of three is centred as usual, which is biased towards 1. Two
images always agree by 1, and one has no relations: these batches have no loss. Images that are all the same, or
all the same but one, have no relations either; they agree by 0, without gradient.

Neither planes, sizes nor labels need be shared, and nothing is projected: a rotation or scale of the activations makes
no difference. The measure was made to compare networks; that it is trained here, on the places "middle" and "final", is
ours. Gradients reach the student alone.

Shapes: B images, K activations; C_m and C_f are the teacher's planes in the middle and at the end.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from trainables.knob import Range
from trainables.transfer.method import Method

PLACES = ("middle", "final")
MIN_UNBIASED = 4  # images, for the unbiased estimate
MIN_IMAGES = 3  # of which the agreement can be other than 1
EPSILON = 1e-6  # a spread below it, in units of the activations, or a length, in those of the spread, is rounding


class Alignment(Method):
    """Which images of a batch are alike, at two depths of the network."""

    name = "cka"
    title = "Centred kernel alignment"
    reference = (
        "Kornblith et al., ICML 2019; unbiased as Nguyen, Raghu and Kornblith, ICLR 2021, Eq. 3; as a loss: ours"
    )
    formula = "L = mean over places of 1 - CKA(A_S, A_T), A: activations averaged over positions, CKA: linear, unbiased"
    teacher_roles = student_roles = PLACES
    beta = Range(low=0.01, high=100.0, first=1.0, log=True)  # ours

    def __init__(self, task: str, planes: Mapping[str, tuple[int, int]], **knobs: float) -> None:
        super().__init__(task, planes, **knobs)
        self._num_planes = [planes[place][1] for place in PLACES]

    def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
        """The teacher's activations at both places, averaged over positions: [B, C_m + C_f]."""
        return torch.cat([teacher[place].detach().mean(dim=(2, 3)) for place in PLACES], dim=1)

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """The mean of both places' 1 - CKA, a scalar in [0, 2]."""
        own = [student[place].mean(dim=(2, 3)) for place in PLACES]
        if len(knowledge) < MIN_IMAGES:
            return 0 * torch.cat(own, dim=1).sum()  # of the graph, for a training without labels has no other loss
        pairs = zip(own, knowledge.split(self._num_planes, dim=1), strict=True)
        return 1 - torch.stack([alignment(first, second) for first, second in pairs]).mean()


def alignment(first_BK: Tensor, second_BK: Tensor) -> Tensor:
    """Linear CKA of two networks' activations for the same images, a scalar in [-1, 1]; unbiased from four images on.

    The numbers of activations may differ. Without bias it may be negative, where the biased one is at least 0.
    """
    return (_direction(first_BK) * _direction(second_BK)).sum()


def _direction(activations_BK: Tensor) -> Tensor:
    """The centred Gram matrix [B, B], of unit length; zero, with a zero gradient, where all images are the same."""
    centred_BK = activations_BK - activations_BK.mean(dim=0)
    spread = centred_BK.detach().square().sum()
    is_constant = spread <= EPSILON**2 * activations_BK.detach().square().sum()
    gram_BB = _centred(centred_BK @ centred_BK.T / torch.where(is_constant, 1.0, spread))
    square = gram_BB.square().sum()
    has_none = is_constant | (square <= EPSILON**2)  # as where a single image differs from the others
    return torch.where(has_none, 0.0, gram_BB / torch.where(has_none, 1.0, square).sqrt())


def _centred(gram_BB: Tensor) -> Tensor:
    """The matrix whose product with another such one is HSIC but for a factor, from products of centred activations.

    Four images or more are U-centred (Szekely and Rizzo 2014, Definition 2): the diagonal is left out, and the sum of
    the product over B (B - 3) is the estimate of Song et al. Of a matrix with itself that is a sum of squares, and so
    never negative.
    """
    num_images = len(gram_BB)
    if num_images < MIN_UNBIASED:
        return gram_BB
    is_own_BB = torch.eye(num_images, dtype=torch.bool, device=gram_BB.device)
    others_BB = gram_BB.masked_fill(is_own_BB, 0.0)
    rows_B1 = others_BB.sum(dim=1, keepdim=True) / (num_images - 2)
    whole = others_BB.sum() / ((num_images - 1) * (num_images - 2))
    return (others_BB - rows_B1 - rows_B1.T + whole).masked_fill(is_own_BB, 0.0)
