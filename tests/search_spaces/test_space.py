"""The search spaces against the paper's tables."""

from __future__ import annotations

import pytest

from search_spaces.retina import SPACE


def test_the_cells_are_the_seven_columns_of_table_5():
    assert [cell.name for cell in SPACE.cells] == [
        "transfer/none/densenet121/all",
        "transfer/none/densenet121/last34",
        "transfer/none/densenet40/all",
        "attention/imagenet/densenet121/all",
        "attention/imagenet/densenet40/all",
        "attention/mimic-cxr/densenet121/all",
        "attention/mimic-cxr/densenet40/all",
    ]


def test_cells_are_chosen_by_patterns_and_crossed_with_fractions():
    narrowed = SPACE.narrowed(["transfer/*/densenet40/*"], fractions=(0.25, 1.0))
    assert [cell.name for cell in narrowed.cells] == [
        "transfer/none/densenet40/all@0.25",
        "transfer/none/densenet40/all",
    ]


def test_a_pattern_without_a_cell_is_named_with_the_cells_there_are():
    with pytest.raises(ValueError, match=r"no cell of retina matches 'hints/\*'; the cells are\n  transfer/none"):
        SPACE.narrowed(["hints/*"])


@pytest.mark.parametrize("fraction", [0.0, -0.5, 1.5])
def test_a_fraction_outside_its_range_is_named(fraction):
    with pytest.raises(ValueError, match=f"{fraction}"):
        SPACE.narrowed(None, fractions=(fraction,))
