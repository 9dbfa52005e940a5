"""Every benchmark, one after the other: `make bench`. Figures are ratios of things measured side by side in one run.

At the end one table of all that has a target: target, figure, and whether it is met.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch

from tests.benchmarks.targets import HEAD, MARK

BENCHMARKS = ("views", "splits", "prepare", "step", "peers", "gpu", "overhead", "search", "report", "scaling", "growth")
ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "results" / "growth.png"


def main() -> int:
    """Runs all; the machine first. 1 where one failed."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU: rows that need one say so"
    print(f"Python {sys.version.split()[0]}, PyTorch {torch.__version__}, {torch.get_num_threads()} cores, {device}")
    PICTURE.parent.mkdir(exist_ok=True)
    failed, rows = False, []
    for name in BENCHMARKS:
        print(f"\n## {name}", flush=True)
        further = [str(PICTURE)] if name == "growth" else []
        command = [sys.executable, "-u", "-m", f"tests.benchmarks.{name}", *further]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout or ():
                print(line, end="", flush=True)
                if line.startswith(MARK):
                    rows.append(line.removeprefix(MARK))
        failed |= process.returncode != 0
    print(f"\n## All targets\n\n{HEAD}\n{''.join(rows)}\ncost against images, epochs and trials: {PICTURE}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
