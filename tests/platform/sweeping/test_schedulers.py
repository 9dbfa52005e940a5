"""Each rule of early stopping by scores that are worked by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ray.tune.schedulers import TrialScheduler

from analysis.methods.stopping_words import stopping_rule
from platform.command_line import scheduler_option
from platform.sweeping.schedulers import (
    DEFAULT_SCHEDULER,
    SCHEDULERS,
    asha,
    early_discard,
    expected_epochs,
    hyperband,
    median,
    none,
    pasha,
)
from platform.sweeping.stopping_rules import Entrant

STOP = TrialScheduler.STOP


class Search:
    """A study whose trials come one after the other."""

    def __init__(self, bracket: TrialScheduler) -> None:
        self.bracket: Any = bracket
        self.num_trials = 0

    def trial(self, scores: Sequence[float], *, ends: bool = True) -> int:
        """The number of epochs after which a trial with these scores is stopped; 0 if it is not."""
        trial = Entrant(f"trial {self.num_trials}", self.num_trials)
        self.num_trials += 1
        self.bracket.on_trial_add(None, trial)
        results = [{"epoch": epoch, "best_score": score} for epoch, score in enumerate(scores, 1)]
        for result in results:
            if self.bracket.on_trial_result(None, trial, result) == STOP:
                self.bracket.on_trial_complete(None, trial, result)
                return int(result["epoch"])
        if ends:
            self.bracket.on_trial_complete(None, trial, results[-1])
        return 0


def test_asha_lets_the_best_third_go_on_at_each_rung() -> None:
    search = Search(asha(grace_epochs=1)(27))
    # Cutoffs at epoch 1, at the upper third of those before: none, 0.5, 0.467, 0.533, 0.52.
    lengths = [search.trial([first, 0.7, 0.7, *[0.8] * 5]) for first in (0.5, 0.4, 0.6, 0.52, 0.56)]
    assert lengths == [0, 1, 0, 1, 0]
    assert search.trial([0.9, 0.9, 0.69]) == 3  # where the three before had 0.7
    assert search.trial([0.9] * 9) == search.trial([0.9] * 26) == 0
    assert search.trial([0.9] * 8 + [0.89]) == 9
    assert search.trial([1.0] * 27) == 27  # the end


def test_hyperband_shares_trials_out_by_their_numbers() -> None:
    # Of nine epochs the rungs are 1 and 3: brackets with 2, 1 and 0 of them, with 9/3 : 3/2 : 1/1 = 6 : 3 : 2 trials.
    places: list[Any] = [hyperband(grace_epochs=1)(9) for _ in range(2)]
    assert [places[0].place(number) for number in range(11)] == [0, 1, 0, 2, 0, 1, 0, 2, 0, 1, 0]
    assert [places[1].place(number) for number in (7, 3, 10, 1)] == [2, 2, 0, 1]


def test_each_bracket_of_hyperband_begins_later_and_the_last_one_never() -> None:
    search = Search(hyperband(grace_epochs=1)(9))
    falling = [search.trial([0.9 - number / 20] * 8) for number in range(11)]
    assert falling == [0, 0, 1, 0, 1, 3, 1, 0, 1, 3, 1]  # the first of each bracket has none to be compared with


def test_pasha_goes_beyond_a_rung_only_while_its_ranking_changes() -> None:
    search = Search(pasha(grace_epochs=1)(81))  # with the rungs 1, 3, 9 and 27
    assert search.trial([0.50, 0.55, 0.60]) == 3
    assert search.trial([0.60, 0.61, 0.70]) == 3  # the better one was so at epoch 1 as well
    assert search.trial([0.65, 0.66, 0.72]) == 3
    assert search.trial([0.40]) == 1  # as ASHA has it
    # The second one at epoch 1 is the first at epoch 3: it goes on, to the next rung, where it is alone.
    assert search.trial([0.62, 0.64, 0.90, *[0.92] * 6]) == 9
    # The next one crosses it twice, with 0.05 at epoch 3. That is noise, within which the ranking there is stable now;
    # but epoch 3 has been passed. At epoch 9 the ranking is that at epoch 3.
    assert search.trial([0.63, 0.635, 0.95, *[0.96] * 6]) == 9
    # The first at epoch 9 was 0.045 behind at epoch 3: more than the noise, 0.036.
    assert search.trial([0.69, 0.79, 0.905, *[0.91] * 5, 0.961, *[0.97] * 18]) == 27
    assert search.trial([0.71, 0.71, 0.71]) == 3  # as ASHA has it


@pytest.mark.parametrize(("second", "length"), [(0.60, 3), (0.55, 0)])
def test_pasha_takes_ranks_for_equal_within_the_noise_of_the_curves(second: float, length: int) -> None:
    """The first two curves cross twice, or not at all: only then a difference of 0.005 at epoch 1 is noise."""
    search = Search(pasha(grace_epochs=1)(27))
    search.trial([0.50, second, 0.61])
    assert search.trial([0.52, 0.59, 0.63]) == 3
    assert search.trial([0.515, 0.61, 0.64, 0.64]) == length


@pytest.mark.parametrize(("score", "length"), [(0.53, 3), (0.51, 0)])
def test_the_noise_is_the_90th_percentile_of_twice_crossing_curves(score: float, length: int) -> None:
    search = Search(pasha(grace_epochs=1)(27))
    first, second = [0.50, 0.60, 0.61], [0.52, 0.59, 0.63]  # 0.02 apart at the end
    third = [0.58, 0.585, 0.67]  # 0.06 and 0.04 from them, so that the percentile is 0.056
    for curve in (first, second, third, [0.1], [0.1], [0.1]):
        assert search.trial(curve) == len(curve)
    # At epoch 3 it is the first; the one that was so at epoch 1 had 0.05 more then, or 0.07.
    assert search.trial([score, 0.61, 0.70, 0.70]) == length


def test_pasha_of_a_length_with_one_rung_is_asha() -> None:
    search = Search(pasha(grace_epochs=1)(3))
    assert [search.trial([0.5, 0.5]), search.trial([0.4]), search.trial([0.6, 0.6])] == [0, 1, 0]


def test_early_discarding_judges_once() -> None:
    search = Search(early_discard(grace_epochs=2)(32))
    # Cutoffs at epoch 2, at the upper quarter of those before: none, 0.5, 0.475, 0.55, 0.54.
    lengths = [search.trial([0.0, second, *[0.0] * 29]) for second in (0.5, 0.4, 0.6, 0.52, 0.56)]
    assert lengths == [0, 2, 0, 2, 0]
    assert SCHEDULERS["early-discard"].rungs(32) == [16]


def test_the_median_of_running_averages_up_to_the_same_epoch() -> None:
    search = Search(median(grace_epochs=2, num_startup=2)(10))
    assert search.trial([0.2, 0.4, 0.6]) == 0
    assert search.trial([0.4, 0.4, 0.4, 0.4]) == 0  # after the only other one
    search.trial([0.9] * 4, ends=False)  # which is still running, and so no measure
    # The averages are 0.3 and 0.4 at epoch 2, 0.4 and 0.4 from epoch 3 on.
    assert search.trial([0.1, 0.36, 0.41]) == 0
    search = Search(median(grace_epochs=2, num_startup=2)(10))
    for scores in ([0.2, 0.4, 0.6], [0.4, 0.4, 0.4, 0.4]):
        search.trial(scores)
    assert search.trial([0.1, 0.36, 0.39]) == 3
    # That one counts, too, with 0.23 at epoch 2 and 0.283 from epoch 3 on: the medians are 0.3, then 0.4.
    assert search.trial([0.31, 0.31, 0.41, 0.41, 0.41]) == 0
    assert search.trial([0.29, 0.29]) == 2


def test_the_median_waits_for_enough_trials() -> None:
    search = Search(median(grace_epochs=1, num_startup=3)(10))
    assert [search.trial([score] * 3) for score in (0.9, 0.8, 0.7, 0.6)] == [0, 0, 0, 1]


def test_none_stops_nobody() -> None:
    search = Search(none()(9))
    assert [search.trial([0.9 - number / 10] * 9) for number in range(5)] == [0] * 5


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize(("num_trials", "max_epochs"), [(12, 128), (2, 2), (1, 128), (30, 27), (3, 1)])
def test_the_expected_length_of_a_trial_lies_between_the_first_rung_and_its_end(
    name: str, num_trials: int, max_epochs: int
) -> None:
    expected = expected_epochs(num_trials, max_epochs, name)
    assert max(1, round(max_epochs / 16)) <= expected <= max_epochs
    spared = {"none": max_epochs, "median": 3, "pasha": 1 if max_epochs == 2 else 0, "hyperband": 2}.get(name, 1)
    assert (expected == max_epochs) == (num_trials <= spared or max_epochs == 1 or name == "none")


def test_expected_lengths_by_hand() -> None:
    assert expected_epochs(1, 128, "pasha") == 24  # the second rung
    half = expected_epochs(2, 32, "early-discard")  # the second trial goes on where it is the better one
    num_continued = (40 * half - 20 * 32 - 20 * 16) / 16  # of the second trials of the twenty studies that are played
    assert num_continued in range(6, 15)
    assert 64 < expected_epochs(12, 128, "early-discard") < 96
    assert expected_epochs(12, 128, "pasha") < expected_epochs(12, 128, "asha") < expected_epochs(12, 128, "hyperband")
    with pytest.raises(ValueError, match="must be one of asha"):
        expected_epochs(1, 1, "nothing")


def test_the_option_has_them_all_and_describes_each() -> None:
    assert tuple(SCHEDULERS) == scheduler_option.NAMES and DEFAULT_SCHEDULER in SCHEDULERS
    told = scheduler_option.scheduler_option().metadata["option"].help
    assert all(f"{name}, " in told for name in SCHEDULERS)
    assert all(each.description and (each.source or name == "none") for name, each in SCHEDULERS.items())


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_report_tells_each_rule_with_its_numbers(name: str) -> None:
    scheduler = SCHEDULERS[name]
    plan = {"scheduler": name, "scheduler_source": scheduler.source, **scheduler.facts(128)}
    told = stopping_rule(plan)
    assert scheduler.source in told and "not recorded" not in told
    earliest = {"none": None, "early-discard": 64}.get(name, 8)
    assert (f"{earliest} epochs" in told) == (name != "none")
