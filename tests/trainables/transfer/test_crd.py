"""Contrastive representation distillation: by hand, against its formula written out, its limits and its gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from trainables.transfer.crd import NUM_PROJECTED, ContrastiveRepresentation


def points(*rows: Sequence[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def padded(**knobs: float) -> ContrastiveRepresentation:
    """Its projections leave two activations as they are, among zeros."""
    method = ContrastiveRepresentation("multilabel", {"embedding": (2, 2)}, **knobs).double()
    with torch.no_grad():
        for projection in (method.of_student, method.of_teacher):
            projection.weight.copy_(torch.eye(NUM_PROJECTED, 2))
            projection.bias.zero_()
    return method


def drawn(num_student: int = 4, num_teacher: int = 3, **knobs: float) -> ContrastiveRepresentation:
    torch.manual_seed(0)
    return ContrastiveRepresentation("multilabel", {"embedding": (num_student, num_teacher)}, **knobs).double()


def loss(method: ContrastiveRepresentation, student_BK: Tensor, teacher_BK: Tensor) -> Tensor:
    return method.loss({"embedding": student_BK}, method.knowledge({"embedding": teacher_BK}))


AXES = points([1, 0], [0, 1])


def test_two_images_by_hand() -> None:
    # Scores over T = 0.5: 2 of an image's own pair and 0 of the other; N = 1. h = e^2 / (e^2 + 1) and 1/2.
    expected = -math.log(math.e**2 / (math.e**2 + 1)) - math.log(1 - 1 / 2)
    assert loss(padded(temperature=0.5), AXES, AXES).item() == pytest.approx(expected)
    swapped = -math.log(1 / 2) - math.log(1 - math.e**2 / (math.e**2 + 1))
    assert loss(padded(temperature=0.5), AXES.flip(0), AXES).item() == pytest.approx(swapped)


def test_earlier_images_are_negatives_by_hand() -> None:
    # One earlier image at (3, 4) / 5: scores of 1.2 and 1.6; N = 2.
    method = padded(temperature=0.5)
    method.remember(points([3, 4]))
    of_own, of_other = math.e**2 / (math.e**2 + 2), 1 / (1 + 2)
    expected = [
        -math.log(of_own) - math.log(1 - of_other) - math.log(1 - math.exp(score) / (math.exp(score) + 2))
        for score in (1.2, 1.6)
    ]
    assert loss(method, AXES, AXES).item() == pytest.approx(sum(expected) / 2)
    method.begin_epoch(2)
    assert loss(method, AXES, AXES).item() == pytest.approx(loss(padded(temperature=0.5), AXES, AXES).item())


def test_it_is_the_papers_loss_written_out() -> None:
    generator = torch.Generator().manual_seed(1)
    method, temperature = drawn(temperature=0.2), 0.2
    student, (teacher, *earlier) = (
        torch.randn(3, 4, dtype=torch.float64, generator=generator),
        torch.randn(3, 3, 3, dtype=torch.float64, generator=generator),
    )
    for each in earlier:
        method.remember(each)

    def unit(layer: torch.nn.Linear, rows: Tensor) -> np.ndarray:
        projected = rows.numpy() @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
        return projected / np.linalg.norm(projected, axis=1, keepdims=True)

    s, t = unit(method.of_student, student), unit(method.of_teacher, torch.cat([teacher, *earlier]))
    num_others, total = 8, 0.0
    for i in range(3):
        for j in range(9):
            ratio = math.exp(s[i] @ t[j] / temperature)
            h = ratio / (ratio + num_others)
            total -= math.log(h) if i == j else math.log(1 - h)
    assert loss(method, student, teacher).item() == pytest.approx(total / 3)


def test_at_right_angles_it_hardly_depends_on_the_number_of_others() -> None:
    # log(1 + N) for the pair, and N log(1 + 1/N) for the others, which is nearly 1: their loss starts there, too.
    for num_earlier in (7, 999):
        method = padded()
        method.remember(points([0, 1]).expand(num_earlier, 2))
        expected = math.log(1 + num_earlier) + num_earlier * math.log(1 + 1 / num_earlier)
        assert loss(method, points([1, 0]), points([0, 1])).item() == pytest.approx(expected)


def test_one_image_without_earlier_ones_has_no_loss_and_no_gradient() -> None:
    own = AXES[:1].clone().requires_grad_()
    value = loss(padded(), own, AXES[1:])
    value.backward()
    assert value.item() == 0 and own.grad is not None and not own.grad.any()


@pytest.mark.parametrize("sign", [1, -1])
def test_at_the_lowest_temperature_it_is_finite_in_single_precision(sign: int) -> None:
    own = (sign * AXES).float().requires_grad_()
    value = loss(padded(temperature=0.02).float(), own, AXES.float())
    value.backward()
    assert value.item() == pytest.approx(math.log(2) + (50 if sign < 0 else 0), rel=1e-5)
    assert own.grad is not None and own.grad.isfinite().all()


def test_embeddings_of_zeros_have_a_finite_value_and_gradient() -> None:
    own = torch.zeros(2, 4, dtype=torch.float64, requires_grad=True)
    value = loss(drawn(), own, torch.zeros(2, 3, dtype=torch.float64))
    value.backward()
    assert value.isfinite() and own.grad is not None and own.grad.abs().max() < 1e3


def test_a_teachers_embeddings_are_queued_as_they_are_and_projected_as_the_projection_stands() -> None:
    method = drawn()
    earlier, student, teacher = points([1, 2, 3]), points([1, 0, 0, 1]), points([0, 1, 0])
    method.remember(method.knowledge({"embedding": earlier}))
    before = loss(method, student, teacher).item()
    with torch.no_grad():
        method.of_teacher.weight.mul_(-1)
        method.of_teacher.bias.mul_(-1)
    other = drawn()
    other.load_state_dict(method.state_dict())
    other.remember(earlier)
    assert loss(method, student, teacher).item() == loss(other, student, teacher).item() != before


def test_the_gradient_agrees_with_finite_differences_and_reaches_both_projections_but_no_teacher() -> None:
    generator = torch.Generator().manual_seed(0)
    method = drawn(temperature=0.3)
    method.remember(torch.randn(4, 3, dtype=torch.float64, generator=generator))
    teacher = torch.randn(3, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    knowledge = method.knowledge({"embedding": teacher})
    student = torch.randn(3, 4, dtype=torch.float64, generator=generator, requires_grad=True)
    layers = list(method.parameters())

    def value(*_: Tensor) -> Tensor:
        return method.loss({"embedding": student}, knowledge)

    assert torch.autograd.gradcheck(value, (student, *layers))
    value().backward()
    assert all(each.grad is not None and each.grad.any() for each in layers) and teacher.grad is None


def test_the_projections_learn_which_embeddings_belong_together() -> None:
    generator = torch.Generator().manual_seed(2)
    student, teacher = (torch.randn(16, n, dtype=torch.float64, generator=generator) for n in (6, 5))
    method = drawn(6, 5)
    adam = torch.optim.Adam(method.parameters(), lr=1e-2)
    losses = []
    for _ in range(100):
        adam.zero_grad()
        value = loss(method, student, teacher)
        value.backward()
        adam.step()
        losses.append(value.item())
    assert losses[-1] < 0.5 * losses[0]
