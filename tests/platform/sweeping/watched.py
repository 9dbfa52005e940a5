"""A plan whose progress a test watches, by a clock that the test turns."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

from platform.sweeping.forecast import Estimate
from platform.sweeping.plan import Plan
from platform.sweeping.progress import Progress
from platform.sweeping.studies import make_studies
from search_spaces.retina import SPACE
from search_spaces.space import controls_of
from trainables.cell import Cell
from trainables.config import TrialConfig
from trainables.trial import TrialSpec

TIME_OF_DAY = re.compile(r"^\d\d:\d\d:\d\d ")
PLAIN, GUIDED = "transfer/none/densenet40/all", "attention/imagenet/densenet40/all"


def make_plan(cell: str = PLAIN, max_epochs: int = 4, num_trials: int = 2, **knobs: Any) -> Any:
    def spec_of(config: TrialConfig) -> TrialSpec:
        return TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s")

    base = TrialConfig(dataset="retina", method="transfer", max_epochs=max_epochs, **knobs)
    space = replace(SPACE, cells=(*SPACE.cells, *controls_of(["imagenet"])))
    studies = make_studies(space.narrowed([cell]), "optuna", num_trials, seed=7)
    return Plan(studies, base, spec_of, 1)


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class OneMinutePerTrial:
    """In the place of a forecast; keeps what it is told of epochs."""

    def __init__(self) -> None:
        self.learnt: list[tuple[str, float]] = []

    def learn(self, cell: Cell, epoch: int, seconds: float) -> None:
        self.learnt.append((cell.name, seconds))

    def left(self, plan: Plan) -> Estimate:
        return Estimate(likely_s=60.0 * plan.num_open_trials, most_s=0.0)


class Watched:
    """A plan, its progress, and what it has printed."""

    def __init__(self, plan: Any, stream: io.StringIO | None = None, *, has_forecast: bool = True) -> None:
        self.plan, self.clock, self.stream = plan, Clock(), stream or io.StringIO()
        self.forecast = OneMinutePerTrial()
        forecast: Any = self.forecast if has_forecast else None
        self.progress = Progress(plan, forecast, stream=self.stream, clock=self.clock)

    def epoch(self, record: Any, took_s: float, score: float, **metrics: float) -> None:
        self.clock.now_s += took_s
        record.best_scores.append(max([score, *record.best_scores]))
        number = len(record.best_scores)
        result = {"score": score, "best_score": record.best_scores[-1], "epoch_s": took_s, **metrics}
        self.progress.note(record, number, result)
        self.progress.epoch(record, number, result)

    def end(self, record: Any, status: str = "FINISHED", error: str = "") -> None:
        record.status, record.error = status, error
        self.plan.settle(record)
        self.progress.end(record)

    def lines(self) -> list[str]:
        """What was printed since the last time, without the times of day."""
        lines = self.stream.getvalue().splitlines()
        self.stream.truncate(0)
        self.stream.seek(0)
        return [TIME_OF_DAY.sub("", line) for line in lines]


def messages(lines: list[str]) -> list[str]:
    """What the lines say of their trials."""
    return [line.split(": ", 1)[1] for line in lines]
