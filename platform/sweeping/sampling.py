"""Optuna's sampler as a study asks it: built anew for each suggestion, from a seed and the trials that are known."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from search_spaces.joint import Decide

optuna.logging.set_verbosity(optuna.logging.WARNING)


def decider(known: Sequence[FrozenTrial], seed: int, num_startup_trials: int, *, is_conditional: bool) -> Decide:
    """What suggests the parameters of one more trial, by name and distribution.

    Args:
        known: the trials that were asked for before and have not failed.
        seed: of the sampler.
        num_startup_trials: so many are drawn at random before the sampler learns from them.
        is_conditional: whether some trials have parameters that others lack.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=seed,
            n_startup_trials=num_startup_trials,
            multivariate=True,
            group=is_conditional,
            constant_liar=True,  # running trials count as poor, so that two slots do not try the same
        )
    question = optuna.create_study(direction="maximize", sampler=sampler)
    question.add_trials(known)
    trial = question.ask()

    def decide(name: str, distribution: BaseDistribution) -> Any:
        if isinstance(distribution, CategoricalDistribution):
            return trial.suggest_categorical(name, distribution.choices)
        assert isinstance(distribution, FloatDistribution)
        return trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log)

    return decide


def known_trial(params: dict[str, Any], distributions: dict[str, BaseDistribution], score: float | None) -> FrozenTrial:
    """A trial as Optuna has it; one without a score is still running."""
    if score is None:
        return create_trial(params=params, distributions=distributions, state=TrialState.RUNNING)
    return create_trial(params=params, distributions=distributions, value=score)


def sampler_seed(seed: int, identity: Mapping[str, object], number: int) -> int:
    """The seed for suggestion `number`: by what is searched (`identity`, in canonical JSON), not its name."""
    asked = json.dumps({"seed": seed, "number": number, **identity}, sort_keys=True)
    return int.from_bytes(hashlib.sha256(asked.encode()).digest()[:4], "little")
