"""Every sampler that a sweep can name resumes exactly, stays within the ranges, and says what it is."""

from __future__ import annotations

import copy
import math
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from platform.sweeping import shown_trials
from platform.sweeping.samplers import DEFAULT_SEARCHER, SAMPLERS
from platform.sweeping.shown_trials import Known
from platform.sweeping.studies import make_studies
from search_spaces.retina import SPACE

ATTENTION = "attention/imagenet/densenet40/all"
# CMA-ES moves on after 3 trials at random and 7 of its own. A question to the Gaussian process takes a second.
NUM_TRIALS = {"tpe": 20, "random": 10, "gp": 6, "cma-es": 26}
LEARNING = [name for name, sampler in SAMPLERS.items() if sampler.learns]

Event = tuple[str, int, Any]  # ("ask", number, parameters) or ("tell", number, score)


def study_of(searcher: str, mode: str = "optuna", seed: int = 0) -> Any:
    cells = [ATTENTION] if mode == "optuna" else ["*/densenet40/*"]
    return make_studies(SPACE.narrowed(cells), mode, 1 << 20, seed, searcher=searcher)[0]


def score_of(number: int, params: dict[str, float]) -> float | None:
    """Best at beta = 10; some trials fail."""
    return None if number % 9 == 4 else -abs(math.log10(params.get("beta", 100.0)) - 1)


def go_on(study: Any, num_trials: int, num_slots: int) -> list[Event]:
    """Goes on with a search as a plan does, and returns what happens; of the trials that run, any ends first."""
    events: list[Event] = []
    while len(study.scores) < num_trials:
        running = [number for number in sorted(study.asked) if number not in study.scores]
        if len(running) < num_slots and len(study.asked) < num_trials:
            number, params = study.ask()
            events.append(("ask", number, params))
        else:
            number = running[len(study.asked) * 7 % len(running)]
            study.tell(number, score_of(number, study.asked[number]))
            events.append(("tell", number, study.scores[number]))
    return events


def resumed(searcher: str, events: list[Event], mode: str, rng: random.Random) -> Any:
    """A new process's study, with what the ledger holds after these events, in any order."""
    study = study_of(searcher, mode)
    for kind, number, what in rng.sample(events, len(events)):
        if kind == "ask":
            cell = what.get("cell", ATTENTION)
            study.take_up(number, {name: value for name, value in what.items() if name != "cell"}, cell)
        else:
            study.tell(number, what)
    return study


@pytest.mark.slow
@pytest.mark.parametrize("num_slots", [1, 2])
@pytest.mark.parametrize("searcher", SAMPLERS)
def test_a_search_interrupted_anywhere_goes_on_as_if_it_had_not_been(searcher: str, num_slots: int) -> None:
    num_trials, rng = NUM_TRIALS[searcher], random.Random(0)
    whole = go_on(study_of(searcher), num_trials, num_slots)
    assert [number for kind, number, _ in whole if kind == "ask"] == list(range(num_trials))
    for place in range(len(whole)):
        study = resumed(searcher, whole[:place], "optuna", rng)
        assert go_on(study, num_trials, num_slots) == whole[place:]


@pytest.mark.parametrize("searcher", ["tpe", "cma-es"])
def test_a_result_that_comes_late_counts_as_if_it_had_been_there(searcher: str) -> None:
    """Trial 5 ends when CMA-ES has finished further generations, all of which follow from its score as well."""
    study, rng, late = study_of(searcher), random.Random(0), 5
    events: list[Event] = []
    for number in range(30):
        number, params = study.ask()
        events.append(("ask", number, params))
        for ended in [number] * (number != late) + [late] * (number == 26):
            study.tell(ended, score_of(ended, study.asked[ended]))
            events.append(("tell", ended, study.scores[ended]))
        if number >= 25:
            assert resumed(searcher, events, "optuna", rng).ask() == copy.deepcopy(study).ask()


@pytest.mark.parametrize("searcher", [name for name, sampler in SAMPLERS.items() if sampler.searches_jointly])
def test_a_joint_search_interrupted_anywhere_goes_on_as_if_it_had_not_been(searcher: str) -> None:
    whole, rng = go_on(study_of(searcher, "joint"), 16, 2), random.Random(0)
    for place in range(0, len(whole), 3):
        assert go_on(resumed(searcher, whole[:place], "joint", rng), 16, 2) == whole[place:]


