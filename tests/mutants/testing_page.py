"""docs/testing.md: what is on record of the changes, per area, and why those that survive do no harm."""

from __future__ import annotations

from scipy.stats import binomtest

from tests.mutants import record
from tests.mutants.areas import AREAS
from tests.mutants.trying import ROOT

SAMPLE = 44  # per area: some more than the forty that are promised
PAGE = ROOT / "docs" / "testing.md"
START, END = "<!-- table: written by `python -m tests.mutants --write` -->", "<!-- end of table -->"


def write() -> None:
    """Puts the tables of the record between the page's marks."""
    text = PAGE.read_text()
    before, after = text.split(START)[0], text.split(END)[1]
    PAGE.write_text(f"{before}{START}\n{tables()}\n{END}{after}")


def tables() -> str:
    """Counts per area with 95% intervals (Wilson's), and the changes that survived."""
    known, why = record.read().values(), record.explanations()
    rows = {area.name: [row for row in known if row.area == area.name] for area in AREAS}
    lines = ["| area | changes tried | noticed | share, 95% interval |", "| --- | ---: | ---: | ---: |"]
    for area, of_area in rows.items():
        noticed = sum(row.is_killed for row in of_area)
        lines.append(f"| {area} | {len(of_area)} | {noticed} | {_share(noticed, len(of_area))} |")
    lines += ["", "| not noticed | before | after | why it may stay |", "| --- | --- | --- | --- |"]
    for row in (row for of_area in rows.values() for row in of_area if not row.is_killed):
        lines.append(
            f"| `{row.file}`:{row.line} | {_code(row.before)} | {_code(row.after)} | {why.get(row.mark, '**open**')} |"
        )
    return "\n".join(lines)


def _share(noticed: int, tried: int) -> str:
    if not tried:
        return "none yet"
    interval = binomtest(noticed, tried).proportion_ci(method="wilson")
    return f"{noticed / tried:.0%} ({interval.low:.0%} to {interval.high:.0%})"


def _code(text: str) -> str:
    return f"`{text.replace('|', chr(92) + '|')}`"
