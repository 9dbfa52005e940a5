"""Every searcher that is compared, by name: where its configurations come from, and which of them train how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import mock

from platform.sweeping import samplers
from platform.sweeping.fair_scheduler import FairScheduler
from platform.sweeping.plan import Plan
from platform.sweeping.sampled_studies import CellStudy
from platform.sweeping.samplers import DEFAULT_SEARCHER, STARTUP_TRIALS
from platform.sweeping.schedulers import DEFAULT_SCHEDULER, SCHEDULERS, asha
from platform.sweeping.studies import make_studies
from platform.sweeping.study import Params, Study
from search_spaces.presets import PRESETS
from search_spaces.space import Space
from tests.benchmarks.replay.engine import CurveOf, Replay, Trace, plan_of
from tests.benchmarks.replay.rivals import Discarding, InRounds, OpeningStudy, Rung

NUM_TRIALS = PRESETS["paper"].num_trials
PAPER, LEAST, GREATEST, SISTER = "the paper's choice", "the least beta", "the greatest beta", "the sister's choice"


@dataclass(frozen=True, kw_only=True)
class Asha:
    """A sweep's `asha` with other numbers."""

    grace: float  # of a trial's length, before which none is stopped
    factor: int  # at each rung the best 1/factor go on


@dataclass(frozen=True, kw_only=True)
class Discard:
    """After so many epochs a trial goes on only if it is among the best so many by then."""

    epochs: int
    kept: int


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """All trials to the first rung, then the best of them to the next, and so on to the full length.

    Args:
        first: epochs of the first rung, which all trials have.
        others: (trials, share of the full length) of each further rung.
    """

    first: int
    others: tuple[tuple[int, float], ...]


@dataclass(frozen=True, kw_only=True)
class Searcher:
    """One way to search a cell.

    Args:
        title: what tables call it.
        sampler: a name in `platform.sweeping.samplers`, or "grid".
        schedule: which trials are trained how long: a name in `platform.sweeping.schedulers`, or another rule.
        num_trials: that are asked for; of a grid, as many as it has points.
        openings: the first trials, in this order, before anything is suggested; None for a sweep's own. `PAPER` is the
            paper's choice, or what takes its place; `LEAST` and `GREATEST` are the same with the least and with the
            greatest beta, that is, with the most attention and with next to none; `SISTER` is what the default search
            found in the cell of the other student. What came before, or what the cell does not have, is left out.
        num_near, decades: as in `OpeningStudy`.
        num_startup: trials before the sampler learns.
        num_slots: trials at once.
        is_central: whether it is played with many seeds.
    """

    title: str
    sampler: str = DEFAULT_SEARCHER
    schedule: str | Asha | Discard | Rounds = DEFAULT_SCHEDULER
    num_trials: int = NUM_TRIALS
    openings: tuple[str, ...] | None = None
    num_near: int = 0
    decades: float = 0.5
    num_startup: int = STARTUP_TRIALS
    num_slots: int = 1
    is_central: bool = False

    def definition(self, num_epochs: int) -> str:
        """All that decides what it does with trials of that length, but for the code."""
        facts = SCHEDULERS[self.schedule].facts(num_epochs) if isinstance(self.schedule, str) else {}
        return repr((self, facts))

    def run(self, space: Space, num_epochs: int, curve_of: CurveOf, seed: int, sister: Params | None = None) -> Trace:
        """A search of the one cell of `space`, to its end.

        Args:
            num_epochs: of a whole trial.
            curve_of: the whole curve of a trial.
            seed: of the search.
            sister: for the opening of that name, what was found there.
        """
        plan = plan_of(self._studies(space, seed, sister), space, num_epochs)
        with mock.patch.object(samplers, "STARTUP_TRIALS", self.num_startup):
            if isinstance(self.schedule, Rounds):
                return InRounds(plan, self._rungs(self.schedule, num_epochs), curve_of).run()
            return Replay(plan, self._scheduler(plan), curve_of, self.num_slots).run()

    def _studies(self, space: Space, seed: int, sister: Params | None) -> list[Study]:
        if self.sampler == "grid":
            return make_studies(space, "grid", self.num_trials, seed)
        studies = make_studies(space, "optuna", self.num_trials, seed, searcher=self.sampler)
        if self.openings is None:
            return studies
        (study,) = studies
        assert isinstance(study, CellStudy)
        names = ("name", "num_trials", "of_cell", "space", "seed", "searcher")
        facts: dict[str, Any] = {name: getattr(study, name) for name in names}
        openings = self._openings(study, sister)
        return [OpeningStudy(**facts, openings=openings, num_near=self.num_near, decades=self.decades)]

    def _openings(self, study: CellStudy, sister: Params | None) -> Sequence[Params]:
        first, beta = study.space.first(study.of_cell), study.space.ranges(study.of_cell).get("beta")
        known: dict[str, Params | None] = {
            PAPER: first,
            LEAST: {**first, "beta": beta.low} if beta else None,
            GREATEST: {**first, "beta": beta.high} if beta else None,
            SISTER: sister,
        }
        openings: list[Params] = []
        for name in self.openings or ():
            params = known[name]
            if params and params not in openings:
                openings.append(params)
        return openings

    def _scheduler(self, plan: Plan) -> FairScheduler:
        rule = self.schedule
        if isinstance(rule, str):
            return FairScheduler(plan, rule)
        if isinstance(rule, Discard):
            return FairScheduler(plan, lambda length: Discarding(rule.epochs, rule.kept))
        assert isinstance(rule, Asha)
        (length,) = (plan.num_labelled(study) for study in plan.studies.values())
        return FairScheduler(plan, asha(grace_epochs=max(1, round(length * rule.grace)), reduction_factor=rule.factor))

    def _rungs(self, rounds: Rounds, num_epochs: int) -> list[Rung]:
        others = [Rung(num_trials=number, epochs=round(share * num_epochs)) for number, share in rounds.others]
        return [Rung(num_trials=self.num_trials, epochs=rounds.first), *others]


