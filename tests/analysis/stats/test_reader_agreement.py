"""Agreement of readers: a published example, a hand-worked majority, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.stats.reader_agreement import fleiss_kappa, majority_of_others


def test_fourteen_readers_and_ten_subjects() -> None:
    """The example that is worked through in the encyclopaedias' article on the kappa: 0.210."""
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    assert fleiss_kappa(np.array(counts)) == pytest.approx(0.210, abs=0.0005)


def test_agreement_of_all_is_one_and_of_one_category_is_not_defined() -> None:
    assert fleiss_kappa(np.array([[3, 0], [0, 3]])) == 1
    assert np.isnan(fleiss_kappa(np.array([[3, 0], [3, 0]])))
    assert fleiss_kappa(np.array([[1, 1], [1, 1]])) == -1


@pytest.mark.parametrize("counts", [[[1, 0], [0, 1]], [[2, 0], [1, 2]], np.zeros((0, 2), dtype=int)])
def test_a_reader_alone_or_missing_is_refused(counts: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="every subject needs two readers or more, and the same number"):
        fleiss_kappa(np.asarray(counts) if len(counts) else np.array([[0, 0]]))


def test_the_majority_of_the_others_is_without_the_reader() -> None:
    seen = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0]], dtype=bool)
    majority, is_clear = majority_of_others(seen, 0)
    assert majority.tolist() == [False, False, True, True] and is_clear.all()
    majority, is_clear = majority_of_others(seen[:, :3], 2)
    assert is_clear.tolist() == [True, False, True, False] and majority[is_clear].tolist() == [True, True]
