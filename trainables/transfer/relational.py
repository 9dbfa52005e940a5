"""Relational knowledge distillation (Park et al., CVPR 2019): distances and angles between images, as the teacher's.

    L   = L_D + w L_A
    L_D = mean_{i != j} H(d_S^ij, d_T^ij),       d^ij = || q_i - q_j || / mean over pairs
    L_A = mean_{i, j, k} H(cos_S^ijk, cos_T^ijk), cos^ijk: of the angle at q_j between q_i and q_k

with q the embeddings, which the last layer sees, and H the Huber loss of delta 1. Distances are in units of their
mean, so neither labels nor sizes need be shared. The relations are those within a batch: the knowledge of a view is its
activations, as in `trainables.transfer.similarity`, which looks at directions where this looks at distances. The paper
sums over tuples; the mean makes beta independent of the batch.

Shapes: B images, K activations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from trainables.knob import Range
from trainables.transfer.method import Method

EPSILON = 1e-12  # below this a squared distance is none, and has no gradient


class Relational(Method):
    """Distances between pairs of a batch, and angles between triples."""

    name = "relational"
    title = "Relational distillation"
    reference = "Park et al., CVPR 2019, Eq. 3 to 8"
    formula = "L = mean_ij H(d_S, d_T) + w mean_ijk H(cos_S, cos_T), d: distances over their mean, cos: of angles"
    teacher_roles = student_roles = ("embedding",)
    knobs: ClassVar[Mapping[str, Range]] = {"angle_weight": Range(low=0.0, high=4.0, first=2.0)}  # theirs: 2
    beta = Range(low=0.001, high=10.0, first=0.04, log=True)  # theirs: a weight of 25 on the distances

    def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
        """The teacher's embeddings [B, K]."""
        return teacher["embedding"].detach()

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """The weighted sum, a scalar; 0 for a single image, which has no relations."""
        own_BK = student["embedding"]
        of_angles = functional.smooth_l1_loss(angles(own_BK), angles(knowledge))
        num_images = len(own_BK)
        of_distances = functional.smooth_l1_loss(distances(own_BK), distances(knowledge), reduction="sum")
        num_pairs = max(num_images * (num_images - 1), 1)  # the diagonal is 0 in both
        return of_distances / num_pairs + self.knob["angle_weight"] * of_angles


def distances(activations_BK: Tensor) -> Tensor:
    """Distances between images in units of their mean over pairs [B, B]; zeros where all images are the same."""
    lengths_BB = _lengths(activations_BK[:, None] - activations_BK[None])
    num_images = len(activations_BK)
    mean = lengths_BB.sum() / max(num_images * (num_images - 1), 1)
    return lengths_BB / torch.where(mean == 0, 1.0, mean)


def angles(activations_BK: Tensor) -> Tensor:
    """Cosines [B, B, B]: at image j, between the ways to i and to k, as [j, i, k]; 0 where there is no way."""
    ways_BBK = activations_BK[:, None] - activations_BK[None]
    lengths_BB = _lengths(ways_BBK)
    units_BBK = ways_BBK / torch.where(lengths_BB == 0, 1.0, lengths_BB)[..., None]
    return torch.einsum("ijd,kjd->jik", units_BBK, units_BBK)


def _lengths(ways_BBK: Tensor) -> Tensor:
    """Euclidean lengths [B, B], whose gradient at a length of zero is zero, where the plain norm's is NaN."""
    squares_BB = ways_BBK.square().sum(dim=2)
    is_zero_BB = squares_BB <= EPSILON
    return torch.where(is_zero_BB, 0.0, torch.where(is_zero_BB, 1.0, squares_BB).sqrt())
