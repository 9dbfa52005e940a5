"""`make bench`: which pieces run, what is kept of each, and the table of all targets."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import __main__ as bench
from tests.benchmarks import choosing, figure_table, figures, running
from tests.benchmarks.figures import CONTINUED, DONE, FAILED, Figure
from tests.benchmarks.machine import NO_GPU, Machine, this_machine
from tests.benchmarks.registry import PIECES, ROOT, Piece
from tests.benchmarks.targets import FALLS_SHORT, MET, NO_TARGET, Target, parsed, verdict

HERE = Machine("a CPU (AVX2)", 2, NO_GPU, 24)
SPEED = Target(what="a is faster than b", least=2)
SIZE = Target(what="a is smaller than b", most=0.5, style=".0%", limit_style=".0%", unit="")
ELSE = Target(what="b beside c")
FASTER = "=> a is faster than b | at least 2 x | 3.0 x | met | 5"


def piece(name: str, *promised: Target, **facts: Any) -> Piece:
    return Piece(**{"name": name, "arguments": (name,), "targets": promised, "about_s": 100.0, **facts})


def row(name: str, day: int, what: Target | None = SPEED, machine: Machine = HERE, **facts: str) -> Figure:
    """A figure of a piece; without `what`, its end."""
    of = {"what": what.what, "target": what.text, "figure": "3.0 x", "verdict": MET} if what else {"verdict": DONE}
    texts = {"what": "", "target": "", "figure": "", "n": "5", "versions": "Python 3", "seconds": "60", **of, **facts}
    return Figure(piece=name, machine=str(machine), date=f"2026-01-{day:02} 12:00:00", **texts)


def test_rows_come_back_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "new" / "figures.csv"
    assert figures.read(path) == []
    rows = [row("a", 2, figure='3,0 "x"'), row("a", 1, None)]
    for each in rows:
        figures.add(each, path)
    assert figures.read(path) == rows


def test_a_printed_line_is_read_again(capsys: pytest.CaptureFixture[str]) -> None:
    SPEED.judge(1.96, 5)
    SIZE.judge(0.5)
    ELSE.judge(7)
    lines = capsys.readouterr().out.splitlines()
    assert [parsed(line) for line in lines] == [
        ("a is faster than b", "at least 2 x", "2.0 x", FALLS_SHORT, "5"),
        ("a is smaller than b", "at most 50%", "50%", MET, ""),
        ("b beside c", "for comparison", "7.0 x", NO_TARGET, ""),
    ]
    assert parsed("a | b | c | d | e") is parsed("=> a | b") is None
    with pytest.raises(ValueError, match=r"must have neither \| nor line breaks"):
        verdict("a | b", "", "", True)


def test_what_is_missing_runs_first_and_then_what_is_oldest() -> None:
    pieces = list(map(piece, ("new", "old", "broken", "cut off", "older", "elsewhere", "continued")))
    rows = [
        row("old", 4, None),
        row("older", 3, None),
        row("broken", 1, None),
        row("broken", 6, None, verdict=FAILED),
        row("cut off", 5),
        row("elsewhere", 9, None, replace(HERE, cores=64)),
        row("continued", 7, None, verdict=CONTINUED),
    ]
    order = [each.name for each in choosing.in_order(pieces, rows, str(HERE))]
    assert order == ["new", "elsewhere", "cut off", "broken", "continued", "older", "old"]


def test_a_piece_is_expected_to_take_as_long_as_it_took_here() -> None:
    one, other = piece("a"), replace(HERE, cores=64)
    assert choosing.expected_s(one, [], str(HERE)) == 100
    rows = [row("a", 9, None, other, seconds="10")]
    assert choosing.expected_s(one, rows, str(HERE)) == 10
    rows += [row("a", 1, None, seconds="55"), row("a", 2, None, verdict=FAILED, seconds="1"), row("a", 3, seconds="7")]
    assert choosing.expected_s(one, rows, str(HERE)) == 55


def test_as_many_pieces_run_as_fit() -> None:
    takes_s = {"a": 200.0, "long": 500.0, "b": 300.0, "c": 101.0}
    now_s, ran = 0.0, []

    def run(each: Piece) -> None:
        nonlocal now_s
        now_s += takes_s[each.name]
        ran.append(each.name)

    pieces = [piece(name) for name in takes_s]
    left = choosing.run_what_fits(pieces, lambda each: takes_s[each.name], lambda: 600 - now_s, run)
    assert ran == ["a", "b"] and [each.name for each in left] == ["long", "c"]


@dataclass(frozen=True, kw_only=True)
class Scripted(Piece):
    """Its command is a line of Python."""

    script: str

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-c", self.script]


def scripted(script: str, *promised: Target) -> Piece:
    return Scripted(name="a", arguments=(), targets=promised, about_s=1, script=script)


def test_each_figure_is_kept_as_it_comes_and_then_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFER_DATA", "/real/images")
    kept: list[Figure] = []

    def keep(figure: Figure) -> None:
        kept.append(figure)
        (tmp_path / "kept").touch()

    script = f"""
