"""Embedding transfer with a queue: by hand, what the queue adds, its limits and its gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from trainables.transfer.embedding_queue import EmbeddingQueue


def points(*rows: Sequence[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def identity(**knobs: float) -> EmbeddingQueue:
    """Its projection leaves the student's two activations as they are."""
    method = EmbeddingQueue("multilabel", {"embedding": (2, 2)}, **knobs).double()
    with torch.no_grad():
        method.projection.weight.copy_(torch.eye(2))
        method.projection.bias.zero_()
    return method


def loss(method: EmbeddingQueue, student_BK: Tensor, teacher_BK: Tensor) -> Tensor:
    return method.loss({"embedding": student_BK}, method.knowledge({"embedding": teacher_BK}))


def divergence(target: Sequence[float], own: Sequence[float]) -> float:
    """KL of the softmaxes of these logits, in the plainest form."""
    p, q = ([math.exp(each) / sum(map(math.exp, logits)) for each in logits] for logits in (target, own))
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


AXES = points([1, 0], [0, 1])
OPPOSITE = points([0, 1], [1, 0])


def test_two_images_by_hand() -> None:
    # The teacher's image is like itself alone, the student's like the other alone: softmax(1, 0) against
    # softmax(0, 1), whose divergence is (e - 1) / (e + 1).
    expected = (math.e - 1) / (math.e + 1)
    assert loss(identity(temperature=1.0), OPPOSITE, AXES).item() == pytest.approx(expected)
    assert divergence([1, 0], [0, 1]) == pytest.approx(expected)


def test_the_temperature_divides_similarities() -> None:
    expected = divergence([2, 0], [0, 2])
    assert loss(identity(temperature=0.5), OPPOSITE, AXES).item() == pytest.approx(expected)


def test_embeddings_count_by_their_direction_alone() -> None:
    scaled = loss(identity(temperature=1.0), OPPOSITE * points([3], [0.1]), AXES * points([7], [0.01]))
    assert scaled.item() == pytest.approx(loss(identity(temperature=1.0), OPPOSITE, AXES).item())


def test_earlier_images_are_compared_with_by_hand() -> None:
    # One earlier image at (3, 4) / 5: likenesses of 0.6 to the first axis and 0.8 to the second. The student takes the
    # second image for the first.
    method = identity(temperature=1.0)
    method.remember(method.knowledge({"embedding": points([3, 4])}))
    expected = divergence([0, 1, 0.8], [1, 0, 0.6]) / 2
    assert expected != pytest.approx(divergence([1, 0, 0.6], [0, 1, 0.8]) / 2, rel=0.01)
    assert loss(method, AXES[[0, 0]], AXES).item() == pytest.approx(expected)
    method.begin_epoch(2)
    assert loss(method, OPPOSITE, AXES).item() == pytest.approx((math.e - 1) / (math.e + 1))


def test_a_student_that_the_projection_brings_to_the_teacher_has_no_loss() -> None:
    method = EmbeddingQueue("multilabel", {"embedding": (2, 3)}).double()
    student = points([1, 2], [3, -1], [0.5, 0.5])
    method.remember(method.knowledge({"embedding": points([1, 0, 0], [0, 1, 1])}))
    teacher = 5 * method.projection(student)
    assert loss(method, student, teacher).item() == pytest.approx(0, abs=1e-12)
    assert loss(method, student, teacher.flip(0)).item() > 0.01


def test_a_single_image_has_nothing_to_be_compared_with_until_there_are_earlier_ones() -> None:
    method = identity()
    assert loss(method, AXES[:1], AXES[1:]).item() == 0
    method.remember(method.knowledge({"embedding": points([1, 0])}))  # the student takes it for that one
    assert loss(method, AXES[:1], AXES[1:]).item() == pytest.approx(1 / 0.07, rel=1e-4)


def test_an_embedding_of_zeros_has_a_finite_value_and_gradient() -> None:
    method = EmbeddingQueue("multilabel", {"embedding": (2, 2)}).double()
    own = torch.zeros(2, 2, dtype=torch.float64, requires_grad=True)
    value = loss(method, own, points([0, 0], [1, 2]))
    value.backward()
    assert value.isfinite() and own.grad is not None and own.grad.abs().max() < 1e3


def test_at_the_lowest_temperature_it_is_finite_in_single_precision() -> None:
    method = identity(temperature=0.02).float()
    assert loss(method, -AXES.float(), AXES.float()).item() == pytest.approx(50)


def test_the_gradient_agrees_with_finite_differences_and_reaches_the_projection_but_no_teacher() -> None:
    generator = torch.Generator().manual_seed(0)
    method = EmbeddingQueue("multilabel", {"embedding": (4, 3)}, temperature=0.3).double()
    earlier, teacher = (torch.randn(5, 3, dtype=torch.float64, generator=generator) for _ in range(2))
    teacher.requires_grad_()
    method.remember(method.knowledge({"embedding": earlier}))
    knowledge = method.knowledge({"embedding": teacher})
    student = torch.randn(5, 4, dtype=torch.float64, generator=generator, requires_grad=True)
    weight, bias = method.projection.weight, method.projection.bias

    def value(*_: Tensor) -> Tensor:
        return method.loss({"embedding": student}, knowledge)

    assert torch.autograd.gradcheck(value, (student, weight, bias))
    value().backward()
    assert weight.grad is not None and weight.grad.any() and teacher.grad is None
