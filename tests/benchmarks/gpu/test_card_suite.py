"""The suite for a GPU: what is kept, what runs next, and what follows from it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import figure_table, running, targets
from tests.benchmarks.figures import CONTINUED, Figure
from tests.benchmarks.gpu import __main__ as suite
from tests.benchmarks.gpu import card_record, card_running, card_table, judged, one_piece
from tests.benchmarks.gpu.card_pieces import CardPiece, Reading
from tests.benchmarks.gpu.card_record import ABSENT, DONE, FAILED, Card, CardFigure
from tests.benchmarks.gpu.share import num_worth, rooms
from tests.benchmarks.machine import NO_GPU, Machine
from tests.benchmarks.registry import PIECES
from tests.benchmarks.targets import FALLS_SHORT, MET

CARD = Card(card="A GPU", card_gib="80.0", driver="1.2", torch="2.11.0", cuda="13.0", python="3.12.3")
OTHER = replace(CARD, driver="1.3")


def row(what: str, value: float = 1, day: int = 1, on: Card = CARD, **texts: str) -> CardFigure:
    facts = {"piece": "a", "unit": "images/s", "n": "5", "note": "", "seconds": "9", **texts}
    date = f"2026-01-{day:02} 12:00:00"
    return CardFigure(what=what, value=str(value) if what else "", date=date, **facts, **asdict(on))


def end(piece: str, note: str = DONE, day: int = 1) -> CardFigure:
    return row("", piece=piece, note=note, day=day)


def piece(name: str, about_s: float = 100) -> CardPiece:
    return CardPiece(name=name, of="nowhere.function", about_s=about_s)


def test_rows_come_back_and_those_of_another_driver_are_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "new" / "gpu.csv"
    assert card_record.read(path) == []
    rows = [row("b", 2.5, day=3), row("b", 7, day=2), row("b", 9, day=9, on=OTHER), end("a")]
    for each in rows:
        card_record.add(each, path)
    assert card_record.read(path) == rows
    assert {name: each.value for name, each in card_record.newest(rows, CARD).items()} == {"b": "2.5"}
    assert card_record.cards(rows) == [CARD, OTHER]


def test_what_is_missing_runs_in_the_order_of_worth_and_what_failed_comes_last() -> None:
    pieces = [piece(name) for name in ("failed", "done", "new", "absent", "elsewhere", "repaired")]
    rows = [end("failed", f"{FAILED}: exit status 1"), end("done"), end("absent", ABSENT), row("x", piece="new")]
    rows += [end("repaired", FAILED, day=1), end("repaired", DONE, day=2)]
    rows += [replace(end("elsewhere"), **asdict(OTHER))]
    assert [each.name for each in card_running.missing(pieces, rows, CARD)] == ["new", "elsewhere", "failed"]
    assert card_running.expected_s(piece("done"), rows, CARD) == 9
    assert card_running.expected_s(piece("failed"), rows, CARD) == 100


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """Scripts of Python by the names of pieces, which run in their place."""
    scripts: dict[str, str] = {}
    popen = subprocess.Popen

    def start(command: list[str], **more: Any) -> Any:
        return popen([sys.executable, "-u", "-c", scripts[command[4]]], **more)

    monkeypatch.setattr(subprocess, "Popen", start)
    return scripts


def test_each_figure_is_kept_as_it_comes_and_then_the_end(scripted: dict[str, str], tmp_path: Path) -> None:
    kept: list[CardFigure] = []
    lines = [one_piece.line_of(Reading("b", 2 / 3, "x", 5, 'a "note", here')), "chatter"]
    scripted["a"] = "print({!r}); print({!r})".format(*lines)
    assert card_running.run(piece("a"), CARD, tmp_path, kept.append) == DONE
    figure, last = kept
    assert (figure.what, figure.value, figure.unit, figure.n) == ("b", "0.666667", "x", "5")
    assert figure.note == 'a "note", here' and figure.on == last.on == CARD
    assert (last.what, last.note) == ("", DONE)
    scripted["a"] = f"raise SystemExit({one_piece.NOT_HERE})"
    assert card_running.run(piece("a"), CARD, tmp_path, kept.append) == ABSENT
    scripted["a"] = f"print({lines[0]!r}); raise SystemExit(3)"
    assert card_running.run(piece("a"), CARD, tmp_path, kept.append) == f"{FAILED}: exit status 3"
    assert [each.what for each in kept] == ["b", "", "", "b", ""]


def test_a_piece_that_hangs_is_ended_with_its_own_processes(scripted: dict[str, str], tmp_path: Path) -> None:
    began_s, kept = time.monotonic(), list[CardFigure]()
    scripted["a"] = "import os, time; os.fork(); time.sleep(60)"
    assert card_running.run(piece("a", about_s=0.5), CARD, tmp_path, kept.append).startswith(FAILED)
    assert time.monotonic() - began_s < 30 and len(kept) == 1


def test_a_call_measures_what_fits_and_the_next_goes_on(
    scripted: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pieces = (piece("a"), piece("long", 1000), piece("bad"))
    scripted |= {"a": f"print({one_piece.line_of(Reading('b', 2, 'x'))!r})", "bad": "raise SystemExit(1)"}
    monkeypatch.setattr(suite, "CARD_PIECES", pieces)
    monkeypatch.setattr(suite, "this_card", lambda: CARD)
    record = tmp_path / "gpu.csv"

    def call(*options: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["gpu", "--record", str(record), *options])
        return suite.main(), capsys.readouterr().out

    status, text = call("--minutes", "5")
    assert status == 1 and "left for the next call: long (1000 s)" in text
    assert [(each.piece, each.what) for each in card_record.read(record)] == [("a", "b"), ("a", ""), ("bad", "")]
    scripted["bad"] = ""
    assert call("--minutes", "5")[0] == os.EX_TEMPFAIL
    assert [each.piece for each in card_record.read(record)[3:]] == ["bad"]
    scripted["long"] = ""
    assert call("--minutes", "60")[0] == 0
    assert call("--minutes", "60")[0] == 0 and len(card_record.read(record)) == 5, "nothing is measured twice"
    call("--minutes", "60", "--only", "a")
    assert len(card_record.read(record)) == 7
    status, text = call("--show")
    assert status == 0 and "A GPU, 80.0 GiB, driver 1.2" in text and len(card_record.read(record)) == 7
    monkeypatch.setattr(suite, "this_card", lambda: None)
    assert call("--minutes", "60")[0] == 2 and len(card_record.read(record)) == 7


def measured() -> list[CardFigure]:
    """All that the targets rest on."""
    values = {
        judged.PLAIN: 100,
        judged.OURS: 600,
        "8 compiled trainings at once": 900,
        "4 compiled trainings at once": 800,
    }
    values |= {"one training, eager float32": 120, "timm, eager float32": 80}
    values |= {"waits, transfer": 0, "waits, attention, cached": 2}
    rows = [row(what, value) for what, value in values.items()]
    return rows + [row(what, 0.9) for what in judged.SAME.values()]


def test_each_target_follows_from_what_was_measured_on_one_card() -> None:
    rows = measured()
    values = {key: value for key, value, _ in judged.held(card_record.newest(rows, CARD))}
    assert set(values) == set(targets.GPU)
    assert (values["one"], values["several"], values["waits"], values["timm"]) == (6, 9, 2, 1.5)
    assert values["views"] == values["cached rad-dino"] == 0.9
    further = card_record.newest([*rows, row("9 trainings in some other way at once", 1200)], CARD)
    assert {key: value for key, value, _ in judged.held(further)}["several"] == 12
    figure = {each.what: each for each in judged.as_figures(rows)}
    one, several = (figure[targets.GPU[key].what] for key in ("one", "several"))
    assert (one.figure, one.verdict, one.target) == ("6.00 x", MET, "at least 5 x")
    assert (several.figure, several.verdict, several.machine) == ("9.00 x", FALLS_SHORT, "A GPU, 80.0 GiB, driver 1.2")
    assert one.versions == "Python 3.12.3, PyTorch 2.11.0, CUDA 13.0"
    apart = [row(judged.PLAIN, 100), row(judged.OURS, 600, on=OTHER)]
    assert judged.as_figures(apart) == [], "figures of two cards give no ratio"


def test_the_table_of_all_benchmarks_has_a_cards_figures(tmp_path: Path) -> None:
    assert figure_table.on_record(tmp_path / "figures.csv") == []
    for each in measured():
        card_record.add(each, tmp_path / "gpu.csv")
    rows = figure_table.on_record(tmp_path / "figures.csv")
    assert len(rows) == len(targets.GPU)
    here = Machine("a CPU", 2, NO_GPU, 24)
    assert any("6.00 x" in line for line in figure_table.terminal(rows, here))
    assert "| at least 5 x | 6.00 x: **met** | 2026-01-01, A, n = 5 |" in figure_table.markdown(rows)


def test_the_piece_of_all_benchmarks_keeps_its_figures_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (gpu,) = (each for each in PIECES if each.name == "gpu")
    assert gpu.has_own_record and gpu.wants_gpu and gpu.targets == tuple(targets.GPU.values())
    kept: list[Figure] = []
    for script, outcome in (
        ("", DONE),
        (f"raise SystemExit({os.EX_TEMPFAIL})", CONTINUED),
        ("raise SystemExit(1)", FAILED),
    ):
        monkeypatch.setattr(type(gpu), "command", [sys.executable, "-c", script])
        running.run(gpu, kept.append)
        assert (kept[-1].is_end, kept[-1].verdict) == (True, outcome)
    assert len(kept) == 3


def test_as_many_trials_share_a_card_as_fit_and_are_faster_together() -> None:
    rows = [row("densenet121, 256 px", 300), row("densenet121, 256 px: memory on the card", 10, unit="GiB")]
    rows += [row("densenet121, 512 px", 80), row("densenet121, 512 px: memory on the card", 79, unit="GiB")]
    rows += [row("densenet121, 128 px", 900), row("densenet121, 128 px: memory on the card", 2, unit="GiB")]
    rows += [row("densenet40, 256 px", 900)]  # whose memory is not known
    rows += [row(judged.OURS, 500), row("2 compiled trainings at once", 800), row("4 compiled trainings at once", 810)]
    found = rooms(card_record.newest(rows, CARD), judged.OURS)
    assert [(room.image_size_px, room.fit, room.share) for room in found] == [
        (128, 36, 0.5),
        (256, 7, 0.5),
        (512, 0, None),
    ]
    assert num_worth({}) == 1
    text = "\n".join(card_table.lines(rows))
    assert "share of a GPU per trial" in text and "none fits" in text
