"""The record of `make bench` as one table: every target with its last figure, in the terminal and in BENCHMARKS.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from string import ascii_uppercase

from tests.benchmarks import figures
from tests.benchmarks.figures import DONE, Figure, last_ends, newest
from tests.benchmarks.gpu import card_record, judged
from tests.benchmarks.machine import Machine
from tests.benchmarks.registry import PIECES, ROOT, Piece
from tests.benchmarks.targets import FALLS_SHORT, MET, Target

PAGE = ROOT / "BENCHMARKS.md"
START, END = "<!-- table: written by `python -m tests.benchmarks --write` -->", "<!-- end of table -->"
NOT_MEASURED, WANTS_GPU = "not measured", "wants a GPU"
HEAD = ("piece", "what", "target", "figure", "n", "verdict", "date", "machine")


def on_record(path: Path = figures.RECORD) -> list[Figure]:
    """All figures of the record at `path`, and those of GPUs, whose record lies beside it."""
    return [*figures.read(path), *judged.as_figures(card_record.read(path.with_name(card_record.RECORD.name)))]


def promises(pieces: Sequence[Piece], known: dict[str, Figure]) -> Iterator[tuple[Piece, Target, Figure | None]]:
    """Every target with its figure; one that was held against another target than today's does not count."""
    for piece in pieces:
        for target in piece.targets:
            row = known.get(target.what)
            yield piece, target, row if row and row.target == target.text else None


def terminal(rows: Sequence[Figure], machine: Machine, pieces: Sequence[Piece] = PIECES) -> list[str]:
    """The table for `machine`: its own figures, and those of others, who are named, where it has none."""
    lines = [HEAD]
    counts = {MET: 0, FALLS_SHORT: 0}
    promised = list(promises(pieces, newest(rows, str(machine))))
    for piece, target, row in promised:
        if row is None:
            why = WANTS_GPU if piece.wants_gpu and not machine.has_gpu else NOT_MEASURED
            lines.append((piece.name, target.what, target.text, why, "", "", "", ""))
            continue
        counts[row.verdict] = counts.get(row.verdict, 0) + 1
        whose = "this one" if row.machine == str(machine) else row.machine
        words = (row.figure, row.n, row.verdict, row.date[:10], whose)
        lines.append((piece.name, target.what, target.text, *words))
    num_known = sum(row is not None for *_, row in promised)
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    table = ["  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    summary = f"{num_known} of {len(promised)} have a figure: {counts[MET]} met, {counts[FALLS_SHORT]} fall short"
    return [*table, "", summary, *_pieces(rows, machine, pieces)]


def _pieces(rows: Sequence[Figure], machine: Machine, pieces: Sequence[Piece]) -> list[str]:
    """How far this machine is."""
    ends = last_ends(rows, str(machine))
    missing = [
        piece.name
        for piece in pieces
        if (piece.name not in ends or ends[piece.name].verdict != DONE) and (machine.has_gpu or not piece.wants_gpu)
    ]
    if not missing:
        return ["every piece was run on this machine; MINUTES=10 runs the oldest again"]
    return [f"not run to its end on this machine, MINUTES=10 does what fits: {', '.join(missing)}"]


def markdown(rows: Sequence[Figure], pieces: Sequence[Piece] = PIECES) -> str:
    """The table of the page: the last figure of any machine, which stands below the table."""
    lines = ["| what (piece) | target | figure | when, where |", "| --- | --- | --- | --- |"]
    machines: dict[str, str] = {}
    for piece, target, row in promises(pieces, newest(rows)):
        promised = f"| {target.what} (`{piece.name}`) | {target.text}"
        if row is None:
            why = f"{NOT_MEASURED}: {WANTS_GPU}" if piece.wants_gpu else NOT_MEASURED
            lines.append(f"{promised} | {why} | |")
            continue
        facts = f"{row.machine}; {row.versions}"
        letter = machines.setdefault(facts, ascii_uppercase[len(machines) % len(ascii_uppercase)])
        verdict = f": **{row.verdict}**" if row.verdict in (MET, FALLS_SHORT) else ""
        where = f"{row.date[:10]}, {letter}" + (f", n = {row.n}" if row.n else "")
        lines.append(f"{promised} | {row.figure}{verdict} | {where} |")
    return "\n".join([*lines, "", *(f"- {letter}: {facts}" for facts, letter in machines.items())]).rstrip()


def with_table(text: str, table: str) -> str:
    """The page `text` with `table` between its marks.

    Raises:
        ValueError: the marks are not there, each once.
    """
    if text.count(START) != 1 or text.count(END) != 1:
        raise ValueError(f"{PAGE.name} must have the lines {START} and {END}, each once; put them in again")
    before, after = text.split(START)[0], text.split(END)[1]
    return f"{before}{START}\n{table}\n{END}{after}"


def write(rows: Sequence[Figure]) -> None:
    """Writes the page's table again."""
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), markdown(rows)), encoding="utf-8")


def is_behind(rows: Sequence[Figure]) -> bool:
    """Whether the page has another table than `rows` make."""
    text = PAGE.read_text(encoding="utf-8")
    return with_table(text, markdown(rows)) != text
