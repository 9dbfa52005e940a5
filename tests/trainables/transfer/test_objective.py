"""Eq. 2 of Akbarian et al. 2020 and the two cross-entropies, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from trainables.transfer.objective import cross_entropy, total_loss


def test_eq_2_by_hand():
    assert total_loss(torch.tensor(0.75), torch.tensor(0.5), beta=4).item() == 0.875


def test_beta_1_adds_all_of_the_attention_loss_and_a_large_beta_hardly_any():
    ce, transfer = torch.tensor(0.75), torch.tensor(0.5)
    assert total_loss(ce, transfer, beta=1).item() == 1.25
    assert total_loss(ce, transfer, beta=2000).item() == pytest.approx(0.75025)


def test_eq_2_divides_the_gradient_of_the_attention_loss_by_beta():
    ce, transfer = (torch.tensor(1.0, requires_grad=True) for _ in range(2))
    total_loss(ce, transfer, beta=8).backward()
    assert ce.grad is not None and transfer.grad is not None
    assert (ce.grad.item(), transfer.grad.item()) == (1, 0.125)


@pytest.mark.parametrize("beta", [0.0, 0.999, 2000.1, -3.0, math.inf, math.nan])
def test_a_beta_outside_the_papers_range_is_refused(beta):
    with pytest.raises(ValueError, match=f"1 <= beta <= 2000 must hold, but got beta={beta}"):
        total_loss(torch.tensor(1.0), torch.tensor(1.0), beta)


def test_multiclass_is_softmax_cross_entropy_by_hand():
    # Softmax of (log 1, log 3) is (1/4, 3/4); of (log 2, log 2) it is (1/2, 1/2).
    logits = torch.tensor([[1.0, 3.0], [2.0, 2.0]]).log()
    expected = (-math.log(0.75) - math.log(0.5)) / 2
    assert cross_entropy("multiclass", logits, torch.tensor([1, 0])).item() == pytest.approx(expected)


# The sigmoid of log 3 is 3/4, that of 0 is 1/2.
LOGITS = torch.tensor([[math.log(3), 0.0], [math.log(3), math.log(3)]])
TARGETS = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
LOSSES = [[-math.log(0.75), -math.log(0.5)], [-math.log(0.25), -math.log(0.75)]]


def test_multilabel_is_sigmoid_cross_entropy_averaged_over_images_and_labels():
    assert cross_entropy("multilabel", LOGITS, TARGETS).item() == pytest.approx(sum(map(sum, LOSSES)) / 4)


def test_a_mask_of_ones_changes_nothing():
    plain = cross_entropy("multilabel", LOGITS, TARGETS)
    assert cross_entropy("multilabel", LOGITS, TARGETS, torch.ones(2, 2)).item() == pytest.approx(plain.item())


def test_a_masked_label_counts_neither_in_the_sum_nor_in_the_mean():
    logits = LOGITS.clone().requires_grad_()
    loss = cross_entropy("multilabel", logits, TARGETS, torch.tensor([[1.0, 1.0], [0.0, 1.0]]))
    loss.backward()
    assert loss.item() == pytest.approx((LOSSES[0][0] + LOSSES[0][1] + LOSSES[1][1]) / 3)
    assert logits.grad is not None
    assert logits.grad[1, 0] == 0 and logits.grad[0].all()


def test_a_batch_without_a_single_known_label_gives_0():
    logits = LOGITS.clone().requires_grad_()
    loss = cross_entropy("multilabel", logits, TARGETS, torch.zeros(2, 2))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None and not logits.grad.any()


def test_an_unknown_task_is_named():
    with pytest.raises(ValueError, match="one of multiclass, multilabel, but got 'regression'"):
        cross_entropy("regression", LOGITS, TARGETS)
