"""What suggests configurations: a flag and an ablation's key, refused where nothing would use it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from platform.command_line.ablation_request import sweep_request
from platform.command_line.parsing import parser_of, words_of
from platform.command_line.sweep_requests import SweepRequest
from platform.sweeping.samplers import SAMPLERS


def request(*words: str) -> SweepRequest:
    return sweep_request(parser_of(SweepRequest, "platform.sweep", "About.").parse_args(words))


@pytest.mark.parametrize("name", SAMPLERS)
def test_it_is_a_flag_and_a_key(name: str, tmp_path: Path) -> None:
    typed = request("retina", "--searcher", name)
    assert typed.searcher == name and request(*words_of(typed)) == typed
    file = tmp_path / "mine.toml"
    file.write_text(f'dataset = "retina"\nsearcher = "{name}"\n')
    asked = request("--ablation", str(file))
    assert asked.searcher == name and request(*words_of(asked)) == asked
    assert request("--ablation", str(file), "--searcher", "random").searcher == "random"


def test_none_is_named_unless_it_is_typed() -> None:
    assert request("retina").searcher is None and words_of(request("retina", "--search", "grid")) == [
        "retina", "--search", "grid",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--searcher annealing", "'annealing' (choose from"),
        ("--searcher tpe --search grid", "got --searcher tpe with --search grid: leave out one of the two"),
        ("--searcher random --search grid", "got --searcher random with --search grid: leave out one of the two"),
        ("--searcher gp --search joint", "must be one of tpe, random, but got --searcher gp with --search joint"),
        ("--searcher cma-es --search joint", "one of tpe, random, but got --searcher cma-es with --search joint"),
    ],
)
def test_what_cannot_be_is_refused(words: str, message: str, refusal: Callable[[str], str]) -> None:
    assert message in refusal(words)
