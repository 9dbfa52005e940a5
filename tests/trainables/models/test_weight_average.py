"""The mean of several networks' weights, and the statistics of its batch norms."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from trainables.data.normalising import normalise
from trainables.models.weight_average import estimate_statistics, mean_state, moved_norms

CPU = torch.device("cpu")


def network(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    made = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Conv2d(4, 2, 3), nn.BatchNorm2d(2))
    for norm in norms(made):
        mean_of(norm).normal_()
    made.eval()
    return made


def norms(of: nn.Sequential) -> list[nn.BatchNorm2d]:
    return [module for module in of if isinstance(module, nn.BatchNorm2d)]


def mean_of(norm: nn.BatchNorm2d) -> torch.Tensor:
    assert norm.running_mean is not None
    return norm.running_mean


def batches(num: int = 3, size: int = 5) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, size=(size, 8, 8, 3), dtype=np.uint8) for _ in range(num)]


def test_the_mean_is_taken_tensor_by_tensor() -> None:
    states = [
        {"w": torch.tensor([1.0, 2.0]), "count": torch.tensor(3)},
        {"w": torch.tensor([2.0, 4.0]), "count": torch.tensor(9)},
    ]
    mean = mean_state(states)
    assert mean["w"].tolist() == [1.5, 3.0] and mean["w"].dtype == torch.float32 and int(mean["count"]) == 3
    halves = mean_state([{"w": torch.tensor([1.0], dtype=torch.bfloat16)}] * 3)
    assert halves["w"].dtype == torch.bfloat16


def test_networks_of_other_tensors_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="differ in w"):
        mean_state([{"w": torch.zeros(2)}, {"w": torch.zeros(3)}])
    with pytest.raises(ValueError, match="got none"):
        mean_state([])


def test_statistics_are_the_mean_over_the_batches_and_nothing_else_changes() -> None:
    averaged = network(0)
    before = copy.deepcopy(averaged.state_dict())
    estimate_statistics(averaged, norms(averaged), [*batches(), batches(1, size=1)[0]], CPU)
    with torch.no_grad():
        seen = [averaged[0](normalise(torch.from_numpy(batch))) for batch in batches()]
    means = torch.stack([maps.mean(dim=(0, 2, 3)) for maps in seen]).mean(dim=0)
    spreads = torch.stack([maps.var(dim=(0, 2, 3)) for maps in seen]).mean(dim=0)
    first = norms(averaged)[0]
    torch.testing.assert_close(first.running_mean, means)
    torch.testing.assert_close(first.running_var, spreads)
    assert first.momentum == 0.1 and not any(module.training for module in averaged.modules())
    for name, tensor in averaged.state_dict().items():
        assert torch.equal(tensor, before[name]) == ("running" not in name and "num_batches" not in name), name
    # Dropout stays off: a second estimate is the same, bit for bit.
    again = copy.deepcopy(averaged.state_dict())
    estimate_statistics(averaged, norms(averaged), batches(), CPU)
    assert all(torch.equal(tensor, again[name]) for name, tensor in averaged.state_dict().items())


def test_frozen_norms_keep_their_statistics() -> None:
    one, other = network(0), network(0)
    first, last = norms(one)
    mean_of(norms(other)[1]).add_(1)
    assert moved_norms(one, [one.state_dict(), other.state_dict()]) == [last]
    kept = mean_of(first).clone()
    estimate_statistics(one, [last], batches(), CPU)
    assert torch.equal(mean_of(first), kept) and moved_norms(one, [one.state_dict()] * 2) == []
