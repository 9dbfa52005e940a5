"""Every benchmark, one after the other: `make bench`. Figures are ratios of things measured side by side in one run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch

import platform

BENCHMARKS = ("views", "prepare", "step", "peers", "overhead", "search", "report", "scaling", "growth")
ROOT = Path(__file__).parents[2]


def main() -> int:
    """Runs all; the machine first. 1 where one failed."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU: rows that need one are left out"
    print(f"Python {platform.python_version()}, PyTorch {torch.__version__}, {torch.get_num_threads()} cores, {device}")
    failed = 0
    for name in BENCHMARKS:
        print(f"\n## {name}", flush=True)
        failed |= subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}"], cwd=ROOT).returncode
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
