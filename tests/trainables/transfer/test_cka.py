"""Centred kernel alignment: by hand, beside the formula of its source, and what it does not see."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainables.transfer.cka import PLACES, Alignment, alignment


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def column(*values: float) -> Tensor:
    """One activation for each image."""
    return torch.tensor(values, dtype=torch.float64)[:, None]


def hsic(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Nguyen, Raghu and Kornblith 2021, Eq. 3, as it stands there."""
    first, second = first - np.diag(np.diag(first)), second - np.diag(np.diag(second))
    n, ones = len(first), np.ones(len(first))
    middle = (ones @ first @ ones) * (ones @ second @ ones) / ((n - 1) * (n - 2))
    last = 2 / (n - 2) * (ones @ first @ second @ ones)
    return float((np.trace(first @ second) + middle - last) / (n * (n - 3)))


def method_of(student: tuple[int, int], teacher: tuple[int, int]) -> Alignment:
    return Alignment("multilabel", dict(zip(PLACES, zip(student, teacher, strict=True), strict=True)))


def test_four_images_by_hand() -> None:
    # Off the diagonal the first Gram matrix is 1 for the pairs 12 and 34, the second for 13 and 24, and both are -1
    # elsewhere. Of each with itself: (12 + 16/6 - 4) / 4 = 8/3. Of both: (-4 + 16/6 - 4) / 4 = -4/3.
    assert alignment(column(1, 1, -1, -1), column(1, -1, 1, -1)).item() == pytest.approx(-1 / 2)


def test_three_images_by_hand() -> None:
    # Biased, of one activation it is the squared correlation: (-1, 0, 1) and (-1, -1, 2) have 3 / sqrt(2 * 6).
    assert alignment(column(0, 1, 2), column(0, 0, 3)).item() == pytest.approx(9 / 12)


@pytest.mark.parametrize("num_images", [4, 5, 9])
def test_it_is_the_ratio_of_the_unbiased_estimates(num_images: int) -> None:
    first, second = drawn(0, num_images, 6) + 3, drawn(1, num_images, 2) - 1
    one, other = ((each @ each.T).numpy() for each in (first, second))
    expected = hsic(one, other) / np.sqrt(hsic(one, one) * hsic(other, other))
    assert alignment(first, second).item() == pytest.approx(expected)


def test_unrelated_activations_have_none_in_the_mean_however_many_they_are() -> None:
    values = [alignment(drawn(2 * seed, 8, 500), drawn(2 * seed + 1, 8, 500)).item() for seed in range(50)]
    assert abs(np.mean(values)) < 0.1
    biased = [alignment(drawn(2 * seed, 3, 500), drawn(2 * seed + 1, 3, 500)).item() for seed in range(50)]
    assert np.mean(biased) > 0.9  # which is why batches should have four images


def test_turned_scaled_moved_and_repeated_activations_are_the_same() -> None:
    first = drawn(0, 6, 4)
    turn = torch.linalg.qr(drawn(1, 4, 4)).Q
    moved = torch.cat([3 * first @ turn + 7, torch.ones(6, 5, dtype=torch.float64)], dim=1)
    assert alignment(moved, first).item() == pytest.approx(1)
    assert alignment(first[:, [2, 0, 1, 3]], first).item() == pytest.approx(1)
    assert alignment(first[[1, 0, 2, 3, 4, 5]], first).item() < 0.99  # other images are not


def test_the_loss_is_the_mean_over_both_places_of_what_is_missing_to_1() -> None:
    method = method_of((4, 3), (2, 5))
    student = {"middle": drawn(0, 5, 4, 14, 14), "final": drawn(1, 5, 3, 2, 2)}
    teacher = {"middle": drawn(2, 5, 2, 8, 8), "final": drawn(3, 5, 5, 3, 3)}
    pairs = [(student[place].mean(dim=(2, 3)), teacher[place].mean(dim=(2, 3))) for place in PLACES]
    expected = 1 - np.mean([alignment(*pair).item() for pair in pairs])
    knowledge = method.knowledge(teacher)
    assert knowledge.shape == (5, 7)
    assert method.loss(student, knowledge).item() == pytest.approx(expected)
    same = {"middle": drawn(4, 5, 2, 8, 8), "final": drawn(5, 5, 5, 3, 3)}
    mine = method_of((2, 5), (2, 5))
    assert mine.loss(same, mine.knowledge(same)).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("num_images", [1, 2])
def test_one_or_two_images_have_no_loss_and_a_gradient_of_zero(num_images: int) -> None:
    method = method_of((4, 3), (2, 5))
    student = {
        place: drawn(0, num_images, num, 2, 2).requires_grad_() for place, num in zip(PLACES, (4, 3), strict=True)
    }
    teacher = {place: drawn(1, num_images, num, 2, 2) for place, num in zip(PLACES, (2, 5), strict=True)}
    loss = method.loss(student, method.knowledge(teacher))
    loss.backward()
    assert loss.item() == 0
    assert all(each.grad is not None and not each.grad.any() for each in student.values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", ["zero", "equal", "all but one equal", "large and equal but for rounding"])
def test_images_without_relations_agree_by_0_without_gradient(kind: str, dtype: torch.dtype) -> None:
    own = torch.zeros(5, 3, dtype=dtype)
    if kind.endswith("equal"):
        own += torch.tensor([0.1, 1.0, -3.3], dtype=dtype)
    if kind.startswith("all but one"):
        own[2, 1] = 9.0
    if kind.startswith("large"):
        own = torch.full((5, 3), 1e6, dtype=dtype) + 0.1 * drawn(7, 5, 3).to(dtype)
    own.requires_grad_()
    value = alignment(own, drawn(1, 5, 4).to(dtype))
    value.backward()
    assert value.item() == 0 and own.grad is not None and not own.grad.any()


@pytest.mark.parametrize("num_images", [3, 5])
def test_the_gradient_agrees_with_finite_differences_and_spares_the_teacher(num_images: int) -> None:
    method = method_of((2, 3), (4, 2))
    teacher = {
        place: drawn(9, num_images, num, 2, 2).requires_grad_() for place, num in zip(PLACES, (4, 2), strict=True)
    }
    knowledge = method.knowledge(teacher)
    assert not knowledge.requires_grad
    student = [drawn(seed, num_images, num, 2, 2).requires_grad_() for seed, num in enumerate((2, 3))]
    assert torch.autograd.gradcheck(
        lambda *given: method.loss(dict(zip(PLACES, given, strict=True)), knowledge), student
    )
