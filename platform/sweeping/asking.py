"""Questions to a sampler: the parameters of one more trial, from a seed and from the trials that are known.

Optuna's sampler, study and storage are made anew for each question, so that the answer is a pure function of (seed,
known trials). What would take long is done once: a trial is made when it is first shown, and is never copied.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from platform.sweeping.samplers import Sampler
from platform.sweeping.shown_trials import Known
from platform.sweeping.study import Params
from search_spaces.joint import Decide

optuna.logging.set_verbosity(optuna.logging.WARNING)

Point = Callable[[Params], tuple[Params, Mapping[str, BaseDistribution]]]
Notes = dict[str, Any]  # what a sampler keeps of a trial, as Optuna's attributes


class Questions:
    """Asks a sampler on behalf of one study.

    Args:
        sampler: whom to ask.
        walk: asks for each parameter that there is, and returns what a trial is to have.
        point: from what a trial was asked to have to its parameters and their distributions, by name.
        seed_of: from a trial's number to the seed of its question.
        is_conditional: whether some trials have parameters that others lack.
    """

    def __init__(
        self,
        sampler: Sampler,
        walk: Callable[[Decide], Params],
        *,
        point: Point,
        seed_of: Callable[[int], int],
        is_conditional: bool,
    ) -> None:
        self._sampler, self._walk, self._point, self._seed_of = sampler, walk, point, seed_of
        self._is_conditional = is_conditional
        self._known: dict[int, Known] = {}
        self._replayed: list[Known] = []  # trials in their order, each with the notes that follow from those before it

    def ask(self, number: int, asked: Mapping[int, Params], scores: Mapping[int, float | None]) -> Params:
        """What trial `number` is to have, given the trials that were asked for and their scores (None: failed)."""
        known = self._all_known(asked, scores)
        if self._sampler.keeps_notes:
            self._replay(known)
        return self._question(known, self._seed_of(number))[0]

    def _all_known(self, asked: Mapping[int, Params], scores: Mapping[int, float | None]) -> list[Known]:
        """The trials that have not failed, in the order of their numbers, whatever the order of the record."""
        known = []
        for number in sorted(asked):
            params, score = asked[number], scores.get(number)
            if score is None and number in scores:
                continue
            before = self._known.get(number)
            if before is None or before.score != score or before.params is not params:
                kind = (params.get("cell"), frozenset(params))
                before = self._known[number] = Known(number=number, params=params, score=score, kind=kind)
            known.append(before)
        return known

    def _question(self, known: Sequence[Known], seed: int) -> tuple[Params, Notes]:
        """The answer, and what the sampler has noted of it."""
        shown = [_as_trial(each, self._point) for each in self._sampler.shown(known)]
        sampler = self._sampler.make(seed, self._is_conditional)
        study = optuna.create_study(direction="maximize", sampler=sampler, storage=_KnownTrials(shown))
        answer = self._walk(_decider(study.ask()))
        return answer, study.get_trials(deepcopy=False)[-1].system_attrs

    def _replay(self, known: Sequence[Known]) -> None:
        """Asks for each known trial again, in order, with what is known now of the trials before it.

        So what the sampler notes of a trial follows from the known trials alone, and not from the order in which they
        ended. Only trials behind the first one that has changed since the last time are asked for again.
        """
        before, self._replayed = self._replayed, list(known)
        is_as_before = True  # whether all trials in front of this one are
        for place, each in enumerate(known):
            earlier = before[place] if place < len(before) else None
            if is_as_before and earlier and earlier.trial and earlier.number == each.number:
                notes = earlier.trial.system_attrs
            else:
                each.trial = None
                notes = self._question(known[:place], self._seed_of(each.number))[1]
            _as_trial(each, self._point, notes)
            is_as_before = is_as_before and each is earlier


class _KnownTrials(InMemoryStorage):
    """Optuna's memory for one question, which hands out the known trials without copying them."""

    def __init__(self, known: Sequence[FrozenTrial]) -> None:
        super().__init__()
        self._known = known

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """The known trials, and behind them the one that is asked for."""
        known = [trial for trial in self._known if states is None or trial.state in states]
        asked = super().get_all_trials(study_id, deepcopy, states)
        return [*(copy.deepcopy(known) if deepcopy else known), *asked]


def _as_trial(known: Known, point: Point, notes: Notes | None = None) -> FrozenTrial:
    """The trial as Optuna has it; one without a score is still running."""
    if known.trial is None:
        values, distributions = point(known.params)
        known.trial = create_trial(
            params=values,
            distributions=dict(distributions),
            state=TrialState.RUNNING if known.score is None else TrialState.COMPLETE,
            value=known.score,
            system_attrs=notes,
        )
        known.trial.number = known.number + 1  # Optuna tells trials apart by their numbers; the question has 0
    return known.trial


def _decider(trial: Trial) -> Decide:
    def decide(name: str, distribution: BaseDistribution) -> Any:
        if isinstance(distribution, CategoricalDistribution):
            return trial.suggest_categorical(name, distribution.choices)
        assert isinstance(distribution, FloatDistribution)
        return trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log)

    return decide


def sampler_seed(seed: int, identity: Mapping[str, object], number: int) -> int:
    """The seed for suggestion `number`: by what is searched (`identity`, in canonical JSON), not its name."""
    asked = json.dumps({"seed": seed, "number": number, **identity}, sort_keys=True)
    return int.from_bytes(hashlib.sha256(asked.encode()).digest()[:4], "little")
