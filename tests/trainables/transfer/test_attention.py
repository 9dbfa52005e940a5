"""Eq. 1 of Akbarian et al. 2020: by hand, at its limits, and its gradient."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from trainables.transfer.attention import AttentionTransfer, plane_lengths, unit_planes


def l_at(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    method = AttentionTransfer("multilabel", {})
    return method.loss({"attention": student}, method.knowledge({"attention": teacher}))


def planes(*values: list[float]) -> torch.Tensor:
    """One image of planes of 1 x 2."""
    return torch.tensor(values, dtype=torch.float64)[None, :, None, :]


def test_one_plane_by_hand():
    # (3, 4) / 5 - (4, 3) / 5 = (-0.2, 0.2), whose length is 0.2 * sqrt(2): the length, not its square.
    assert l_at(planes([3, 4]), planes([4, 3])).item() == pytest.approx(0.2 * math.sqrt(2), abs=1e-15)


def test_the_mean_over_planes_by_hand():
    # The second plane: (1, 0) - (0, 1) has length sqrt(2). Its teacher's scale does not count.
    loss = l_at(planes([3, 4], [1, 0]), planes([4, 3], [0, 7]))
    assert loss.item() == pytest.approx((0.2 * math.sqrt(2) + math.sqrt(2)) / 2, abs=1e-15)


def test_the_mean_over_the_batch_by_hand():
    student = torch.cat([planes([3, 4]), planes([1, 0])])
    teacher = torch.cat([planes([3, 4]), planes([-1, 0])])
    assert l_at(student, teacher).item() == pytest.approx((0 + 2) / 2, abs=1e-15)


def test_equal_planes_give_0_and_opposite_planes_give_2():
    some = torch.randn(2, 32, 8, 8, dtype=torch.float64)
    assert l_at(some, 5 * some).item() == pytest.approx(0, abs=1e-12)
    assert l_at(some, -some).item() == pytest.approx(2, abs=1e-12)


def test_a_plane_of_any_scale_gives_a_unit_plane():
    some = torch.randn(1, 3, 4, 4)
    for scale in (1e-6, 1.0, 1e6):
        assert torch.allclose(plane_lengths(unit_planes(scale * some)), torch.ones(1, 3))


def test_lengths_are_numpys_norms():
    some = torch.randn(2, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = np.linalg.norm(some.numpy().reshape(2, 3, 20), axis=2)
    np.testing.assert_allclose(plane_lengths(some).numpy(), expected)
    np.testing.assert_allclose(unit_planes(some).numpy(), some.numpy() / expected[:, :, None, None])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("student", "teacher", "value"),
    [
        ([0.0, 0.0], [3.0, 4.0], 1.0),
        ([3.0, 4.0], [0.0, 0.0], 1.0),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([3.0, 4.0], [3.0, 4.0], 0.0),
    ],
)
def test_zero_planes_and_equal_planes_have_a_finite_value_and_gradient(student, teacher, value, dtype):
    own = planes(student).to(dtype).requires_grad_()
    loss = l_at(own, planes(teacher).to(dtype))
    loss.backward()
    assert loss.item() == pytest.approx(value, abs=1e-7)
    assert own.grad is not None and torch.isfinite(own.grad).all()
    assert own.grad.abs().max() <= 1


def test_a_zero_plane_gets_no_gradient_and_leaves_the_others_as_they_are():
    own = planes([0, 0], [3, 4]).requires_grad_()
    l_at(own, planes([3, 4], [4, 3])).backward()
    alone = planes([3, 4]).requires_grad_()
    l_at(alone, planes([4, 3])).backward()
    assert own.grad is not None and alone.grad is not None
    assert own.grad[0, 0].abs().max() == 0
    assert torch.allclose(own.grad[0, 1], alone.grad[0, 0] / 2)


def test_the_gradient_agrees_with_finite_differences():
    generator = torch.Generator().manual_seed(0)
    student = torch.randn(2, 3, 4, 4, dtype=torch.float64, generator=generator, requires_grad=True)
    method = AttentionTransfer("multilabel", {})
    teacher = torch.randn(2, 3, 4, 4, dtype=torch.float64, generator=generator)
    knowledge = method.knowledge({"attention": teacher})
    assert torch.autograd.gradcheck(lambda own: method.loss({"attention": own}, knowledge), [student])


def test_a_step_down_the_gradient_brings_the_student_closer():
    student = torch.randn(2, 4, 2, 2, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(2, 4, 2, 2, dtype=torch.float64)
    before = l_at(student, teacher)
    before.backward()
    assert student.grad is not None
    assert l_at(student.detach() - 0.01 * student.grad, teacher) < before


def test_no_gradient_reaches_the_teacher():
    student, teacher = (torch.randn(1, 2, 2, 2, requires_grad=True) for _ in range(2))
    assert not AttentionTransfer("multilabel", {}).knowledge({"attention": teacher}).requires_grad
    l_at(student, teacher).backward()
    assert teacher.grad is None
    assert student.grad is not None and student.grad.any()


def test_other_planes_than_the_teachers_are_refused():
    with pytest.raises(ValueError, match=r"but got \(1, 32, 2, 2\) and \(1, 32, 3, 3\)"):
        l_at(torch.zeros(1, 32, 2, 2), torch.zeros(1, 32, 3, 3))