@pytest.mark.parametrize("searcher", SAMPLERS)
def test_it_stays_within_the_ranges_and_each_seed_has_draws_of_its_own(searcher: str) -> None:
    asked = []
    for seed in (0, 1):
        study = study_of(searcher, seed=seed)
        of_all = [event[2] for event in go_on(study, NUM_TRIALS[searcher], 1) if event[0] == "ask"]
        asked += of_all[len(study.space.openings(study.of_cell)) :]
        ranges = study.space.ranges(study.of_cell)
    assert all(ranges[name].low <= value <= ranges[name].high for params in asked for name, value in params.items())
    if searcher != "gp":  # which draws nothing at random once it has the openings to learn from
        assert len({tuple(params.values()) for params in asked}) == len(asked)  # some are at an end of a range


@pytest.mark.parametrize("searcher", LEARNING)
def test_it_learns_where_the_good_values_are(searcher: str) -> None:
    """At random, half of the betas would be farther from the best one than 0.8 powers of ten."""
    num_trials = 12 if searcher == "gp" else 70
    study = study_of(searcher)
    go_on(study, num_trials, 1)
    distances = [abs(math.log10(study.asked[number]["beta"]) - 1) for number in range(1, num_trials)]
    assert np.median(distances[-len(distances) // 3 :]) < 0.5


def test_draws_at_random_are_the_same_whatever_was_scored() -> None:
    with_scores, without = study_of("random"), study_of("random")
    go_on(with_scores, 6, 1)
    assert [without.ask()[1] for _ in range(6)] == list(with_scores.asked.values())


@pytest.mark.parametrize("searcher", SAMPLERS)
def test_a_search_begins_with_the_openings_whatever_the_sampler(searcher: str) -> None:
    """So that what a sampler has to learn from is the same for all of them."""
    study = study_of(searcher)
    openings = study.space.openings(study.of_cell)
    assert len(openings) == 3
    assert [study.ask()[1] for _ in openings] == openings
    assert study.ask()[1] not in openings


@pytest.mark.parametrize(
    ("searcher", "mode", "words"),
    [
        ("annealing", "optuna", r"one of tpe, random, gp, cma-es, but got 'annealing'"),
        ("gp", "joint", r"one of tpe, random, but got --searcher gp with --search joint"),
        ("cma-es", "joint", r"one of tpe, random, but got --searcher cma-es with --search joint"),
    ],
)
def test_a_searcher_that_cannot_search_is_refused(searcher: str, mode: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_studies(SPACE, mode, 1, 0, searcher=searcher)


def test_the_documents_name_each_with_its_source() -> None:
    page = (Path(__file__).parents[3] / "docs" / "concepts.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `([a-z-]+)`( \(the default\))? \| .+ \| (.+) \|$", page, flags=re.MULTILINE)
    sources = {name: source for name, _, source in told if name in SAMPLERS}
    assert sources == {name: sampler.source for name, sampler in SAMPLERS.items()}
    assert [name for name, mark, _ in told if mark and name in SAMPLERS] == [DEFAULT_SEARCHER]


def known(scores: list[float | None], kinds: str = "") -> list[Known]:
    return [
        Known(number=number, params={}, score=score, kind=kinds[number : number + 1] or "a")
        for number, score in enumerate(scores)
    ]


def test_of_many_trials_the_best_the_newest_the_first_of_each_kind_and_some_of_the_others_are_shown() -> None:
    scores: list[float | None] = [0.0] * 40
    scores[7] = scores[9] = scores[11] = 0.5  # two equals behind which there is a third
    scores[21] = None
    shown = shown_trials.outstanding_and_spread(10, few=5, best=2, newest=2)
    numbers = [each.number for each in shown(known(scores, kinds="a" * 13 + "b" * 2 + "a" * 25))]
    assert numbers == [0, 7, 8, 9, 13, 16, 21, 24, 32, 38, 39]
    assert len(shown(known(scores[:10]))) == 10


def test_the_latest_trials_are_shown() -> None:
    assert [each.number for each in shown_trials.latest(3)(known([0.1, None, 0.2, 0.3, None]))] == [2, 3, 4]
    assert [each.number for each in shown_trials.latest(3)(known([0.1]))] == [0]
