"""The short, seeded part of the chaos suite; `make chaos` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.__main__ import chaos
from tests.chaos.faults import kill_worker, spoil_cache


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_sweep_that_is_broken_ends_as_if_nobody_had_touched_it(undisturbed: tuple[Path, str]) -> None:
    faults = (kill_worker, spoil_cache)  # those that end the driver are in the tests of the sweep
    assert sum(chaos(num_sweeps=1, num_faults=2, seed=9, calm=undisturbed, faults=faults).values()) >= 1
