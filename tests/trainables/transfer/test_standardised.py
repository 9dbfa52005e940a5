"""Distillation of z-scores: by hand, what it does not see, and where z-scores say nothing."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import Tensor

from trainables.transfer.standardised import StandardisedDistillation, z_scores

TEACHER = torch.tensor([[2.0, -1.0, 0.5, 3.0], [0.0, 1.0, 2.0, -4.0], [1.0, 1.5, -1.0, 0.0]], dtype=torch.float64)
STUDENT = torch.tensor([[1.0, 0.0, 2.5, 1.0], [3.0, -1.0, 0.0, 0.0], [0.5, -2.0, 1.0, 4.0]], dtype=torch.float64)


def rows(*values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def loss(student_BL: Tensor, teacher_BL: Tensor, task: str, **knobs: float) -> Tensor:
    method = StandardisedDistillation(task, {}, **knobs)
    return method.loss({"logits": student_BL}, method.knowledge({"logits": teacher_BL}))


def test_z_scores_divide_by_the_count_less_one() -> None:
    # (0, 3, 6): the mean is 3 and the variance (9 + 9) / 2
    assert z_scores(rows([0, 3, 6]), dim=1).tolist() == [[-1, 0, 1]]
    assert z_scores(rows([0], [3], [6]), dim=0).tolist() == [[-1], [0], [1]]


def test_classes_by_hand() -> None:
    # z-scores (-1, 0, 1) and, of (1, 1, 4), (-1, -1, 2) / sqrt 3; the base temperature is 2, its square 4
    own, others = [-1.0, 0.0, 1.0], [each / math.sqrt(3) for each in (-1, -1, 2)]
    own_p, others_p = ([math.exp(each / 2) for each in scores] for scores in (own, others))
    own_p, others_p = ([each / sum(p) for each in p] for p in (own_p, others_p))
    expected = 4 * sum(q * math.log(q / p) for p, q in zip(own_p, others_p, strict=True))
    assert loss(rows([0, 3, 6]), rows([1, 1, 4]), "multiclass").item() == pytest.approx(expected)


@pytest.mark.parametrize("num_classes", [2, 4])
def test_a_task_that_was_read_from_a_file_is_that_task(num_classes: int) -> None:
    own, others = STUDENT[:, :num_classes], TEACHER[:, :num_classes]
    assert loss(own, others, json.loads('"multiclass"')).item() == loss(own, others, "multiclass").item() > 0


def test_a_label_by_hand_over_the_images() -> None:
    own, others = [-1.0, 0.0, 1.0], [each / math.sqrt(3) for each in (-1, -1, 2)]
    own_p, others_p = ([1 / (1 + math.exp(-each / 2)) for each in scores] for scores in (own, others))
    divergences = [
        q * math.log(q / p) + (1 - q) * math.log((1 - q) / (1 - p)) for p, q in zip(own_p, others_p, strict=True)
    ]
    actual = loss(rows([0], [3], [6]), rows([1], [1], [4]), "multilabel")
    assert actual.item() == pytest.approx(4 * sum(divergences) / 3)


@pytest.mark.parametrize(("task", "of"), [("multiclass", (3, 1)), ("multilabel", (1, 4))], ids=["image", "label"])
def test_place_and_scale_of_an_images_classes_or_of_a_label_do_not_count(task: str, of: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    scale, place = (torch.rand(of, generator=generator, dtype=torch.float64) + 0.5 for _ in range(2))
    assert loss(scale * TEACHER + place, TEACHER, task).item() == pytest.approx(0, abs=1e-12)
    assert loss(TEACHER * scale.flip(0, 1).T[:1, :1] + STUDENT, TEACHER, task).item() > 0.01


def test_of_labels_it_matters_how_ill_an_image_is_as_a_whole() -> None:
    # The same is added to all labels of an image, which z-scores over labels would not see.
    ill = TEACHER + torch.tensor([[0.0], [3.0], [0.0]], dtype=torch.float64)
    assert loss(ill, TEACHER, "multilabel").item() > 0.01
    assert loss(ill, TEACHER, "multiclass").item() == pytest.approx(0, abs=1e-12)


def test_two_classes_are_one_label() -> None:
    student, teacher = STUDENT[:, :2], TEACHER[:, :2]
    own, others = (each[:, 1:] - each[:, :1] for each in (student, teacher))
    actual = loss(student, teacher, "multiclass")
    assert actual.item() == pytest.approx(loss(own, others, "multilabel").item()) and actual.item() > 0.01


@pytest.mark.parametrize(("task", "num_labels"), [("multilabel", 4), ("multiclass", 2)])
@pytest.mark.parametrize("num_images", [1, 2])
def test_of_one_or_two_images_there_is_no_relation_over_images(task: str, num_labels: int, num_images: int) -> None:
    own = STUDENT[:num_images, :num_labels].clone().requires_grad_()
    actual = loss(own, TEACHER[:num_images, :num_labels], task)
    actual.backward()
    assert actual.item() == 0 and own.grad is not None and not own.grad.any()


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_equal_logits_have_a_finite_loss_and_no_gradient(task: str) -> None:
    own = torch.full((3, 4), 7.0, requires_grad=True)
    actual = loss(own, TEACHER.float(), task)
    actual.backward()
    assert math.isfinite(actual.item()) and actual.item() > 0
    assert own.grad is not None and not own.grad.any()


@pytest.mark.parametrize(("task", "num_labels"), [("multiclass", 4), ("multiclass", 2), ("multilabel", 4)])
def test_the_gradient_agrees_with_finite_differences_and_spares_the_teacher(task: str, num_labels: int) -> None:
    student, teacher = (each[:, :num_labels].clone().requires_grad_() for each in (STUDENT, TEACHER))
    assert torch.autograd.gradcheck(lambda own: loss(own, teacher, task), [student])
    loss(student, teacher, task).backward()
    assert teacher.grad is None and student.grad is not None and student.grad.abs().max() > 1e-3


def test_the_first_values_are_the_authors() -> None:
    assert StandardisedDistillation.knobs["temperature"].first == 2
    assert 1 / StandardisedDistillation.beta.first == pytest.approx(9)