def _asha(grace: int, factor: int) -> Searcher:
    return Searcher(title=f"ASHA: grace 1/{grace}, factor {factor}", schedule=Asha(grace=1 / grace, factor=factor))


def _discard(epochs: int, kept: int) -> Searcher:
    title = f"after {_epochs(epochs)} only the best {kept} so far go on"
    return Searcher(title=title, schedule=Discard(epochs=epochs, kept=kept))


def _rounds(num_trials: int, first: int, *others: tuple[int, float]) -> Searcher:
    steps = "".join(f", the best {number} to {share:.0%}" for number, share in others)
    title = f"in rounds: {num_trials} trials of {_epochs(first)}{steps}"
    return Searcher(title=title, num_trials=num_trials, schedule=Rounds(first=first, others=others))


def _opened(*openings: str, schedule: str = DEFAULT_SCHEDULER, num_near: int = 0) -> Searcher:
    near = f"{num_near} trials near the paper's choice" if num_near else ""
    begins = ", ".join([*openings, near] if near else openings) or "anywhere"
    whole = ", whole trials" if schedule == "none" else ""
    return Searcher(title=f"begins: {begins}{whole}", schedule=schedule, openings=openings, num_near=num_near)


def _epochs(number: int) -> str:
    return f"{number} epoch{'s' * (number > 1)}"


OPENINGS = {
    "anywhere": (),
    "paper": (PAPER,),
    "paper-first": (PAPER, LEAST, GREATEST),
    "greatest-first": (GREATEST, LEAST, PAPER),
    "ends-alone": (LEAST, GREATEST),
    "sister": (PAPER, SISTER),
}
GRID, RANDOM, DEFAULT = "grid", "random", "default"
SEARCHERS: Mapping[str, Searcher] = {
    GRID: Searcher(title="the paper's grid", sampler="grid", schedule="none", is_central=True),
    RANDOM: Searcher(
        title="random search, whole trials", sampler="random", schedule="none", openings=(), is_central=True
    ),
    DEFAULT: Searcher(title=f"**the default**: {DEFAULT_SEARCHER}, {DEFAULT_SCHEDULER}", is_central=True),
    **{f"sampler-{name}": Searcher(title=f"sampler {name}", sampler=name) for name in ("random", "gp", "cma-es")},
    **{name: Searcher(title=f"scheduler {name}", schedule=name) for name in SCHEDULERS if name != DEFAULT_SCHEDULER},
    **{f"asha-{grace}-{factor}": _asha(grace, factor) for grace in (16, 8, 4, 2) for factor in (2, 3, 4)},
    **{f"discard-{epochs}-{kept}": _discard(epochs, kept) for epochs in (1, 2, 4, 8) for kept in (1, 2)},
    **{f"rounds-{first}-{kept}": _rounds(12, first, (kept, 1.0)) for first in (1, 2, 4, 8) for kept in (1, 2, 3)},
    "halving-12": _rounds(12, 1, (4, 0.25), (1, 1.0)),
    "halving-24": _rounds(24, 1, (8, 0.25), (2, 1.0)),
    **{f"opening-{name}": _opened(*openings) for name, openings in OPENINGS.items()},
    **{f"whole-{name}": _opened(*OPENINGS[name], schedule="none") for name in ("paper", "paper-first")},
    "near-3": _opened(PAPER, num_near=3),
    "near-11": _opened(PAPER, num_near=11),
    **{f"trials-{number}": Searcher(title=f"{number} trials", num_trials=number) for number in (4, 6, 8, 24)},
    **{
        f"startup-{number}": Searcher(title=f"the sampler learns after {number} trials", num_startup=number)
        for number in (6, 9)
    },
    "slots-2": Searcher(title="two trials at once", num_slots=2),
}
SHORT = (GRID, RANDOM, DEFAULT)
DRAWN = {
    GRID: "the paper's grid",
    RANDOM: "random search",
    DEFAULT: "the default",
    "opening-paper": "without the ends of beta",
    "asha": "judged from 1/16 on",
}