import os, time
assert "TRANSFER_DATA" not in os.environ
print("{FASTER}", flush=True)
while not os.path.exists({str(tmp_path / "kept")!r}):
    time.sleep(0.01)
"""
    assert running.run(scripted(script, SPEED), keep)
    figure, end = kept
    assert (figure.what, figure.figure, figure.verdict, figure.n) == ("a is faster than b", "3.0 x", MET, "5")
    assert (figure.is_end, end.is_end, end.verdict, end.figure) == (False, True, DONE, "")
    assert figure.machine == end.machine == str(this_machine()) and "PyTorch" in figure.versions


def test_only_a_piece_that_compares_two_sides_on_them_sees_the_photographs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRANSFER_DATA", "/real/images")
    assert {piece.name for piece in PIECES if piece.takes_photographs} == {"end_to_end 64", "end_to_end 128"}
    piece = scripted(f"import os; assert 'TRANSFER_DATA' in os.environ; print('{FASTER}')", SPEED)
    assert running.run(replace(piece, takes_photographs=True), lambda figure: None)
    assert not running.run(piece, lambda figure: None)


def test_a_piece_that_is_cut_off_keeps_its_figures_has_no_end_and_runs_no_longer(tmp_path: Path) -> None:
    def interrupted(figure: Figure) -> None:
        figures.add(figure, tmp_path / "figures.csv")
        raise KeyboardInterrupt

    heard = "signal.signal(signal.SIGINT, signal.default_int_handler)"  # a test run in the background may ignore it
    script = f"import signal, time; {heard}; print('{FASTER}', flush=True); time.sleep(50)"
    began_s = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        running.run(scripted(script, SPEED), interrupted)
    assert [row.is_end for row in figures.read(tmp_path / "figures.csv")] == [False]
    assert time.monotonic() - began_s < 20


@pytest.mark.parametrize(
    ("script", "promised", "ending", "why"),
    [
        (f"print('{FASTER}'); raise SystemExit(3)", (SPEED,), FAILED, "exit status 3"),
        (f"print('{FASTER}'); raise SystemExit({os.EX_TEMPFAIL})", (SPEED,), CONTINUED, ""),
        (f"print('{FASTER}')", (SPEED, SIZE), FAILED, "it did not print a is smaller than b"),
        (f"print('{FASTER}')", (), DONE, "the registry does not have a is faster than b, at least 2 x"),
        ("print('nothing')", (), DONE, ""),
    ],
)
def test_only_a_piece_that_ends_well_is_done(script: str, promised: tuple[Target, ...], ending: str, why: str) -> None:
    kept: list[Figure] = []
    assert running.run(scripted(script, *promised), kept.append) == (ending != FAILED)
    assert (kept[-1].verdict, kept[-1].figure) == (ending, why)
    assert len(kept) == 1 + ("=>" in script)


def test_a_call_measures_what_fits_and_the_next_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = scripted(f"print('{FASTER}')", SPEED), scripted("raise SystemExit(1)", SIZE)
    pieces = (good, replace(bad, name="bad"), piece("long", ELSE, about_s=500), piece("gpu", wants_gpu=True))
    monkeypatch.setattr(bench, "PIECES", pieces)
    monkeypatch.setattr(bench, "this_machine", lambda: HERE)
    monkeypatch.setattr(running, "this_machine", lambda: HERE)
    record = tmp_path / "figures.csv"

    def call(*options: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["bench", "--record", str(record), *options])
        return bench.main(), capsys.readouterr().out

    status, text = call("--minutes", "2")
    assert status == 1 and "left for the next call: long (500 s)" in text and "gpu: wants a GPU" in text
    assert "1 of 3 have a figure" in text
    assert [(row.piece, row.verdict) for row in figures.read(record)] == [("a", MET), ("a", DONE), ("bad", FAILED)]
    call("--minutes", "2")
    assert [row.piece for row in figures.read(record)[3:]] == ["bad", "a", "a"]
    status, text = call("--only", "a")
    assert status == 0 and "1 of 1 have a figure" in text and len(figures.read(record)) == 8
    assert call()[0] == 0 and len(figures.read(record)) == 8, "the table alone measures nothing"


def test_the_table_has_every_target_and_says_whose_figure_it_is() -> None:
    pieces = [piece("a", SPEED), piece("b", SIZE, ELSE), piece("gpu", Target(what="c"), wants_gpu=True)]
    other = Machine("another", 64, "1 x H100", 512)
    rows = [
        row("a", 1, figure="2.5 x"),
        row("a", 2, figure="2.6 x"),
        row("a", 3, machine=other, figure="9.9 x"),
        row("b", 4, ELSE, other, figure="7.0 x", verdict=NO_TARGET),
        row("b", 5, replace(SIZE, most=0.4), figure="45%", verdict=FALLS_SHORT),  # the target was another one
        row("a", 5, None),
    ]
    text = "\n".join(lines := ["  ".join(line.split()) for line in figure_table.terminal(rows, HERE, pieces)])
    assert "2.6  x  5  met  2026-01-02  this  one" in text and "9.9" not in text
    assert f"2026-01-04  {'  '.join(str(other).split())}" in text
    assert "at  most  50%  not  measured" in text and "for  comparison  wants  a  GPU" in text
    assert "2  of  4  have  a  figure:  1  met,  0  fall  short" in lines
    assert lines[-1].endswith("MINUTES=10  does  what  fits:  b")
    table = figure_table.markdown(rows, pieces)
    assert "| a is faster than b (`a`) | at least 2 x | 9.9 x: **met** | 2026-01-03, A, n = 5 |" in table
    assert "| c (`gpu`) | for comparison | not measured: wants a GPU | |" in table
    assert table.endswith(f"\n- A: {other}; Python 3")


def test_the_page_shows_what_is_on_record() -> None:
    assert not figure_table.is_behind(figure_table.on_record()), "run `python -m tests.benchmarks --write`"
    with pytest.raises(ValueError, match=r"^BENCHMARKS\.md must have the lines"):
        figure_table.with_table("no marks", "")


def test_the_registry_names_each_piece_and_each_target_once() -> None:
    names = [each.name for each in PIECES]
    whats = [target.what for each in PIECES for target in each.targets]
    assert len(set(names)) == len(names) and len(set(whats)) == len(whats)
    for each in PIECES:
        module = ROOT / "tests" / "benchmarks" / each.arguments[0]
        source = (module / "__main__.py" if module.is_dir() else module.with_suffix(".py")).read_text(encoding="utf-8")
        for option in (word for word in each.arguments if word.startswith("--")):
            assert f'"{option}"' in source, f"{each.name} has an option that its command does not know: {option}"
        assert 0 < each.about_s < 600, each.name


def test_the_table_imports_nothing_heavy() -> None:
    script = "import sys, tests.benchmarks.__main__; print({'torch', 'ray', 'pandas', 'mlflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
