"""Full-length training curves, from which searches are simulated: `python -m tests.benchmarks.record --minutes 10`.

The same command continues where the last one ended: a finished curve is kept at once and never trained again. At its
end each call writes all finished curves into one Parquet file, and the card beside it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from tests.benchmarks.recording.design import SETTINGS
from tests.benchmarks.recording.recorded import RECORDED
from tests.benchmarks.recording.session import Session

ROOT = Path(__file__).parents[2]
WORK = ROOT / ".cache" / "recording"


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.record", description=(__doc__ or "").splitlines()[0]
    )
    data = os.environ.get("TRANSFER_DATA")
    parser.add_argument(
        "--minutes", type=float, default=10, help="no curve begins after this time (default: %(default)g)"
    )
    parser.add_argument("--processes", type=int, default=2, help="each with one thread (default: %(default)s)")
    parser.add_argument(
        "--data", type=Path, default=data, help="folder of the real images (default: TRANSFER_DATA, here %(default)s)"
    )
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS), help="default: all")
    parser.add_argument(
        "--work", type=Path, default=WORK, help="images, teachers and finished curves (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, default=RECORDED, help="the Parquet file (default: %(default)s)")
    parser.add_argument("--hold", type=Path, help="no curve begins while there is a file of this name")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Records until the time is up or all is recorded; 0."""
    typed = parser().parse_args(arguments)
    ends_s = time.monotonic() + 60 * typed.minutes

    def may_begin() -> bool:
        return time.monotonic() < ends_s and not (typed.hold and typed.hold.exists())

    session = Session(
        design=SETTINGS,
        names=typed.settings,
        work=typed.work.resolve(),
        out=typed.out.resolve(),
        data=typed.data.resolve() if typed.data else None,
        num_processes=typed.processes,
        may_begin=may_begin,
        command=f"python -m tests.benchmarks.record --minutes {typed.minutes:g} --processes {typed.processes}",
    )
    num_done, num_left = session.run()
    print(f"{num_done} curves in {typed.out}, {num_left} to go")
    return 0


if __name__ == "__main__":
    sys.exit(main())
