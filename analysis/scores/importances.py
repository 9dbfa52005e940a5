"""Which dimensions of a search mattered: each parameter's share of the variance of the validation score.

The functional ANOVA of a random forest that predicts the score (F. Hutter, H. Hoos, K. Leyton-Brown, ICML 2014), as
Optuna computes it. A share is a main effect: what the parameter explains alone, averaged over all values of the others.
Parameters that the search draws on a logarithmic scale are judged on that scale; Optuna itself would weight a learning
rate's range linearly, so that nine tenths of it would be its last decade.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import FanovaImportanceEvaluator
from optuna.trial import FrozenTrial, TrialState, create_trial

from analysis.reading.optuna_studies import RecordedStudy, recorded_studies
from analysis.reading.trials import Runs

MIN_TRIALS = 10  # ours: a forest on fewer tells nothing
NUM_SHUFFLES = 19  # the greatest of 19 is exceeded by chance once in 20
NUM_TREES, NUM_TREES_SHUFFLED = 64, 16
MAX_TRIALS_SHUFFLED = 100  # chance gives less with more trials, so that fewer are on the safe side
JOINT = "joint"
COLUMNS = ["sweep", "study", "parameter", "share", "by_chance", "num_trials", "num_stopped", "num_in_study"]
Scored = list[tuple[dict[str, Any], float]]  # parameters, on the scales on which they are judged, and score

optuna.logging.set_verbosity(optuna.logging.WARNING)


def rows_of(runs: Runs, *, joint_alone: bool) -> pd.DataFrame:
    """`rows` of all studies of these sweeps, or of those of joint searches alone."""
    frames = []
    for name, text in runs.sweeps.reindex(columns=["tags.sweep", "tags.settings"]).itertuples(index=False):
        search = json.loads(text).get("search", "") if isinstance(text, str) else ""
        if search and (search == JOINT or not joint_alone):
            try:
                studies = recorded_studies(runs.tracking_uri, runs.dataset, str(name))
            except LookupError:  # nothing was searched
                continue
            frames += [rows(study) for study in studies]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=COLUMNS)


def rows(study: RecordedStudy, seed: int = 0) -> pd.DataFrame:
    """One row per parameter that the study varied: COLUMNS. Those that all trials have come first, and of these the
    largest share. Shares are fractions.

    Trials that were stopped early count with the best score that they had reached, as the search itself counts them. A
    parameter that not all trials have (such as a teacher's beta) is judged among the `num_trials` that have it, of the
    `num_in_study`. `by_chance`: the share that it reaches in one of 20 studies whose scores are shuffled. NaN where
    there are too few trials, or all scores are equal.
    """
    trials = [trial for trial in study.trials if trial.value is not None]
    scales = _scales(trials)
    having = {name: tuple(at for at, trial in enumerate(trials) if name in trial.params) for name in scales}
    shares: dict[str, tuple[float, float]] = {}
    for places in dict.fromkeys(having.values()):
        among = [trials[at] for at in places]
        names = [name for name in scales if all(name in trial.params for trial in among)]
        of_all = _shares(among, {name: scales[name] for name in names}, seed)
        shares |= {name: of_all[name] for name in names if having[name] == places}
    found = [
        {
            "sweep": study.sweep,
            "study": study.study,
            "parameter": name,
            "share": shares[name][0],
            "by_chance": shares[name][1],
            "num_trials": len(having[name]),
            "num_stopped": sum(trials[at].state == TrialState.PRUNED for at in having[name]),
            "num_in_study": len(trials),
        }
        for name in scales
    ]
    frame = pd.DataFrame(found, columns=COLUMNS)
    order = frame.assign(is_conditional=frame["num_trials"] < len(trials))
    by = ["is_conditional", "share", "parameter"]
    return order.sort_values(by, ascending=[True, False, True], ignore_index=True)[COLUMNS]


def _scales(trials: Sequence[FrozenTrial]) -> dict[str, BaseDistribution]:
    """Each parameter's range over all trials, for those that have more than one value to choose from."""
    known: dict[str, list[BaseDistribution]] = {}
    for trial in trials:
        for name, distribution in trial.distributions.items():
            known.setdefault(name, []).append(distribution)
    merged = {name: _merged(of) for name, of in sorted(known.items())}
    return {name: scale for name, scale in merged.items() if not scale.single()}


def _merged(distributions: Iterable[BaseDistribution]) -> BaseDistribution:
    first, *others = dict.fromkeys(distributions)
    every = [first, *others]
    if isinstance(first, CategoricalDistribution):
        choices = {choice for of in every if isinstance(of, CategoricalDistribution) for choice in of.choices}
        return CategoricalDistribution(sorted(choices, key=str))
    numbers = [of for of in every if isinstance(of, FloatDistribution | IntDistribution)]
    low, high = min(of.low for of in numbers), max(of.high for of in numbers)
    return FloatDistribution(low, high, log=low > 0 and all(of.log for of in numbers))


def _shares(
    trials: Sequence[FrozenTrial], scales: dict[str, BaseDistribution], seed: int
) -> dict[str, tuple[float, float]]:
    """Each parameter's share and what chance gives it; NaN where neither can be told."""
    if len(trials) < MIN_TRIALS or np.ptp([trial.value for trial in trials]) == 0:
        return dict.fromkeys(scales, (math.nan, math.nan))
    scored = [
        ({name: _scaled(trial.params[name], scale) for name, scale in scales.items()}, float(trial.value or 0.0))
        for trial in trials
    ]
    linear = {name: _linear(scale) for name, scale in scales.items()}
    shares = _fanova(scored, linear, NUM_TREES, seed)
    rng = np.random.default_rng(seed)
    by_chance = []
    for shuffle in range(NUM_SHUFFLES):
        order = rng.permutation(len(scored))[:MAX_TRIALS_SHUFFLED]
        values = rng.permutation([scored[at][1] for at in order])
        shuffled = [(scored[at][0], float(value)) for at, value in zip(order, values, strict=True)]
        by_chance.append(_fanova(shuffled, linear, NUM_TREES_SHUFFLED, seed + 1 + shuffle))
    return {name: (shares[name], max(of[name] for of in by_chance)) for name in scales}


def _fanova(scored: Scored, scales: dict[str, BaseDistribution], num_trees: int, seed: int) -> dict[str, float]:
    study = optuna.create_study(direction="maximize")
    study.add_trials([create_trial(params=params, distributions=scales, value=value) for params, value in scored])
    evaluator = FanovaImportanceEvaluator(n_trees=num_trees, seed=seed)
    try:
        shares = evaluator.evaluate(study, list(scales))
    except RuntimeError:  # no tree has a variance: the few scores that differ were in none
        return dict.fromkeys(scales, math.nan)
    return {name: float(share) for name, share in shares.items()}


def _linear(scale: BaseDistribution) -> BaseDistribution:
    if isinstance(scale, FloatDistribution) and scale.log:
        return FloatDistribution(math.log10(scale.low), math.log10(scale.high))
    return scale


def _scaled(value: Any, scale: BaseDistribution) -> Any:
    if isinstance(scale, CategoricalDistribution):
        return value
    linear = _linear(scale)
    assert isinstance(linear, FloatDistribution)
    is_log = linear is not scale
    return min(max(math.log10(value) if is_log else float(value), linear.low), linear.high)
