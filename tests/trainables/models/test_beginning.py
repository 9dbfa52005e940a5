"""First weights: as drawn, a teacher's, or drawn with the scale of a teacher's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from tests.tiny_network import NAME
from trainables.models.architectures import build
from trainables.models.beginning import give_first_weights

pytestmark = pytest.mark.usefixtures("tiny")


@pytest.fixture(scope="module")
def source(tiny: str) -> dict[str, Tensor]:
    """Weights whose tensors have means and spreads of their own, batch norms included."""
    torch.manual_seed(7)
    state = build(tiny, 3).state_dict()
    for number, (name, tensor) in enumerate(state.items(), 1):
        if tensor.is_floating_point():
            state[name] = torch.randn(tensor.shape) * 0.1 * number + 0.3 * number
    return state


def begun(init: str, source: dict[str, Tensor] | None, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    student = build(NAME, 5)
    give_first_weights(student, NAME, init, source)
    return student


def test_matched_weights_are_normal_with_the_mean_and_variance_of_each_tensor(source: dict[str, Tensor]) -> None:
    student = begun("matched-wise", source)
    for name, weight in student.named_parameters():
        if name.startswith("classifier"):
            continue
        mean, std = source[name].mean().item(), source[name].std(correction=0).item()
        standard = (weight.detach().double().numpy().ravel() - mean) / std
        assert not torch.equal(weight, source[name])
        if len(standard) >= 500:  # of n normal numbers: 1.95 / sqrt(n) in 999 of 1,000 cases
            assert stats.kstest(standard, "norm").statistic < 1.95 / np.sqrt(len(standard))
        assert abs(standard.mean()) < 4.5 / np.sqrt(len(standard))


def test_only_the_scale_is_taken_and_the_head_and_the_statistics_are_fresh(source: dict[str, Tensor]) -> None:
    matched, plain = begun("matched-wise", source), begun("random", None)
    given = begun("wise", source).state_dict()
    for name, tensor in matched.state_dict().items():
        if name.startswith("classifier") or "running" in name or "num_batches" in name:
            assert torch.equal(tensor, plain.state_dict()[name]), name
        else:
            assert torch.equal(given[name], source[name]) and not torch.equal(tensor, source[name]), name


def test_the_seed_draws_them(source: dict[str, Tensor]) -> None:
    first, again, other = (
        begun("matched-wise", source, seed).state_dict()["features.shallow.0.weight"] for seed in (0, 0, 1)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)
    shuffled = {name: tensor.flatten().flip(0).reshape(tensor.shape) for name, tensor in source.items()}
    same_scale = begun("matched-wise", shuffled).state_dict()["features.shallow.0.weight"]
    torch.testing.assert_close(same_scale, first)  # nothing but mean and variance is taken


@pytest.mark.parametrize("init", ["wise", "matched-wise"])
def test_a_source_without_a_shared_tensor_or_of_another_shape_is_refused(init: str, source: dict[str, Tensor]) -> None:
    absent = {name: tensor for name, tensor in source.items() if name != "features.middle.1.weight"}
    with pytest.raises(ValueError, match=r"1 do not fit: features.middle.1.weight \(12,\), found none"):
        begun(init, absent)
    with pytest.raises(ValueError, match=r"features.middle.1.weight \(12,\), found \(3,\)"):
        begun(init, source | {"features.middle.1.weight": torch.ones(3)})
