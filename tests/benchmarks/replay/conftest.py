"""A recording without a training: curves by formula, with the columns of the real one."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.benchmarks.replay.simulated import Simulated, cells_of
from tests.benchmarks.replay.synthetic import recording


@pytest.fixture(scope="session")
def synthetic() -> pd.DataFrame:
    """Three cells of one setting, two of them sisters."""
    return recording()


@pytest.fixture(scope="session")
def cells(synthetic: pd.DataFrame) -> list[Simulated]:
    """The cells of that recording, ready to be searched."""
    return cells_of(synthetic)
