"""Makes the record of the reference sweeps anew, after a change that alters numbers on purpose."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.reference.outcome import RECORD, differences, load, record, save

NUM_SHOWN = 40


def main() -> int:
    """Runs the sweeps, replaces the record, and prints where the new one differs from the old one."""
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        now = record(Path(folder) / "results")
    before = load() if RECORD.exists() else None
    save(now)
    changes = list(differences(before, now)) if before is not None else []
    for change in changes[:NUM_SHOWN]:
        print(change)
    took_s, size_kb = time.monotonic() - started_s, RECORD.stat().st_size / 1000
    print(
        f"{RECORD.name}: {len(now['outcome']['runs'])} runs, {size_kb:.0f} kB, {len(changes)} changes, {took_s:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
