"""What becomes of a map's positions: each method that pools, on maps that are not constant, worked by hand.

A pooled constant is that constant whatever the pooling, so here no two positions of a window are equal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from trainables.transfer.flow import Flow, gram
from trainables.transfer.hints import Hints
from trainables.transfer.similarity import Similarity
from trainables.transfer.squares import SquaresAttention


def plane(*rows: Sequence[float]) -> Tensor:
    """One image with one plane."""
    return torch.tensor(rows, dtype=torch.float64)[None, None]


def hints(weight: float, bias: float) -> Hints:
    method = Hints("multilabel", {"middle": (1, 1)}).double()
    with torch.no_grad():
        method.regressor.weight.fill_(weight)
        assert method.regressor.bias is not None
        method.regressor.bias.fill_(bias)
    return method


# Two windows of 4 x 4, with means of 2 and 3.
TEACHER = plane(
    [0, 1, 2, 3, 6, 0, 0, 0],
    [4, 5, 6, 7, 0, 12, 0, 0],
    [0, 0, 0, 0, 0, 0, 18, 0],
    [1, 1, 1, 1, 0, 0, 0, 12],
)


def test_hints_are_the_means_of_windows_of_4_x_4() -> None:
    assert hints(1, 0).knowledge({"middle": TEACHER}).tolist() == [[[[2, 3]]]]


def test_hints_of_a_window_that_the_map_cuts_are_the_mean_of_what_is_there() -> None:
    assert hints(1, 0).knowledge({"middle": TEACHER[..., :6]}).tolist() == [[[[2, 18 / 8]]]]


def test_the_hints_loss_takes_the_students_means() -> None:
    # The student's windows have means of 1 and 5; through 2 x + 1 they are 3 and 11, and the teacher's are 2 and 3.
    student = plane([16, 0, 0, 0, 5, 10, 0, 5], [0] * 4 + [60, 0, 0, 0], [0] * 8, [0] * 8)
    method = hints(2, 1)
    loss = method.loss({"middle": student}, method.knowledge({"middle": TEACHER}))
    assert loss.item() == pytest.approx(((3 - 2) ** 2 + (11 - 3) ** 2) / 2 / 2)


SHALLOW = plane([1, 3, 0, 4], [5, 7, 2, 6])  # windows of 2 x 2, with means of 4 and 3
MIDDLE = plane([2, 1])


def test_the_flow_pools_the_shallow_layer_to_means() -> None:
    assert gram(SHALLOW, MIDDLE).tolist() == [[[(4 * 2 + 3 * 1) / 2]]]


def test_the_flows_loss_is_of_the_means() -> None:
    # The teacher's windows have means of 1 and 1, and its matrix is (1 * 4 + 1 * 2) / 2 = 3.
    method = Flow("multilabel", {})
    knowledge = method.knowledge({"shallow": plane([0, 2, 1, 0], [1, 1, 0, 3]), "middle": plane([4, 2])})
    assert method.loss({"shallow": SHALLOW, "middle": MIDDLE}, knowledge).item() == pytest.approx((5.5 - 3) ** 2)


def test_maps_of_squares_are_pooled_to_means() -> None:
    # Squares 1, 49, 9, 81: means of 25 and 45, as 5 to 9; the other map has squares of 1 and 4.
    large, small = {"attention": plane([1, 7, 3, 9])}, {"attention": plane([1, 2])}
    of_large, of_small = math.hypot(5, 9), math.hypot(1, 4)
    expected = ((5 / of_large - 1 / of_small) ** 2 + (9 / of_large - 4 / of_small) ** 2) / 2
    method = SquaresAttention("multilabel", {})
    assert method.loss(large, method.knowledge(small)).item() == pytest.approx(expected)
    assert method.loss(small, method.knowledge(large)).item() == pytest.approx(expected)


def test_similarities_are_of_the_embeddings() -> None:
    # Student: (1, 0) and (1, 1), so rows (1, 1) and (1, 2). Teacher: (2, 0) and (0, 1), so rows (1, 0) and (0, 1).
    student = torch.tensor([[1, 0], [1, 1]], dtype=torch.float64)
    teacher = torch.tensor([[2, 0], [0, 1]], dtype=torch.float64)
    half, fifth = 1 / math.sqrt(2), 1 / math.sqrt(5)
    expected = ((half - 1) ** 2 + half**2 + fifth**2 + (2 * fifth - 1) ** 2) / 4
    method = Similarity("multilabel", {})
    loss = method.loss({"embedding": student}, method.knowledge({"embedding": teacher}))
    assert loss.item() == pytest.approx(expected)
