"""Lets bare `pytest` find our `platform` too, and keeps the test run off the network."""

import importlib
import os
import sys
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

# `python -m pytest` has this folder first on the path. The `pytest` command has not: pytest has loaded the standard
# library's module by now, which ours must replace before a test imports platform.sweep.
root = str(Path(__file__).parent)
if not hasattr(sys.modules.get("platform"), "__path__"):
    sys.path.insert(0, root)
    sys.modules.pop("platform", None)
    importlib.import_module("platform")
