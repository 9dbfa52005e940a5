"""DIST: by hand, beside numpy's correlations, and where there is nothing to correlate."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from trainables.transfer.correlation import CorrelationDistillation


def rows(*values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def drawn(seed: int, num_images: int, num_labels: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(num_images, num_labels, generator=generator, dtype=torch.float64)


def loss(student_BL: Tensor, teacher_BL: Tensor, task: str = "multilabel", **knobs: float) -> Tensor:
    method = CorrelationDistillation(task, {}, **knobs)
    return method.loss({"logits": student_BL}, method.knowledge({"logits": teacher_BL}))


def test_an_image_over_its_classes_by_hand() -> None:
    # (1/2, 3/10, 1/5) less 1/3 is (5, -1, -4) / 30, and the teacher's is (-4, -1, 5) / 30: r = -39 / 42. Of a single
    # image there is no relation over images.
    student, teacher = rows([0.5, 0.3, 0.2]).log(), rows([0.2, 0.3, 0.5]).log()
    assert loss(student, teacher, "multiclass", temperature=1.0).item() == pytest.approx(1 + 39 / 42)


def test_a_label_over_the_images_by_hand() -> None:
    # (0.2, 0.4, 0.9) less 1/2 is (-3, -1, 4) / 10; (0.1, 0.4, 0.7) less 2/5 is (-3, 0, 3) / 10. Of one label there is
    # no relation over labels.
    student, teacher = rows([0.2], [0.4], [0.9]).logit(), rows([0.1], [0.4], [0.7]).logit()
    expected = 3 * (1 - 21 / math.sqrt(26 * 18))
    assert loss(student, teacher, intra_weight=3.0).item() == pytest.approx(expected)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_both_parts_are_means_of_numpys_correlations(task: str, temperature: float) -> None:
    student, teacher = drawn(0, 6, 4), drawn(1, 6, 4)
    if task == "multiclass":
        own, others = ((each / temperature).softmax(1).numpy() for each in (student, teacher))
    else:
        own, others = (1 / (1 + np.exp(-each.numpy() / temperature)) for each in (student, teacher))
    over_labels = np.mean([1 - np.corrcoef(own[i], others[i])[0, 1] for i in range(6)])
    over_images = np.mean([1 - np.corrcoef(own[:, k], others[:, k])[0, 1] for k in range(4)])
    actual = loss(student, teacher, task, temperature=temperature, intra_weight=0.5)
    assert actual.item() == pytest.approx(over_labels + 0.5 * over_images)


def test_scale_and_place_of_the_probabilities_do_not_count_and_their_order_does() -> None:
    teacher = drawn(0, 5, 4)
    assert loss((0.3 * teacher.sigmoid() + 0.2).logit(), teacher).item() == pytest.approx(0, abs=1e-12)
    assert loss(-teacher, teacher, intra_weight=2.0).item() == pytest.approx(2 + 2 * 2)  # 1 - p


@pytest.mark.parametrize(("task", "num_labels"), [("multilabel", 1), ("multilabel", 2), ("multiclass", 2)])
def test_of_one_or_two_labels_only_the_relation_over_images_counts(task: str, num_labels: int) -> None:
    student, teacher = drawn(0, 5, num_labels), drawn(1, 5, num_labels)
    one, double = (loss(student, teacher, task, intra_weight=weight).item() for weight in (1.0, 2.0))
    assert one > 0 and double == pytest.approx(2 * one)


@pytest.mark.parametrize("num_images", [1, 2])
def test_of_one_or_two_images_only_the_relation_over_labels_counts(num_images: int) -> None:
    student, teacher = drawn(0, num_images, 4), drawn(1, num_images, 4)
    one, double = (loss(student, teacher, intra_weight=weight).item() for weight in (1.0, 2.0))
    assert one > 0 and double == pytest.approx(one)


@pytest.mark.parametrize("num_images", [1, 2])
def test_without_any_relation_there_is_no_loss_but_still_a_gradient_of_zero(num_images: int) -> None:
    own = drawn(0, num_images, 1).requires_grad_()
    actual = loss(own, drawn(1, num_images, 1))
    actual.backward()
    assert actual.item() == 0 and own.grad is not None and not own.grad.any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("logit", [0.0, -60.0, 60.0])
@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_constant_outputs_correlate_with_nothing(task: str, logit: float, dtype: torch.dtype) -> None:
    own = torch.full((4, 3), logit, dtype=dtype, requires_grad=True)
    actual = loss(own, drawn(1, 4, 3).to(dtype), task, intra_weight=2.0)
    actual.backward()
    assert actual.item() == pytest.approx(1 + 2)
    assert own.grad is not None and not own.grad.any()


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_the_gradient_agrees_with_finite_differences_and_spares_the_teacher(task: str) -> None:
    student, teacher = drawn(0, 4, 3).requires_grad_(), drawn(1, 4, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda own: loss(own, teacher, task, temperature=2.0), [student])
    loss(student, teacher, task).backward()
    assert teacher.grad is None and student.grad is not None and student.grad.any()
