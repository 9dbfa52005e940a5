"""What tests of several files change: every provider's layout, written once for each file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.provided import WRITERS


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of each of `WRITERS`."""
    folders = {name: tmp_path_factory.mktemp("sets") / "set" for name in WRITERS}
    for name, folder in folders.items():
        WRITERS[name](folder)
    return folders
