"""Every searcher that is compared, by name: where its configurations come from, and which of them train how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from platform.sweeping.search import FairAsha
from platform.sweeping.studies import CellStudy, Params, Study, make_studies
from search_spaces.space import Space
from tests.benchmarks.replay.engine import CurveOf, Replay, Trace, plan_of
from tests.benchmarks.replay.rivals import Discarding, InRounds, OpeningStudy, Rung


@dataclass(frozen=True, kw_only=True)
class Whole:
    """Every trial is trained to its end."""


@dataclass(frozen=True, kw_only=True)
class Asha:
    """Asynchronous successive halving (1810.05934), as Ray has it: what is stopped is never taken up again."""

    grace: float = 1 / 16  # of a trial's length, before which none is stopped
    factor: int = 3  # at each rung the best 1/factor continue


@dataclass(frozen=True, kw_only=True)
class Discard:
    """After so many epochs a trial goes on only if it is among the best so many by then."""

    epochs: int = 1
    kept: int = 1


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """All trials to the first rung, then the best of them to the next; a rung is (trials, share of the length).

    The first rung has all trials, whatever its number; a share of 0 is one epoch.
    """

    rungs: tuple[tuple[int, float], ...]


@dataclass(frozen=True, kw_only=True)
class Searcher:
    """One way to search a cell.

    Args:
        title: what tables call it.
        sampler: "grid", "random" or "tpe".
        num_trials: that are asked for; of a grid, as many as it has points.
        opening: the first trial: "paper" for Table III's, "anywhere", or "sister" for the paper's and then what the
            default search found in the cell of the other student with the same teacher.
        num_drawn: trials drawn before the sampler is asked; all, of random search.
        decades: standard deviation of their logarithms around the paper's choice; None for anywhere.
        num_slots: trials at once.
        is_central: whether it is played with many seeds.
    """

    title: str
    sampler: str = "tpe"
    schedule: Whole | Asha | Discard | Rounds = Asha()
    num_trials: int = 12
    opening: str = "paper"
    num_drawn: int = 0
    decades: float | None = None
    num_slots: int = 1
    is_central: bool = False

    def run(self, space: Space, num_epochs: int, curve_of: CurveOf, seed: int, sister: Params | None = None) -> Trace:
        """A search of the one cell of `space`, to its end.

        Args:
            num_epochs: of a whole trial.
            curve_of: the whole curve of a trial.
            seed: of the search.
            sister: for the opening of that name, what was found there.
        """
        plan = plan_of(self._studies(space, seed, sister), space, num_epochs)
        if isinstance(self.schedule, Rounds):
            first, *others = self.schedule.rungs
            lengths = [(self.num_trials, first[1]), *others]
            rungs = [Rung(num_trials=number, epochs=max(1, round(share * num_epochs))) for number, share in lengths]
            return InRounds(plan, rungs, curve_of).run()
        return Replay(plan, self._scheduler(plan), curve_of, self.num_slots).run()

    def _studies(self, space: Space, seed: int, sister: Params | None) -> list[Study]:
        if self.sampler == "grid":
            return make_studies(space, "grid", self.num_trials, seed)
        studies = make_studies(space, "optuna", self.num_trials, seed)
        if self.opening == "paper" and not self.num_drawn and self.sampler == "tpe":
            return studies
        (study,) = studies
        assert isinstance(study, CellStudy)
        facts: dict[str, Any] = {
            each: getattr(study, each) for each in ("name", "num_trials", "of_cell", "space", "seed")
        }
        drawn = self.num_trials if self.sampler == "random" else self.num_drawn
        return [OpeningStudy(**facts, openings=self._openings(study, sister), num_drawn=drawn, decades=self.decades)]

    def _openings(self, study: CellStudy, sister: Params | None) -> Sequence[Params]:
        first = study.space.first(study.of_cell)
        if self.opening == "sister" and sister is not None and sister != first:
            return [first, sister]
        return [] if self.opening == "anywhere" else [first]

    def _scheduler(self, plan: Any) -> Any:
        if isinstance(self.schedule, Asha):
            grace, factor = self.schedule.grace, self.schedule.factor
            return FairAsha(plan, lambda length: (max(1, round(length * grace)), factor))
        scheduler = FairAsha(plan, lambda length: (length, 2))  # stops nobody
        if isinstance(self.schedule, Discard):
            rule = self.schedule
            scheduler._brackets = {name: Discarding(rule.epochs, rule.kept) for name in scheduler._brackets}
        return scheduler


def _asha(grace: int, factor: int) -> Searcher:
    return Searcher(title=f"TPE, ASHA: grace 1/{grace}, factor {factor}", schedule=Asha(grace=1 / grace, factor=factor))


def _rounds(num_trials: int, *rungs: tuple[int, float], first: float = 0, **facts: Any) -> Searcher:
    steps = ", then ".join(f"{number} to {share:.0%}" for number, share in rungs)
    title = f"TPE, {num_trials} trials of {'1 epoch' if not first else f'{first:.0%}'}, then {steps}"
    return Searcher(title=title, num_trials=num_trials, schedule=Rounds(rungs=((0, first), *rungs)), **facts)


GRID, RANDOM, DEFAULT = "grid", "random", "asha-16-3"
SEARCHERS: Mapping[str, Searcher] = {
    GRID: Searcher(title="the paper's grid", sampler="grid", schedule=Whole()),
    RANDOM: Searcher(title="random search, whole trials", sampler="random", schedule=Whole(), opening="anywhere"),
    **{f"asha-{grace}-{factor}": _asha(grace, factor) for grace in (16, 8, 4) for factor in (2, 3, 4)},
    "whole": Searcher(title="TPE, whole trials", schedule=Whole()),
    **{
        f"discard-{epochs}-{kept}": Searcher(
            title=f"TPE, after {epochs} epoch{'s' * (epochs > 1)} only the best {kept} so far",
            schedule=Discard(epochs=epochs, kept=kept),
        )
        for epochs in (1, 2, 4)
        for kept in (1, 2)
    },
    **{f"rounds-{number}-{kept}": _rounds(number, (kept, 1.0)) for number in (6, 8, 12, 24) for kept in (1, 2, 3)},
    "halving-12": _rounds(12, (4, 0.25), (1, 1.0)),
    "halving-24": _rounds(24, (8, 0.25), (2, 1.0)),
    "anywhere": Searcher(title="default, first trial anywhere", opening="anywhere"),
    "sister": Searcher(title="default, second trial the sister cell's choice", opening="sister"),
    "near": Searcher(title="default, 4 trials near Table III", num_drawn=3, decades=0.5),
    "near-all": Searcher(title="default, all trials near Table III", num_drawn=11, decades=0.5),
    "trials-6": Searcher(title="default, 6 trials", num_trials=6),
    "trials-24": Searcher(title="default, 24 trials", num_trials=24),
    "slots-2": Searcher(title="default, two at once", num_slots=2),
}
SHORT = (GRID, RANDOM, DEFAULT)
DRAWN = {GRID: "the paper's grid", RANDOM: "random search", DEFAULT: "the sweep's default"}
