"""A recording without a training: curves by formula, with the columns of the real one."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.benchmarks.replay.synthetic import recording


@pytest.fixture(scope="session")
def synthetic() -> pd.DataFrame:
    """Two cells of one setting."""
    return recording()
