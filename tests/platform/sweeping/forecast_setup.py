"""A sweep of a hundred training images whose paces are round numbers, for forecasts that are worked by hand."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from platform.sweeping.forecast import Forecast
from platform.sweeping.plan import Plan
from platform.sweeping.studies import make_studies
from search_spaces.retina import SPACE
from search_spaces.space import controls_of
from trainables.config import TrialConfig
from trainables.pace import Pace
from trainables.trial import TrialSpec

COUNTS = {"train": 100, "validation": 20, "test": 30}
PLAIN, GUIDED = "transfer/none/densenet40/all", "attention/imagenet/densenet40/all"
PACE = Pace(
    train_s=0.1, teach_s=0.02, evaluate_s=0.05, save_s=1.0, start_s=2.0, weights_bytes=1_000_000, knowledge_bytes=100
)


def spec_of(config: TrialConfig) -> TrialSpec:
    return TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s")


def rows(split: str, fraction: float = 1.0) -> Any:
    return np.arange(round(COUNTS[split] * fraction))


def setup_of(*cells: str, max_epochs: int = 4, cache_bytes: int = 10**9) -> Any:
    space = replace(SPACE, cells=(*SPACE.cells, *controls_of(["imagenet"]))).narrowed(cells)
    images = SimpleNamespace(rows=rows, num_images=150)
    return SimpleNamespace(
        store=images,
        splits=SimpleNamespace(first=images),
        redraw_lines=[],
        scheduler="asha",
        stores={256: images},
        max_epochs=max_epochs,
        cache_bytes=cache_bytes,
        space=space,
        base=TrialConfig(dataset="retina", method="transfer", max_epochs=max_epochs),
        teachers={
            name: SimpleNamespace(architecture="densenet121") for name in ("imagenet", "mimic-cxr", "random-weights")
        },
        spec=spec_of,
        job=lambda record: record.spec.config,
    )


def plan_of(setup: Any, *, search: str = "grid", num_trials: int = 1, num_repeats: int = 2) -> Plan:
    studies = make_studies(setup.space, search, num_trials, seed=7)
    return Plan(studies, setup.base, spec_of, num_repeats)


def forecast_of(setup: Any, num_slots: int = 1) -> Forecast:
    return Forecast(setup=setup, paces=dict.fromkeys(setup.space.cells, PACE), num_slots=num_slots)
