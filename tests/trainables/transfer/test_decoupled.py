"""Multi-label logit distillation: by hand, and beside distillation."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from trainables.transfer.decoupled import DecoupledLabels
from trainables.transfer.distillation import Distillation

STUDENT = torch.tensor([[0.0, 1.0, -2.0], [3.0, 0.0, 0.5]], dtype=torch.float64)
TEACHER = torch.tensor([[math.log(3), 1.0, 4.0], [-1.0, 0.0, 0.5]], dtype=torch.float64)


def loss(student_BL: Tensor, teacher_BL: Tensor, task: str = "multilabel", **knobs: float) -> Tensor:
    method = DecoupledLabels(task, {}, **knobs)
    return method.loss({"logits": student_BL}, method.knowledge({"logits": teacher_BL}))


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_by_hand_each_label_is_a_question_of_its_own_and_they_are_summed(task: str) -> None:
    # sigmoid(log 3) = 3/4 against 1/2 in the first label of the first image; the second agrees; of two images the mean
    actual = loss(STUDENT[:, :2], torch.tensor([[math.log(3), 1.0], [3.0, 0.0]], dtype=torch.float64), task)
    assert actual.item() == pytest.approx((0.75 * math.log(1.5) + 0.25 * math.log(0.5)) / 2)


def test_it_is_the_plain_binary_divergence() -> None:
    student, teacher = torch.sigmoid(STUDENT), torch.sigmoid(TEACHER)
    expected = teacher * (teacher / student).log() + (1 - teacher) * ((1 - teacher) / (1 - student)).log()
    assert loss(STUDENT, TEACHER).item() == pytest.approx(expected.sum().item() / 2)


@pytest.mark.parametrize("temperature", [1.0, 5.0])
def test_for_many_labels_it_is_distillation_times_their_number(temperature: float) -> None:
    other = Distillation("multilabel", {}, temperature=temperature).loss({"logits": STUDENT}, TEACHER)
    assert loss(STUDENT, TEACHER, temperature=temperature).item() == pytest.approx(3 * other.item())


def test_for_classes_it_sees_a_shift_that_a_softmax_does_not() -> None:
    assert Distillation("multiclass", {}).loss({"logits": TEACHER + 2}, TEACHER).item() == pytest.approx(0, abs=1e-12)
    assert loss(TEACHER + 2, TEACHER, "multiclass").item() > 0.1


def test_at_a_high_temperature_it_is_a_quarter_of_half_the_squared_difference() -> None:
    # KL between Bernoullis near 1/2 is 2 (p - q)^2, and sigmoid's slope there is 1/4: T^2 * 2 (z / 4 T)^2 = z^2 / 8
    method = DecoupledLabels("multilabel", {})
    method.knob["temperature"] = 1e4
    expected = (STUDENT - TEACHER).square().sum().item() / 8 / 2
    assert method.loss({"logits": STUDENT}, TEACHER).item() == pytest.approx(expected, rel=1e-3)


def test_it_is_finite_where_the_teacher_is_sure_and_wrong() -> None:
    own = torch.tensor([[-1000.0, 1000.0]], requires_grad=True)
    actual = loss(own, torch.tensor([[1000.0, -1000.0]]))
    actual.backward()
    assert math.isfinite(actual.item()) and own.grad is not None and torch.isfinite(own.grad).all()
