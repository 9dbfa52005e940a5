"""Variational information distillation: by hand, its learned variance, and maps of any size."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from trainables.transfer.information import MIN_VARIANCE, PLACES, Gaussian, InformationDistillation


def gaussian(method: InformationDistillation, place: str) -> Gaussian:
    part = method.gaussians[place]
    assert isinstance(part, Gaussian)
    return part


def method_of(num_planes: int = 1, weight: float = 1.0, bias: float = 0.0) -> InformationDistillation:
    """As many planes on both sides, each predicted from its own by `weight` and `bias`."""
    method = InformationDistillation("multilabel", dict.fromkeys(PLACES, (num_planes, num_planes))).double()
    with torch.no_grad():
        for place in PLACES:
            regressor = gaussian(method, place).regressor
            assert regressor.bias is not None
            regressor.weight.copy_(weight * torch.eye(num_planes)[:, :, None, None])
            regressor.bias.fill_(bias)
    return method


def maps(middle: Tensor, final: Tensor) -> dict[str, Tensor]:
    return {"middle": middle.double(), "final": final.double()}


def full(value: float, side: int = 4) -> Tensor:
    return torch.full((1, 1, side, side), value)


def alpha_of(variance: float) -> float:
    return math.log(math.exp(variance - MIN_VARIANCE) - 1)


def loss(method: InformationDistillation, student: dict[str, Tensor], teacher: dict[str, Tensor]) -> Tensor:
    return method.loss(student, method.knowledge(teacher))


def test_at_first_it_is_half_the_mean_squared_difference() -> None:
    # 2 * 3 + 1 = 7 where the teacher has 5; 2 * 0 + 1 = 1 where it has 2
    actual = loss(method_of(1, 2, 1), maps(full(3), full(0)), maps(full(5), full(2)))
    assert actual.item() == pytest.approx((4 / 2 + 1 / 2) / 2)


def test_a_variance_divides_the_square_and_costs_its_logarithm() -> None:
    method = method_of()
    with torch.no_grad():
        gaussian(method, "middle").alpha.fill_(alpha_of(4.0))
        gaussian(method, "final").alpha.fill_(alpha_of(0.25))
    actual = loss(method, maps(full(3), full(0)), maps(full(5), full(0)))
    assert actual.item() == pytest.approx(((4 / 4 + math.log(4)) / 2 + math.log(0.25) / 2) / 2)


def test_each_plane_has_a_variance_whose_best_value_is_its_mean_squared_difference() -> None:
    method = method_of(2)
    generator = torch.Generator().manual_seed(0)
    teacher = torch.randn(3, 2, 4, 4, generator=generator) * torch.tensor([0.5, 2.0])[:, None, None]
    best = teacher.square().mean(dim=(0, 2, 3))
    for factor, sign in ((1.0, 0), (0.9, -1), (1.1, 1)):  # of the gradient, to either side of the best value
        alphas = [alpha_of(factor * float(variance)) for variance in best]
        with torch.no_grad():
            gaussian(method, "middle").alpha.copy_(torch.tensor(alphas))
        own = maps(torch.zeros(3, 2, 4, 4), torch.zeros(3, 2, 4, 4))
        value = loss(method, own, maps(teacher, torch.zeros(3, 2, 4, 4)))
        (gradient,) = torch.autograd.grad(value, gaussian(method, "middle").alpha)
        assert [int(each) for each in torch.where(gradient.abs() < 1e-6, 0, gradient.sign())] == [sign] * 2


def test_a_variance_never_vanishes() -> None:
    method = method_of()
    with torch.no_grad():
        for place in PLACES:
            gaussian(method, place).alpha.fill_(-1000.0)
    actual = loss(method, maps(full(3), full(3)), maps(full(3), full(3)))
    assert actual.item() == pytest.approx(math.log(MIN_VARIANCE) / 2)


def test_it_is_a_mean_over_images_planes_and_positions() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(2, 1, 4, 4, generator=generator) for _ in range(2))
    alone = loss(method_of(1), maps(student, student), maps(teacher, teacher))
    larger = [each.repeat(3, 2, 1, 1).repeat_interleave(2, dim=2) for each in (student, teacher)]
    together = loss(method_of(2), maps(larger[0], larger[0]), maps(larger[1], larger[1]))
    assert together.item() == pytest.approx(alone.item())


@pytest.mark.parametrize(
    ("middle", "final", "kept"), [(8, 2, 2), (32, 8, 8), (14, 14, 8), (28, 14, 8), (37, 37, 8), (1, 1, 1)]
)
def test_knowledge_is_one_block_of_at_most_8_x_8(middle: int, final: int, kept: int) -> None:
    method = InformationDistillation("multilabel", {"middle": (2, 3), "final": (4, 5)}).double()
    teacher = maps(torch.rand(2, 3, middle, middle), torch.rand(2, 5, final, final))
    assert method.knowledge(teacher).shape == (2, 8, kept, kept)
    student = maps(torch.rand(2, 2, 6, 6), torch.rand(2, 4, 3, 3))
    assert loss(method, student, teacher).isfinite()


def test_where_the_teachers_grid_is_finer_its_means_are_predicted() -> None:
    # The teacher's middle has means 1 and 3 over the columns of its last map, and the student a single position.
    teacher = maps(torch.tensor([[[[0.0, 2.0, 2.0, 4.0]] * 2]]), torch.tensor([[[[5.0, 7.0]]]]))
    method = method_of()
    assert method.knowledge(teacher).tolist() == [[[[1.0, 3.0]], [[5.0, 7.0]]]]
    assert loss(method, maps(full(2, 1), full(6, 1)), teacher).item() == pytest.approx(0, abs=1e-6)
    finer = maps(torch.tensor([[[[1.0, 1.0, 2.0, 4.0]]]]), torch.tensor([[[[5.0, 7.0]]]]))
    assert loss(method, finer, teacher).item() == pytest.approx(0, abs=1e-6)


def test_the_gradient_reaches_student_regressor_and_variance_and_not_the_teacher() -> None:
    torch.manual_seed(0)
    method = InformationDistillation("multilabel", {"middle": (2, 3), "final": (3, 2)}).double()
    teacher = {
        place: torch.randn(2, num, 4, 4).double().requires_grad_() for place, num in zip(PLACES, (3, 2), strict=True)
    }
    student = [torch.randn(2, num, 2, 2, dtype=torch.float64, requires_grad=True) for num in (2, 3)]
    knowledge = method.knowledge(teacher)
    assert not knowledge.requires_grad
    own = list(method.parameters())
    assert torch.autograd.gradcheck(
        lambda *given: method.loss(dict(zip(PLACES, given[:2], strict=True)), knowledge), [*student, *own]
    )
    method.loss(dict(zip(PLACES, student, strict=True)), knowledge).backward()
    assert len(own) == 6 and all(each.grad is not None and each.grad.any() for each in [*student, *own])
