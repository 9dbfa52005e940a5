"""The record of the chaos suite has whole rows only, each kind has its turn, and the page says what the rows say."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.chaos import backups, fault_record
from tests.chaos.__main__ import RECORD, deal
from tests.chaos.backups import Backups
from tests.chaos.chaos_page import PAGE, page
from tests.chaos.fault_record import FAILED, REFUSED, SHADOWED, UNDISTURBED, FaultRow
from tests.chaos.kinds import FAULTS, KINDS
from tests.small_sweep import ROOT

KILLED_WHILE_IT_ADDS = """
import sys
from pathlib import Path
from tests.chaos.fault_record import FaultRow, add
row = dict(date="2026-01-01 00:00", machine="m", kind="freeze", moment="search", outcome="x" * 5000)
for seed in range(1, 10_000):
    add(Path(sys.argv[1]), [FaultRow(seed=seed, **row), FaultRow(seed=seed, **row)])
"""


def row(seed: int = 1, kind: str = "freeze", **facts: str) -> FaultRow:
    given = {"date": "2026-01-02 03:04", "machine": "a CPU", "moment": "search, epoch 2", "outcome": UNDISTURBED}
    return FaultRow(seed=seed, kind=kind, **{**given, **facts})


def test_rows_come_back_and_the_next_seed_follows(tmp_path: Path) -> None:
    record = tmp_path / "new" / "faults.csv"
    assert fault_record.read(record) == [] and fault_record.next_seed(record) == 1
    rows = [row(3, outcome=f'{FAILED}"exit 1", and so on'), row(7, recovery_s="12")]
    fault_record.add(record, rows[:1])
    fault_record.add(record, rows[1:])
    assert fault_record.read(record) == rows and fault_record.next_seed(record) == 8


def test_a_piece_that_is_killed_leaves_whole_sweeps(tmp_path: Path) -> None:
    record = tmp_path / "faults.csv"
    process = subprocess.Popen([sys.executable, "-c", KILLED_WHILE_IT_ADDS, str(record)], cwd=ROOT)
    while not record.exists() or fault_record.next_seed(record) < 5:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    counts = Counter(each.seed for each in fault_record.read(record))
    assert set(counts.values()) == {2} and all(len(each.outcome) == 5000 for each in fault_record.read(record))


def test_every_kind_has_its_turn_and_a_seed_has_the_same_faults() -> None:
    dealt = [fault.__name__ for seed in range(len(FAULTS)) for fault in deal(seed, FAULTS, 6)]
    assert Counter(dealt) == dict.fromkeys(KINDS, 6)
    assert deal(5, FAULTS, 6) == deal(5, FAULTS, 6) != deal(6, FAULTS, 6)


def test_the_page_counts_outcomes_and_the_worst_recovery() -> None:
    failed = row(kind="freeze", outcome=f"{FAILED}exit 1", date="2026-01-01 00:00")
    rows = [failed, row(recovery_s="9"), row(recovery_s="31"), row(outcome=REFUSED), row(outcome=SHADOWED)]
    text = page([*rows, row(kind="kill_driver")])
    assert re.search(r"\| `freeze`: .* \| 5 \| 2 as undisturbed, 1 refused, 1 failed, 1 unknown \| 31 \|", text)
    assert re.search(r"\| all \| 6 \| 3 as undisturbed, 1 refused, 1 failed, 1 unknown \| 31 \|", text)
    assert "| 1 | `freeze`, 2026-01-01 00:00: search, epoch 2 | exit 1 | 3 of 4 |" in text
    assert "6 faults, 2026-01-01 to 2026-01-02, on a CPU" in text
    assert all(f"`{kind}`" in text for kind in KINDS)


def test_the_page_is_that_of_the_record() -> None:
    written, rows = (ROOT / PAGE).read_text(encoding="utf-8"), fault_record.read(RECORD)
    known = re.search(r"^Recorded: (\d+) faults", written, re.MULTILINE)
    assert known and written == page(rows[: int(known[1])])  # those added since are for the next --write
    assert {each.kind for each in rows} <= set(KINDS)


def test_a_backup_is_that_of_half_a_minute_ago(tmp_path: Path) -> None:
    now_s = 1000.0
    database = tmp_path / "mlflow.db"
    kept = Backups(database, tmp_path / "backups", clock=lambda: now_s)
    kept.keep()
    assert kept.of_half_a_minute_ago() is None
    with sqlite3.connect(database) as connection:
        connection.execute("create table moments (s real)")
    for _ in range(30):
        with sqlite3.connect(database) as connection:
            connection.execute("insert into moments values (?)", [now_s])
        kept.keep()
        now_s += 2
    copy = kept.of_half_a_minute_ago()
    assert copy
    with sqlite3.connect(copy) as connection:
        ((newest_s,),) = connection.execute("select max(s) from moments")
    assert 30 <= now_s - newest_s < 30 + backups.EVERY_S + 2
    assert len(os.listdir(tmp_path / "backups")) == backups.NUM_KEPT
