"""How many epochs a search needs beside the paper's grid: simulated on recorded curves (docs/search.md).

`python -m tests.benchmarks.search` plays the sweep's own search, the grid and random search two hundred times in each
recorded cell; `--all` plays every other one that docs/search.md compares, too, twenty times. What was played before is
not played again, so that a command that was stopped goes on where it was; while some are left, it ends with status 75.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # each process has a core, and its matrices are small
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import sys
from pathlib import Path

from tests.benchmarks.recording.design import HELD_OUT
from tests.benchmarks.recording.recorded import RECORDED, load
from tests.benchmarks.replay import page
from tests.benchmarks.replay.searchers import SEARCHERS, SHORT
from tests.benchmarks.replay.simulated import Results, cells_of, play
from tests.benchmarks.targets import verdict

SIMULATED = RECORDED.parent / "simulated.parquet"
MANY, FEW = 200, 20  # seeds


def main() -> None:
    """Prints the tables of docs/search.md, and how the default stands to its targets."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.search", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--all", action="store_true", help="every searcher that docs/search.md compares")
    parser.add_argument("--minutes", type=float, default=60, help="to play; default: %(default)g")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="default: as many as cores")
    parser.add_argument("--recorded", type=Path, default=RECORDED, help="the curves; default: those of the repository")
    parser.add_argument("--simulated", type=Path, default=SIMULATED, help="the results; default: beside the curves")
    parser.add_argument("--write", action="store_true", help="puts figure and tables into docs/search.md")
    typed = parser.parse_args()
    recording, results = load(typed.recorded), Results(typed.simulated)
    cells = cells_of(recording)
    names = [*SEARCHERS] if typed.all else [*SHORT]
    seeds = {name: MANY if SEARCHERS[name].is_central else FEW for name in names}
    num_left = play(cells, seeds, results, minutes=typed.minutes, num_processes=typed.processes)
    if num_left:
        print(f"stopped with {num_left} searches to play: the same command goes on", flush=True)
    written = page.Written(results.current(cells, SEARCHERS), cells, frozenset(HELD_OUT), recording)
    print("\n".join(written.lines()), flush=True)
    if typed.write:
        written.into_the_docs()
    if num_left:
        sys.exit(os.EX_TEMPFAIL)
    for what, target, figure, met in written.targets():
        verdict(what, target, figure, met, MANY)


if __name__ == "__main__":
    main()
