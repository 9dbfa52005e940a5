"""Relational knowledge distillation: by hand, what it does not see, and where there are no relations."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from trainables.transfer.relational import Relational, angles, distances


def points(*rows: list[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def loss(student_BK: Tensor, teacher_BK: Tensor, **knobs: float) -> Tensor:
    method = Relational("multilabel", {}, **knobs)
    student, teacher = ({"embedding": each} for each in (student_BK, teacher_BK))
    return method.loss(student, method.knowledge(teacher))


TRIANGLE = points([0, 0], [3, 0], [0, 4])  # sides 3, 4, 5: the mean is 4


def test_distances_by_hand() -> None:
    assert torch.allclose(distances(TRIANGLE), points([0, 0.75, 1], [0.75, 0, 1.25], [1, 1.25, 0]))


def test_angles_by_hand() -> None:
    actual = angles(TRIANGLE)
    assert actual[0, 1, 2].item() == pytest.approx(0)  # the right angle at the first point
    assert actual[1, 0, 2].item() == pytest.approx(3 / 5)
    assert actual[2, 0, 1].item() == pytest.approx(4 / 5)
    assert actual[1, 0, 0].item() == pytest.approx(1) and actual[1, 1, 0].item() == 0  # the same way; no way


def test_the_distances_loss_by_hand() -> None:
    # An even-sided right triangle: sides 1, 1, sqrt 2, whose mean is (2 + sqrt 2) / 3. Huber below 1: half the square.
    mean = (2 + math.sqrt(2)) / 3
    differences = (0.75 - 1 / mean, 1 - 1 / mean, 1.25 - math.sqrt(2) / mean)
    expected = sum(each**2 / 2 for each in differences) / 3
    assert loss(points([0, 0], [1, 0], [0, 1]), TRIANGLE, angle_weight=0.0).item() == pytest.approx(expected)


def test_a_large_difference_of_distances_counts_by_its_size_and_not_by_its_square() -> None:
    # Three at one place and a fourth away: pairs are 0 or 2 apart in units of their mean. Where it is another that is
    # away, four pairs of six differ by 2, and Huber's loss of 2 is 2 - 1/2.
    last = points([0.0], [0.0], [0.0], [1.0])
    assert loss(last.flip(0), last, angle_weight=0.0).item() == pytest.approx(4 * 1.5 / 6)


def test_the_angles_loss_by_hand() -> None:
    # Of 27 triples, four differ: at the second and third point, each either way round; cos 45 degrees for 3/5 and 4/5.
    root = 1 / math.sqrt(2)
    expected = 2 * ((root - 0.6) ** 2 / 2 + (root - 0.8) ** 2 / 2) / 27
    own = points([0, 0], [1, 0], [0, 1])
    actual = loss(own, TRIANGLE, angle_weight=3.0) - loss(own, TRIANGLE, angle_weight=0.0)
    assert actual.item() == pytest.approx(3 * expected)


def test_it_does_not_see_scale_nor_place_nor_the_number_of_activations() -> None:
    moved = torch.cat([5 * TRIANGLE + 7, torch.ones(3, 4, dtype=torch.float64)], dim=1)
    assert loss(moved, TRIANGLE).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("rows", [[[1.0, 2.0]], [[1.0, 2.0]] * 3], ids=["one image", "equal images"])
def test_without_relations_value_and_gradient_are_finite(rows: list[list[float]]) -> None:
    own = points(*rows).requires_grad_()
    actual = loss(own, points(*[[float(number), 1.0] for number in range(len(rows))]))
    actual.backward()
    assert math.isfinite(actual.item()) and own.grad is not None and torch.isfinite(own.grad).all()
