"""What `platform.sweep` says of words that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import platform.sweep


@pytest.fixture
def refusal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """From the words behind `platform.sweep retina` to what it says as it refuses them, before anything is written."""

    def said(words: str) -> str:
        with pytest.raises(SystemExit) as exit:
            platform.sweep.main(["retina", *words.split(), "--results", str(tmp_path / "results")])
        assert exit.value.code == 2
        assert not (tmp_path / "results").exists()
        return capsys.readouterr().err

    return said
