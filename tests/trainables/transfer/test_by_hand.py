"""Each method against numbers that were worked by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor

from trainables.batches import batches
from trainables.transfer.combined import AttentionAndDistillation
from trainables.transfer.compression import Compression
from trainables.transfer.distillation import Distillation
from trainables.transfer.flow import Flow
from trainables.transfer.hints import Hints
from trainables.transfer.method import Method
from trainables.transfer.permuted import PermutedAttention, others
from trainables.transfer.silent import SilentAttention
from trainables.transfer.similarity import Similarity
from trainables.transfer.squares import SquaresAttention, beta_of_their_code, beta_of_their_paper


def loss(method: Method, student: Mapping[str, Tensor], teacher: Mapping[str, Tensor]) -> float:
    return method.double().loss(student, method.knowledge(teacher)).item()


def logits(*rows: list[float]) -> dict[str, Tensor]:
    return {"logits": torch.tensor(rows, dtype=torch.float64)}


def maps(role: str, values: list[list[float]]) -> dict[str, Tensor]:
    """One image; a plane a list, of 1 x n."""
    return {role: torch.tensor(values, dtype=torch.float64)[None, :, None, :]}


def test_distillation_of_a_softmax() -> None:
    # T = 2: teacher softmax(log 3, 0) = (3/4, 1/4), student (1/2, 1/2); 4 (3/4 log 3/2 + 1/4 log 1/2)
    actual = loss(Distillation("multiclass", {}, temperature=2.0), logits([0, 0]), logits([2 * math.log(3), 0]))
    assert actual == pytest.approx(4 * (0.75 * math.log(1.5) + 0.25 * math.log(0.5)))


def test_distillation_of_a_sigmoid_a_label() -> None:
    # T = 1: teacher sigmoid(log 3) = 3/4, student 1/2; the second label agrees, and halves the mean
    actual = loss(Distillation("multilabel", {}, temperature=1.0), logits([0, 1]), logits([math.log(3), 1]))
    assert actual == pytest.approx((0.75 * math.log(1.5) + 0.25 * math.log(0.5)) / 2)


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_distillation_is_finite_where_the_teacher_is_sure(task: str) -> None:
    actual = loss(Distillation(task, {}, temperature=1.0), logits([-1000, 1000]), logits([1000, -1000]))
    assert math.isfinite(actual) and actual > 100


def test_compression() -> None:
    assert loss(Compression("multilabel", {}), logits([1, 2]), logits([3, -1])) == pytest.approx((4 + 9) / 2)


def test_attention_and_distillation_by_their_weight_and_temperature() -> None:
    # L_AT = 0.2 sqrt 2 (test_attention.py); L_KD of one class pair at T = 2 as above. A quarter of the one, the rest of
    # the other.
    knobs = {"attention_weight": 0.25, "temperature": 2.0}
    method = AttentionAndDistillation("multiclass", {"attention": (1, 1)}, **knobs)
    student = {**maps("attention", [[3, 4]]), **logits([0, 0])}
    teacher = {**maps("attention", [[4, 3]]), **logits([2 * math.log(3), 0])}
    of_outputs = 4 * (0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    assert loss(method, student, teacher) == pytest.approx(0.25 * 0.2 * math.sqrt(2) + 0.75 * of_outputs)


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_distillation_is_averaged_over_images(task: str) -> None:
    method = Distillation(task, {}, temperature=2.0)
    rows = [([0.0, 1.0], [2.0, -1.0]), ([3.0, 0.5], [0.0, 0.0]), ([1.0, 1.0], [-1.0, 2.0])]
    together = loss(method, logits(*(own for own, _ in rows)), logits(*(theirs for _, theirs in rows)))
    assert together == pytest.approx(np.mean([loss(method, logits(own), logits(theirs)) for own, theirs in rows]))


def test_hints() -> None:
    method = Hints("multilabel", {"middle": (1, 1)})
    with torch.no_grad():
        method.regressor.weight.fill_(2.0)
        method.regressor.bias.fill_(1.0)  # type: ignore[union-attr]
    student = {"middle": torch.full((1, 1, 4, 4), 3.0, dtype=torch.float64)}
    teacher = {"middle": torch.full((1, 1, 4, 4), 5.0, dtype=torch.float64)}
    assert loss(method, student, teacher) == pytest.approx((2 * 3 + 1 - 5) ** 2 / 2)


def test_flow() -> None:
    # Gram of (1, 2) with (3, 4): (1*3 + 2*4) / 2 = 5.5; of (1, 0) with (0, 1): 0
    student = {**maps("shallow", [[1, 2]]), **maps("middle", [[3, 4]])}
    teacher = {**maps("shallow", [[1, 0]]), **maps("middle", [[0, 1]])}
    assert loss(Flow("multilabel", {}), student, teacher) == pytest.approx(5.5**2)


def test_flow_refuses_other_numbers_of_planes() -> None:
    two = {**maps("shallow", [[1, 2], [0, 1]]), **maps("middle", [[3, 4]])}
    one = {**maps("shallow", [[1, 0]]), **maps("middle", [[0, 1]])}
    with pytest.raises(ValueError, match=r"as many planes in both layers .* \(2, 1\) and \(1, 1\)"):
        loss(Flow("multilabel", {}), two, one)


def test_similarity() -> None:
    # Teacher: two equal images, G = rows (1, 1)/sqrt 2. Student: two unlike ones, G = identity.
    equal = torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    unlike = torch.eye(2, dtype=torch.float64)
    half = 1 / math.sqrt(2)
    expected = (2 * (1 - half) ** 2 + 2 * half**2) / 4
    actual = loss(Similarity("multilabel", {}), {"embedding": unlike}, {"embedding": equal})
    assert actual == pytest.approx(expected)


def test_attention_of_squares() -> None:
    # Planes (1, 2) and (3, 0): mean of squares (5, 2); teacher (0, 1): (0, 1). Unit maps (5, 2)/sqrt 29 and (0, 1).
    student, teacher = maps("attention", [[1, 2], [3, 0]]), maps("attention", [[0, 1]])
    length = math.sqrt(29)
    expected = ((5 / length) ** 2 + (2 / length - 1) ** 2) / 2
    assert loss(SquaresAttention("multilabel", {}), student, teacher) == pytest.approx(expected)


def test_maps_of_different_sizes_are_pooled_to_the_smaller() -> None:
    large = {"attention": torch.tensor([[[[1.0, 1.0, 2.0, 2.0]] * 2]], dtype=torch.float64)}  # squares 1 1 4 4
    small = {"attention": torch.tensor([[[[1.0, 2.0]]]], dtype=torch.float64)}  # squares 1 4
    method = SquaresAttention("multilabel", {})
    assert loss(method, large, small) == pytest.approx(0, abs=1e-15)
    assert loss(method, small, large) == pytest.approx(0, abs=1e-15)


def test_betas_of_the_other_conventions_give_the_same_loss() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.rand((1, 1, 8, 8), generator=generator, dtype=torch.float64) for _ in range(2))
    ours, beta = loss(SquaresAttention("multilabel", {}), {"attention": student}, {"attention": teacher}), 1e-3
    distance = math.sqrt(ours * 64)
    assert beta_of_their_code(beta) * ours == pytest.approx(ours / beta)
    assert beta_of_their_paper(beta, distance, 64) / 2 * distance == pytest.approx(ours / beta)


def test_silent_attention_is_nothing_at_all() -> None:
    own = maps("attention", [[3, 4]])
    own["attention"].requires_grad_()
    method = SilentAttention("multilabel", {})
    value = method.loss(own, method.knowledge(maps("attention", [[4, 3]])))
    value.backward()
    assert value.item() == 0 and own["attention"].grad is not None and not own["attention"].grad.any()


def test_permuted_attention_compares_with_the_other_image() -> None:
    planes = torch.eye(2, dtype=torch.float64)[:, None, None, :]  # image 0 looks left, image 1 right
    same, other = {"attention": planes}, {"attention": planes.flip(0)}
    assert loss(PermutedAttention("multilabel", {}), same, same) == pytest.approx(math.sqrt(2))
    assert loss(PermutedAttention("multilabel", {}), same, other) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("num_images", [2, 3, 8, 32])
def test_no_image_gets_its_own_attention_and_each_attention_is_used_once(num_images: int) -> None:
    partners = others(num_images).tolist()
    assert sorted(partners) == list(range(num_images))
    assert all(other != image for image, other in enumerate(partners))
    assert others(num_images).tolist() == partners


def test_permuted_attention_is_of_another_class_as_often_as_chance_has_it() -> None:
    # A store in the order of its classes, and batches in the order of the store, as the loop makes them.
    classes = np.repeat(np.arange(10), 100)
    parts = [rows for epoch in range(1, 6) for rows in batches(np.arange(1000), 32, 0, epoch)]
    same = [(classes[rows] == classes[rows][others(len(rows)).numpy()]).mean() for rows in parts]
    assert np.mean(same) == pytest.approx(0.1, abs=0.06)  # the next image of the batch: 0.68
