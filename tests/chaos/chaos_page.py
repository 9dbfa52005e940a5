"""The record of the chaos suite as a page: what was broken, how often, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from tests.chaos.fault_record import FAILED, REFUSED, SHADOWED, UNDISTURBED, FaultRow
from tests.chaos.kinds import KINDS

PAGE = "docs/results/chaos.md"
COMMAND = "python -m tests.chaos --minutes 12"
HEAD = f"""# Sweeps that were broken on purpose

<!-- Written by `python -m tests.chaos --write` from tests/chaos/recorded/faults.csv. -->

`{COMMAND}` (or `make chaos`) runs a small sweep of phantoms (two cells, six trials of twelve epochs,
one at a time; the first sweeps of the record had three), breaks it at random moments in one of the ways below, and
starts the same command again whenever it has ended. The sweep must end as one that nobody has touched: every trial with
one finished run, every metric of every epoch, weights, predictions and the printed tables equal, bit for bit. Sweeps of
even seeds write to an MLflow server, the others to a file. Each run of the command continues with the next seed;
`--seed N` repeats a sweep, and `--kind NAME` breaks it in one way alone.
"""
LEGEND = """
*As undisturbed* and *refused* are the right outcomes: *refused* means one sentence and exit status 2 until what was
broken is put right, after which the sweep ended as undisturbed. *Unknown* is the outcome of a fault whose sweep failed
at a later one. The recovery time is that from the end of the disturbance to the next saved epoch, with the start of the
command where that had ended; where the next fault came before it, there is none.
"""
OUTCOMES = {UNDISTURBED: "as undisturbed", REFUSED: "refused", FAILED: "failed", SHADOWED: "unknown"}


def page(rows: Sequence[FaultRow]) -> str:
    """The page in Markdown; kinds without a fault are listed, too."""
    lines = ["| what is done | faults | outcomes | worst recovery, s |", "| --- | ---: | --- | ---: |"]
    for kind, fault in KINDS.items():
        what = " ".join((fault.__doc__ or "").split())
        lines.append(f"| `{kind}`: {what} | {_counts([row for row in rows if row.kind == kind])} |")
    lines.append(f"| all | {_counts(rows)} |")
    failures = [row for row in rows if row.outcome.startswith(FAILED)]
    return "\n".join([HEAD, *_provenance(rows), LEGEND, *lines, "", *_failed(failures, rows)])


def _counts(rows: Sequence[FaultRow]) -> str:
    counts = {name: sum(row.outcome.startswith(kind) for row in rows) for kind, name in OUTCOMES.items()}
    outcomes = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    recoveries = [int(row.recovery_s) for row in rows if row.recovery_s]
    return f"{len(rows)} | {outcomes} | {max(recoveries, default='')}"


def _provenance(rows: Sequence[FaultRow]) -> list[str]:
    if not rows:
        return ["Nothing has been recorded yet."]
    days = sorted({row.date[:10] for row in rows})
    machines = sorted({row.machine for row in rows})
    between = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return [f"Recorded: {len(rows)} faults, {between}, on {'; '.join(machines)}."]


def _failed(failures: Sequence[FaultRow], rows: Sequence[FaultRow]) -> list[str]:
    """Each failure, with what became of the faults of its kind since."""
    if not failures:
        return []
    lines = ["## What failed", "", "| seed | kind, moment | why | later ones of the kind that did not fail |"]
    lines.append("| ---: | --- | --- | --- |")
    for failure in failures:
        later = [row for row in rows if row.kind == failure.kind and row.date > failure.date]
        num_well = sum(row.outcome in (UNDISTURBED, REFUSED) for row in later)
        why = failure.outcome.removeprefix(FAILED).replace("|", "\\|")
        moment = f"`{failure.kind}`, {failure.date}: {failure.moment}"
        cells = (failure.seed, moment, why, f"{num_well} of {len(later)}")
        lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    return [*lines, ""]
