"""The spatial term beside the queue: by hand, what is pooled and kept, its limits and its gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from trainables.transfer.embedding_queue import EmbeddingQueue
from trainables.transfer.embedding_queue_spatial import EmbeddingQueueSpatial

PLANES = {"embedding": (3, 2), "final": (2, 2)}


def plain(**knobs: float) -> EmbeddingQueueSpatial:
    """Its projection leaves the student's map as it is."""
    torch.manual_seed(0)
    method = EmbeddingQueueSpatial("multilabel", PLANES, **knobs).double()
    with torch.no_grad():
        method.map_projection.weight.copy_(torch.eye(2)[..., None, None])
        assert method.map_projection.bias is not None
        method.map_projection.bias.zero_()
    return method


def tensors(num_activations: int, map_CHW: Tensor, seed: int = 0) -> dict[str, Tensor]:
    """One image."""
    generator = torch.Generator().manual_seed(seed)
    embedding = torch.randn(1, num_activations, dtype=torch.float64, generator=generator)
    return {"embedding": embedding, "final": map_CHW[None].double()}


def loss(method: EmbeddingQueueSpatial, own_CHW: Tensor, theirs_CHW: Tensor) -> float:
    """Of one image, whose embedding has nothing to be compared with: the spatial term alone."""
    return method.loss(tensors(3, own_CHW), method.knowledge(tensors(2, theirs_CHW))).item()


# Two planes of 2 x 2; of the positions the first three point along (1, 0), (0, 1) and (3, 4).
THEIRS = torch.tensor([[[1.0, 0.0], [3.0, 0.0]], [[0.0, 1.0], [4.0, -2.0]]])
RIGHT = torch.tensor([[[1.0, 1.0], [1.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]])


def test_the_mean_of_cosine_distances_by_hand() -> None:
    # Against (1, 0) everywhere the cosines are 1, 0, 3/5 and 0.
    assert loss(plain(spatial_weight=1.0), RIGHT, THEIRS) == pytest.approx((0 + 1 + 0.4 + 1) / 4)
    assert loss(plain(spatial_weight=2.5), RIGHT, 7 * THEIRS) == pytest.approx(2.5 * (0 + 1 + 0.4 + 1) / 4)


def test_equal_maps_give_0_and_opposite_ones_2() -> None:
    assert loss(plain(), 3 * THEIRS, THEIRS) == pytest.approx(0, abs=1e-12)
    assert loss(plain(), -THEIRS, THEIRS) == pytest.approx(2)


@pytest.mark.parametrize("is_student_larger", [True, False])
def test_maps_of_two_sizes_are_pooled_to_the_smaller(is_student_larger: bool) -> None:
    # Windows of 2 x 2 with means of (1, 0), (0, 1), (3, 4) and (0, -2), none of them constant.
    spread = torch.tensor([[2.0, 0.0], [-1.0, -1.0]]).repeat(2, 2)
    large = THEIRS.repeat_interleave(2, 1).repeat_interleave(2, 2) + spread
    own, theirs = (large, RIGHT) if is_student_larger else (RIGHT, large)
    assert loss(plain(spatial_weight=1.0), own, theirs) == pytest.approx((0 + 1 + 0.4 + 1) / 4)


@pytest.mark.parametrize(("side", "kept"), [(3, 3), (8, 8), (16, 8), (12, 8)])
def test_a_row_holds_the_embedding_and_a_map_of_at_most_8_x_8(side: int, kept: int) -> None:
    teacher = tensors(2, torch.randn(2, side, side))
    row = plain().knowledge(teacher)[0]
    assert len(row) == 2 + 2 * kept**2
    assert row[:2].norm().item() == pytest.approx(1)
    if side in (3, 8):
        assert torch.equal(row[2:].view(2, side, side), teacher["final"][0])
    if side == 16:
        assert row[2].item() == pytest.approx(teacher["final"][0, 0, :2, :2].mean().item())


def test_beside_it_the_loss_of_embeddings_is_that_of_the_queue_alone() -> None:
    method = plain(spatial_weight=0.0)
    alone = EmbeddingQueue("multilabel", PLANES).double()
    alone.load_state_dict({name: value for name, value in method.state_dict().items() if "map" not in name})
    student, teacher, earlier = (
        {"embedding": torch.randn(4, n, dtype=torch.float64), "final": torch.randn(4, 2, 2, 2, dtype=torch.float64)}
        for n in (3, 2, 2)
    )
    for each in (method, alone):
        each.remember(each.knowledge(earlier))
    expected = alone.loss(student, alone.knowledge(teacher))
    assert expected.item() > 0
    torch.testing.assert_close(method.loss(student, method.knowledge(teacher)), expected)


def test_maps_are_not_queued() -> None:
    method = plain()
    method.remember(method.knowledge(tensors(2, THEIRS)))
    assert method.with_earlier(torch.ones(1, 2, dtype=torch.float64)).shape == (2, 2)


def test_the_gradient_agrees_with_finite_differences_where_a_position_of_the_teachers_is_zero() -> None:
    method = plain(temperature=0.3)
    student = {role: value.requires_grad_() for role, value in tensors(3, torch.randn(2, 4, 4), seed=1).items()}
    theirs = THEIRS.clone()
    theirs[:, 0, 0] = 0
    method.remember(method.knowledge(tensors(2, RIGHT, seed=2)))
    knowledge = method.knowledge(tensors(2, theirs, seed=3))

    def value(*_: Tensor) -> Tensor:
        return method.loss(student, knowledge)

    assert torch.autograd.gradcheck(value, (*student.values(), *method.parameters()))
