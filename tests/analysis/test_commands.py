"""The commands' help: there at once, since nothing large is imported for it, and sorted under headings."""

from __future__ import annotations

import subprocess
import sys

import pytest

LARGE = ("pandas", "mlflow", "torch", "matplotlib", "sklearn")


@pytest.mark.parametrize("command", ["report", "attention_maps"])
def test_help_imports_nothing_large(command: str) -> None:
    code = (
        f"import sys, analysis.{command} as c; c.parser().print_help(); print(sorted(set(sys.modules) & {set(LARGE)}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    *text, imported = done.stdout.splitlines()
    assert imported == "[]"
    assert text[0] == f"usage: python -m analysis.{command} DATASET [options]"
    assert {"which runs:", "what is written:"} < set(text)
