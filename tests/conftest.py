"""What tests of several folders share, made once for all processes of a run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from filelock import FileLock

from tests import small_sweep


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this test run that all its processes see."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def undisturbed(shared: Path) -> tuple[Path, str]:
    """Results and output of the small sweep that nobody disturbed; whoever is second waits for it."""
    results, output = shared / "undisturbed" / "results", shared / "undisturbed" / "output"
    with FileLock(shared / "undisturbed.lock"):
        if not output.exists():
            text = small_sweep.finish(small_sweep.start(results))
            output.write_text(text)
    return results, output.read_text()
