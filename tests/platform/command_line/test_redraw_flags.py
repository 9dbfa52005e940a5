"""The flags of what repeats draw anew, and every combination that cannot be had, refused before anything is read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from platform.command_line.parsing import parser_of, request_of, words_of
from platform.command_line.sweep_requests import SweepRequest


def request(*words: str) -> SweepRequest:
    return request_of(SweepRequest, parser_of(SweepRequest, "platform.sweep", "About.").parse_args(["retina", *words]))


def test_the_default_is_the_papers() -> None:
    usual = request()
    assert (usual.vary_in_repeats, usual.variance_components, usual.folds) == (("seed",), False, None)
    assert words_of(usual) == ["retina"]


@pytest.mark.parametrize("words", [["seed,split,init"], ["init", "split", "seed"], ["split,init", "seed,seed"]])
def test_sources_are_words_or_separated_by_commas_in_any_order(words: list[str]) -> None:
    asked = request("--vary-in-repeats", *words, "--variance-components")
    assert asked.vary_in_repeats == ("seed", "split", "init") and asked.variance_components
    assert request(*words_of(asked)[1:]) == asked


def test_folds_may_have_repeats_and_sources_of_their_own() -> None:
    asked = request("--folds", "5", "--repeats", "2", "--vary-in-repeats", "seed", "order")
    assert (asked.folds, asked.repeats, asked.vary_in_repeats) == (5, 2, ("seed", "order"))
    assert request(*words_of(asked)[1:]) == asked


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--folds 1", "must be a whole number from 2 to 20, but got 1"),
        ("--folds 21", "from 2 to 20, but got 21"),
        ("--folds few", "from 2 to 20, but got few"),
        ("--vary-in-repeats seed,batch", "must be of seed, split, order, init, but got 'batch'"),
        ("--vary-in-repeats seed,", "must be of seed, split, order, init, but got ''"),
        ("--folds 5 --vary-in-repeats split", "the folds of a cross-validation are its splits"),
        (
            "--variance-components",
            "need two sources or more, but got --variance-components with --vary-in-repeats seed:",
        ),
        ("--folds 5 --variance-components", "--folds 5 with --variance-components: leave out one of the two"),
        (
            "--folds 5 --split official",
            "cannot be drawn anew, but got --split official with --folds: take --split drawn",
        ),
        ("--vary-in-repeats seed,split --split official", "with --vary-in-repeats split: take --split drawn"),
        ("--vary-in-repeats split --hold-out Edema", "but got --hold-out 'Edema' with --vary-in-repeats split"),
        ("--folds 3 --hold-out Edema", "but got --hold-out 'Edema' with --folds: leave out one of the two"),
    ],
)
def test_what_cannot_be_is_refused(words: str, message: str, refusal: Callable[[str], str]) -> None:
    assert message in refusal(words)


def test_an_official_split_or_a_held_out_finding_may_have_other_seeds() -> None:
    assert request("--split", "official", "--vary-in-repeats", "seed,order").split == "official"
    assert request("--hold-out", "Edema", "--vary-in-repeats", "init").hold_out == "Edema"
