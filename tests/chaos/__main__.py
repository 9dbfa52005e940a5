"""`make chaos`: a small sweep is broken again and again at random moments; it must end as if nobody had touched it.

After every sweep: each trial has one finished run in MLflow, and every metric of every epoch, and the printed table,
equal those of an undisturbed sweep. One trial at a time, so that the search's own order is the same. Every other sweep
writes to an MLflow server, the others to a file. Disks of their own, which can be filled, need the right to mount.

A piece runs as many sweeps as fit, each by the next seed, and adds a row per fault to the record; the next piece goes
on from there. What a piece was doing when it was cut off is not in the record, and is done again.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.chaos import fault_record
from tests.chaos.chaos_page import PAGE, page
from tests.chaos.disturbing import LONGER, Disturbed, disks, outcome
from tests.chaos.fault_record import FAILED, SHADOWED, UNDISTURBED, FaultRow
from tests.chaos.faults import Fault
from tests.chaos.kinds import FAULTS, KINDS, NEED_A_DISK
from tests.chaos.server import Server
from tests.small_sweep import ROOT, finish, start

RECORD = Path(__file__).parent / "recorded" / "faults.csv"
FAULTS_A_SWEEP = 6
FIRST_GUESS_S = 240.0  # of a disturbed sweep


def deal(seed: int, kinds: Sequence[Fault], num_faults: int) -> list[Fault]:
    """The faults of the sweep with this seed: over all seeds each kind comes as often as the others, in any order."""
    dealt = []
    for place in range(seed * num_faults, (seed + 1) * num_faults):
        turn, index = divmod(place, len(kinds))
        dealt.append(random.Random(turn).sample(list(kinds), len(kinds))[index])
    return dealt


def disturb(
    folder: Path, seed: int, faults: Sequence[Fault], calm: Path, expected: dict[str, list[Any]]
) -> list[FaultRow]:
    """Runs the sweep with this seed to its end, and returns a row per fault."""
    results, orders = folder / f"sweep-{seed}", folder / f"orders-{seed}"
    orders.mkdir()
    with disks(results, calm):
        if not os.path.ismount(results):
            faults = [fault for fault in faults if fault not in NEED_A_DISK]
        server = Server(results, ROOT) if seed % 2 == 0 else None
        if server:
            server.start()
        sweep = Disturbed(results, orders, server, faults, seed=seed)
        why = ""
        try:
            reached = outcome(results, sweep.run())
            if others := [what for what in expected if reached[what] != expected[what]]:
                why = f"the sweep's {' and '.join(others)} are not those of the undisturbed one"
                for what in others:
                    counts = Counter(reached[what]), Counter(expected[what])
                    print(what, *(counts[0] - counts[1]), "not", *(counts[1] - counts[0]), sep="\n  ", file=sys.stderr)
        except AssertionError as error:
            why = " ".join(str(error).split())[:300] or traceback.format_exc().splitlines()[-2].strip()
            print("".join(path.read_text()[-3000:] for path in sorted(orders.glob("*.txt"))[-2:]), file=sys.stderr)
        finally:
            sweep.end()
            if server:
                server.kill()
    for row in sweep.rows:
        row.outcome = row.outcome or (SHADOWED if why else UNDISTURBED)
    if why and sweep.rows:
        sweep.rows[-1].outcome = FAILED + why
    return sweep.rows


def chaos(seeds: Sequence[int], minutes: float, kinds: Sequence[Fault], num_faults: int, record: Path) -> bool:
    """Runs a disturbed sweep for each seed, as many as fit into the minutes but at least one; whether none failed."""
    began_s, longest_s, has_failed = time.monotonic(), FIRST_GUESS_S, False
    with tempfile.TemporaryDirectory() as name:
        calm = Path(name) / "calm"
        expected = outcome(calm, finish(start(calm, *LONGER)))
        print(f"undisturbed: {time.monotonic() - began_s:.0f} s", flush=True)
        for number, seed in enumerate(seeds):
            started_s = time.monotonic()
            if number and started_s - began_s + longest_s > 60 * minutes:
                break
            rows = disturb(Path(name), seed, deal(seed, kinds, num_faults), calm, expected)
            fault_record.add(record, rows)
            took_s = time.monotonic() - started_s
            longest_s = took_s if number == 0 else max(longest_s, took_s)
            failed = [row.outcome for row in rows if row.outcome.startswith(FAILED)]
            has_failed |= bool(failed)
            print(f"seed {seed}: {took_s:.0f} s, {len(rows)} faults, {(failed or [UNDISTURBED])[0]}", flush=True)
    return not has_failed


def main() -> int:
    """0 where all sweeps ended as the undisturbed one, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=12, help="for as many sweeps as fit (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="repeat the sweep with this seed, and no other")
    parser.add_argument("--kind", action="append", choices=sorted(KINDS), help="faults of this kind alone; repeatable")
    parser.add_argument("--faults", type=int, default=FAULTS_A_SWEEP, help="at most, a sweep (default: %(default)s)")
    parser.add_argument("--record", type=Path, default=RECORD, help="the CSV file to add to (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help=f"only write {PAGE} from the record")
    typed = parser.parse_args()
    if typed.write:
        (ROOT / PAGE).write_text(page(fault_record.read(typed.record)), encoding="utf-8")
        return 0
    first = fault_record.next_seed(typed.record)
    seeds = range(first, first + 10_000) if typed.seed is None else [typed.seed]
    kinds = [KINDS[name] for name in typed.kind] if typed.kind else list(FAULTS)
    return 0 if chaos(seeds, typed.minutes, kinds, typed.faults, typed.record) else 1


if __name__ == "__main__":
    sys.exit(main())
