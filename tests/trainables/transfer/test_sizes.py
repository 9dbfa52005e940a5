"""Maps of different sizes: to which grid they are pooled, and what each method makes of 14 x 14 against 2 x 2."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from trainables.transfer import METHODS
from trainables.transfer.attention import AttentionTransfer
from trainables.transfer.flow import Flow
from trainables.transfer.hints import Hints
from trainables.transfer.pooling import at_most, averaged, to_one_size
from trainables.transfer.squares import SquaresAttention


def ramp(height: int, width: int = 0) -> Tensor:
    """One image with one plane, whose value is the position's height in the picture, as parts of 14 rows."""
    rows = (torch.arange(height, dtype=torch.float64) + 0.5) * 14 / height - 0.5
    return rows[None, None, :, None].expand(1, 1, height, width or height)


LARGE, SMALL = ramp(14), ramp(2)  # the halves of 14 rows have means of 3 and 10, which are the small map's values


def test_a_map_is_averaged_and_never_enlarged() -> None:
    assert SMALL[0, 0, :, 0].tolist() == [3, 10]
    assert averaged(LARGE, (2, 2)).tolist() == SMALL.tolist()
    assert averaged(SMALL, (14, 14)) is SMALL
    assert averaged(LARGE, (2, 99)).shape == (1, 1, 2, 14)


def test_at_most_8_x_8_are_kept() -> None:
    assert [tuple(at_most(ramp(side)).shape[2:]) for side in (2, 8, 14, 37)] == [(2, 2), (8, 8), (8, 8), (8, 8)]
    assert at_most(LARGE, side=2).tolist() == SMALL.tolist()


def test_of_two_the_smaller_side_counts_each_way() -> None:
    first, second = to_one_size(ramp(14, 2), ramp(2, 14))
    assert first.shape == second.shape == (1, 1, 2, 2)
    assert torch.equal(first, second)
    assert all(each.shape == (1, 2, 2) for each in to_one_size(torch.rand(1, 14, 14), torch.rand(1, 2, 2)))


def hints() -> Hints:
    """Predicts what it is given."""
    method = Hints("multilabel", {"middle": (1, 1)}).double()
    with torch.no_grad():
        method.regressor.weight.fill_(1.0)
        assert method.regressor.bias is not None
        method.regressor.bias.zero_()
    return method


@pytest.mark.parametrize(("student", "teacher", "side"), [(2, 14, 2), (14, 2, 1), (14, 8, 2), (14, 14, 4), (4, 32, 4)])
def test_hints_of_any_size_are_of_the_same_part_of_the_picture(student: int, teacher: int, side: int) -> None:
    # Both are the same ramp, so the student knows the hint; a grid out of step with the other would not.
    # Where there is a single position, the hint is the mean of both halves.
    method, own = hints(), ramp(student).clone()
    knowledge = method.knowledge({"middle": ramp(teacher)})
    assert method.loss({"middle": own}, knowledge).item() == pytest.approx(0, abs=0.02)
    own[:, :, : student // 2] += 2.0  # the upper half of the picture: half of the positions are wrong by 2
    expected = 1**2 / 2 if side == 1 else 2**2 / 2 / 2
    assert method.loss({"middle": own}, knowledge).item() == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(("student", "teacher"), [(2, 14), (14, 2), (14, 8), (7, 14)])
def test_maps_of_squares_of_any_size_are_compared_on_the_smaller(student: int, teacher: int) -> None:
    method = SquaresAttention("multilabel", {})
    own, others = (ramp(side).sqrt().clone() for side in (student, teacher))  # whose squares are the ramp
    own[own.isnan()] = 0  # the ramp begins below 0 where it is finer than the picture's rows
    knowledge = method.knowledge({"attention": others})
    assert method.loss({"attention": own}, knowledge).item() == pytest.approx(0, abs=1e-3)
    assert method.loss({"attention": own.flip(2)}, knowledge).item() > 0.01


def test_the_flow_is_a_mean_over_the_positions_of_its_own_network() -> None:
    method = Flow("multilabel", {})
    large = {"shallow": torch.full((1, 2, 56, 56), 2.0), "middle": torch.full((1, 3, 28, 28), 3.0)}
    small = {"shallow": torch.full((1, 2, 4, 4), 2.0), "middle": torch.full((1, 3, 2, 2), 3.0)}
    for student, teacher in ((large, small), (small, large)):
        assert method.loss(student, method.knowledge(teacher)).item() == pytest.approx(0)
        doubled = {**student, "middle": 2 * student["middle"]}
        assert method.loss(doubled, method.knowledge(teacher)).item() == pytest.approx(6.0**2)


def test_eq_1_and_its_kin_need_one_size_and_say_which_methods_do_not() -> None:
    kin = {name for name, kind in METHODS.items() if "attention" in getattr(kind, "same_size", ())}
    assert kin == {"attention", "attention-permuted", "attention-silent", "attention+distillation"}
    method = AttentionTransfer("multilabel", {})
    knowledge = method.knowledge({"attention": SMALL})
    with pytest.raises(ValueError, match=r"\(1, 1, 14, 14\) and \(1, 1, 2, 2\); attention-squares and .*-projected"):
        method.loss({"attention": LARGE}, knowledge)
