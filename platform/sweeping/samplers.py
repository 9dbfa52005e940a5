"""What suggests a trial's parameters: the samplers that ``--searcher`` names.

All of them are Optuna's, and each is made anew for every question (`platform.sweeping.asking`), so that a search
that is resumed goes on as if it had never been interrupted. Optuna is imported where a sampler is made, since the help
of the commands lists their names.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from platform.sweeping import shown_trials
from platform.sweeping.shown_trials import Shown

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

# Drawn at random before a sampler learns. The same for every budget, so that a search that is given more trials goes
# on as if it had had them from the beginning. In simulated searches of 6 and 12 trials 3 was better than 5, 8 and 10,
# and with 40 trials no worse.
STARTUP_TRIALS = 3
# TPE's density of the good trials never has more than 25. That of the others is no finer with more than some hundreds,
# since no kernel is narrower than a hundredth of its range.
TPE_SHOWN = shown_trials.outstanding_and_spread(1_000, few=500, best=25, newest=25)
GP_SHOWN = shown_trials.outstanding_and_spread(
    200, few=150, best=50
)  # a question takes time by the cube of what is shown
CMA_ES_SHOWN = shown_trials.latest(500)  # many more than run at once and than a generation has, 4 + 3 ln(parameters)


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """A way to suggest parameters.

    Args:
        title: as a methods section names it.
        description: one line that says how it suggests.
        source: the paper that describes it.
        make: from a seed, and whether some trials have parameters that others lack, to Optuna's sampler.
        shown: which of the known trials it is shown.
        learns: whether earlier trials change what it suggests.
        searches_jointly: whether it learns about choices, and about parameters that only some trials have.
        keeps_notes: whether it keeps what it has learnt in the attributes of the trials.
    """

    title: str
    description: str
    source: str
    make: Callable[[int, bool], BaseSampler]
    shown: Shown
    learns: bool = True
    searches_jointly: bool = True
    keeps_notes: bool = False


def _tpe(seed: int, is_conditional: bool) -> BaseSampler:
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(
            seed=seed,
            n_startup_trials=STARTUP_TRIALS,
            multivariate=True,
            group=is_conditional,
            constant_liar=True,  # running trials count as poor, so that two slots do not try the same
        )


def _random(seed: int, is_conditional: bool) -> BaseSampler:
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=seed)


def _gp(seed: int, is_conditional: bool) -> BaseSampler:
    from optuna.samplers import GPSampler

    # It would warn that a package is absent with which it may be faster.
    logging.getLogger("optuna._gp.batched_lbfgsb").setLevel(logging.ERROR)
    return GPSampler(seed=seed, n_startup_trials=STARTUP_TRIALS, warn_independent_sampling=False)


def _cma_es(seed: int, is_conditional: bool) -> BaseSampler:
    from optuna.samplers import CmaEsSampler

    return CmaEsSampler(seed=seed, n_startup_trials=STARTUP_TRIALS, warn_independent_sampling=False)


SAMPLERS: Mapping[str, Sampler] = {
    "tpe": Sampler(
        title="TPE",
        description="where good trials are denser than poor ones",
        source="Bergstra et al., NeurIPS 2011; Falkner et al., ICML 2018",
        make=_tpe,
        shown=TPE_SHOWN,
    ),
    "random": Sampler(
        title="random",
        description="at random, whatever earlier trials scored",
        source="Bergstra and Bengio, JMLR 2012",
        make=_random,
        shown=shown_trials.none,
        learns=False,
    ),
    "gp": Sampler(
        title="GP",
        description="where a Gaussian process of about 200 trials at most expects to improve, in a second a question; "
        "not for a joint search",
        source="Snoek et al., NeurIPS 2012; Ament et al., NeurIPS 2023",
        make=_gp,
        shown=GP_SHOWN,
        searches_jointly=False,
    ),
    "cma-es": Sampler(
        title="CMA-ES",
        description="from a normal distribution that each generation of trials moves and reshapes; not for a joint "
        "search",
        source="Hansen and Ostermeier, Evolutionary Computation 2001; Loshchilov and Hutter, ICLR 2016 workshops",
        make=_cma_es,
        shown=CMA_ES_SHOWN,
        searches_jointly=False,
        keeps_notes=True,
    ),
}
DEFAULT_SEARCHER = "tpe"


def check_searcher(searcher: str | None, mode: str) -> None:
    """Refuses a sampler that a search cannot use; None, where none is named, is always right.

    Args:
        mode: the search, as ``--search`` has it.

    Raises:
        ValueError: there is none of that name, a grid has none, or it cannot search all cells together.
    """
    if searcher is None:
        return
    if searcher not in SAMPLERS:
        raise ValueError(f"the searcher must be one of {', '.join(SAMPLERS)}, but got {searcher!r}")
    if mode == "grid":
        raise ValueError(
            f"the points of a grid are given, so that nothing suggests them, but got --searcher {searcher} with "
            "--search grid: leave out one of the two"
        )
    if mode == "joint" and not SAMPLERS[searcher].searches_jointly:
        able = [name for name, sampler in SAMPLERS.items() if sampler.searches_jointly]
        raise ValueError(
            "a joint search chooses between cells, whose parameters differ, so its searcher must be one of "
            f"{', '.join(able)}, but got --searcher {searcher} with --search joint: take one of these, or --search "
            "optuna, which searches each cell by itself"
        )


def in_words(mode: str, searcher: str) -> str:
    """A search and its sampler, by their names."""
    return "grid search" if mode == "grid" else f"{mode} search by {searcher}"
