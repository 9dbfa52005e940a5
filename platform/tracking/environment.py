"""What a trial ran on, for its tag ``environment``: versions of libraries, of the code, and the driver's machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = (
    "torch", "torchvision", "timm", "ray", "optuna", "mlflow", "numpy", "scipy", "scikit-learn", "pandas",
)  # fmt: skip
TIMEOUT_S = 10
ROOT = Path(__file__).parents[2]


@cache
def environment() -> str:
    """A JSON object: ``libraries`` (versions by name, Python's among them), ``code`` (the commit, with -dirty where
    files differ from it; "" outside a checkout), ``system``, ``processor``, ``cpus`` and ``gpus`` (names).

    It says nothing of the user: no host's name, no path.
    """
    facts = {
        "libraries": {"python": sys.version.split()[0], **_libraries()},
        "code": _said("git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"),
        "system": sysconfig.get_platform(),
        "processor": _processor(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "gpus": _said("nvidia-smi", "--query-gpu=name", "--format=csv,noheader").splitlines(),
    }
    return json.dumps(facts, sort_keys=True)


def _libraries() -> dict[str, str]:
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _processor() -> str:
    """The processor's name as Linux gives it; "" elsewhere."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else ""


def _said(*command: str) -> str:
    """What a program prints; "" where there is none, or it fails."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
