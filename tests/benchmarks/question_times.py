"""How long a question to a sampler takes, and one to ASHA, by the number of trials that are known.

Part of `python -m tests.benchmarks.scaling`.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from ray.tune.schedulers import AsyncHyperBandScheduler

from platform.sweeping.studies import make_studies
from search_spaces.retina import SPACE
from tests.benchmarks import targets

NUM_ROUNDS = 30


def print_questions() -> None:
    """A row per number of trials that a study knows."""
    print(
        "trials known | a question in a cell's study, ms: the first, the median and the longest of the next | "
        "in a joint study | a decision at a rung, ms"
    )
    for num_known in (100, 1_000, 10_000):
        asked = {mode: ask_s(mode, num_known) for mode in ("optuna", "joint")}
        texts = [", ".join(f"{1e3 * each:.0f}" for each in seconds) for seconds in asked.values()]
        print(f"{num_known} | {' | '.join(texts)} | {1e3 * rung_s(num_known):.2f}", flush=True)
    for mode, (_, median_s, _) in asked.items():
        targets.question(mode, num_known).judge(1e3 * median_s, NUM_ROUNDS)


def ask_s(mode: str, num_known: int, num_rounds: int = NUM_ROUNDS) -> tuple[float, float, float]:
    """Seconds of a question to a study that knows `num_known` trials: the first one after it was rebuilt from a record,
    and, of the next ones, between which each trial ends, the median and the longest.
    """
    space, rng = SPACE, random.Random(0)
    if mode == "optuna":
        space = space.narrowed(["attention/imagenet/densenet121/all"])
    (study,) = make_studies(space, mode, 1 << 20, 0)
    for number in range(num_known):
        cell = study.cells[number] if number < len(study.cells) else rng.choice(study.cells)
        study.take_up(number, {name: _drawn(of, rng) for name, of in space.ranges(cell).items()}, cell.name)
        study.tell(number, rng.random())
    taken = []
    for _ in range(1 + num_rounds):
        started_s = time.perf_counter()
        number, _params = study.ask()
        taken.append(time.perf_counter() - started_s)
        study.tell(number, rng.random())
    return taken[0], statistics.median(taken[1:]), max(taken[1:])


def _drawn(over: Any, rng: random.Random) -> float:
    return (
        math.exp(rng.uniform(math.log(over.low), math.log(over.high))) if over.log else rng.uniform(over.low, over.high)
    )


def rung_s(num_known: int, num_rounds: int = 200) -> float:
    """The median seconds of a decision at a rung that `num_known` trials have reached."""
    bracket = AsyncHyperBandScheduler(time_attr="epoch", metric="best_score", mode="max", max_t=16)
    rng = random.Random(0)

    def judge(number: int) -> None:
        trial: Any = SimpleNamespace(trial_id=str(number))
        nobody: Any = None
        bracket.on_trial_add(nobody, trial)
        bracket.on_trial_result(nobody, trial, {"epoch": 1, "best_score": rng.random()})

    bracket_of_first = bracket._brackets[0]
    judge(0)
    bracket_of_first._rungs[-1][1].update({f"known {number}": rng.random() for number in range(num_known)})
    numbers = iter(range(1, num_rounds + 1))
    return _median_s(lambda: judge(next(numbers)), num_rounds)


def _median_s(work: Callable[[], object], num_rounds: int) -> float:
    taken = []
    for _ in range(num_rounds):
        started_s = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started_s)
    return statistics.median(taken)
