"""Attention transfer through a projection: by hand, beside Eq. 1, and maps of any size."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from trainables.transfer.attention import AttentionTransfer
from trainables.transfer.projected import ProjectedAttention


def planes(*values: list[float]) -> Tensor:
    """One image of planes of 1 x n."""
    return torch.tensor(values, dtype=torch.float64)[None, :, None, :]


def method_of(*weights: list[float]) -> ProjectedAttention:
    """A row for each of the teacher's planes, of what it takes of the student's."""
    projection = torch.tensor(weights, dtype=torch.float64)
    num_teacher, num_student = projection.shape
    method = ProjectedAttention("multilabel", {"attention": (num_student, num_teacher)}).double()
    with torch.no_grad():
        method.projection.weight.copy_(projection[:, :, None, None])
    return method


def loss(method: ProjectedAttention, student: Tensor, teacher: Tensor) -> Tensor:
    return method.loss({"attention": student}, method.knowledge({"attention": teacher}))


def test_two_planes_from_one_by_hand() -> None:
    # (3, 4) / 5 - (4, 3) / 5 has length 0.2 sqrt 2, as in Eq. 1; the other plane is the teacher's, but for its scale.
    actual = loss(method_of([1], [-2]), planes([3, 4]), planes([4, 3], [-3, -4]))
    assert actual.item() == pytest.approx(0.2 * math.sqrt(2) / 2)


def test_with_nothing_projected_it_has_the_value_of_eq_1() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(2, 3, 4, 4, dtype=torch.float64, generator=generator) for _ in range(2))
    eq_1 = AttentionTransfer("multilabel", {})
    expected = eq_1.loss({"attention": student}, eq_1.knowledge({"attention": teacher}))
    identity = [[float(row == column) for column in range(3)] for row in range(3)]
    assert loss(method_of(*identity), student, teacher).item() == pytest.approx(expected.item())


def test_it_is_not_eq_1_since_planes_in_another_order_can_be_the_teachers() -> None:
    student, teacher = planes([3, 4], [1, 0]), planes([1, 0], [3, 4])
    eq_1 = AttentionTransfer("multilabel", {})
    assert eq_1.loss({"attention": student}, eq_1.knowledge({"attention": teacher})).item() > 0.1
    assert loss(method_of([0, 1], [1, 0]), student, teacher).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("side", "kept"), [(2, 2), (8, 8), (14, 8), (16, 8), (37, 8)])
def test_knowledge_is_unit_planes_of_at_most_8_x_8(side: int, kept: int) -> None:
    method = ProjectedAttention("multilabel", {"attention": (5, 3)})
    knowledge = method.knowledge({"attention": torch.randn(2, 3, side, side)})
    assert knowledge.shape == (2, 3, kept, kept)
    torch.testing.assert_close(knowledge.flatten(2).norm(dim=2), torch.ones(2, 3))


def test_the_larger_of_two_maps_is_pooled_to_means_and_then_of_unit_length() -> None:
    # (2, 4, 0, 8) has means of 3 and 4; whichever side has it, the other one is (3, 4), or as much of both.
    fine, coarse = planes([2, 4, 0, 8]), planes([6, 8])
    for student, teacher in ((fine, coarse), (coarse, fine)):
        assert loss(method_of([1]), student, teacher).item() == pytest.approx(0, abs=1e-12)
        expected = loss(method_of([1]), planes([4, 3]), planes([3, 4])).item()
        assert loss(method_of([1]), student.flip(3), teacher).item() == pytest.approx(expected)


def test_14_x_14_against_2_x_2() -> None:
    torch.manual_seed(0)
    small, large = torch.randn(2, 4, 2, 2), torch.randn(2, 4, 14, 14)
    for student, teacher in ((small, large), (large, small)):
        method = ProjectedAttention("multilabel", {"attention": (4, 4)})
        own = student.clone().requires_grad_()
        loss(method, own, teacher).backward()
        assert own.grad is not None and own.grad.any() and own.grad.isfinite().all()


def test_the_gradient_reaches_student_and_projection_and_not_the_teacher() -> None:
    torch.manual_seed(0)
    method = ProjectedAttention("multilabel", {"attention": (2, 3)}).double()
    teacher = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    knowledge = method.knowledge({"attention": teacher})
    assert not knowledge.requires_grad
    student = torch.randn(2, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    (weight,) = method.parameters()  # and no bias
    assert torch.autograd.gradcheck(lambda own, _: method.loss({"attention": own}, knowledge), [student, weight])
    method.loss({"attention": student}, knowledge).backward()
    assert student.grad is not None and student.grad.any() and weight.grad is not None and weight.grad.any()
