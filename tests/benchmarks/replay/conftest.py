"""A recording without a training: curves by formula, with the columns of the real one."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tests.benchmarks.replay.synthetic import recording


@pytest.fixture(scope="session")
def synthetic() -> pd.DataFrame:
    """Three cells of one setting, two of them sisters."""
    return recording()


@pytest.fixture(scope="session")
def cells(synthetic: pd.DataFrame) -> Any:
    """The cells of that recording, ready to be searched."""
    from tests.benchmarks.replay.simulated import cells_of  # imports Ray

    return cells_of(synthetic)
