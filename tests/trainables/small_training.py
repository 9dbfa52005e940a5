"""A training of a small student on a few photographs, for the tests of the loop and of what it calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from trainables.config import TrialConfig
from trainables.data.readers import retina
from trainables.data.store import Store
from trainables.data.store_making import prepare
from trainables.teachers.guide import Guide
from trainables.training import EpochResult, Training

CPU = torch.device("cpu")


def prepared(root: Path, image_size_px: int) -> Store:
    out = root.parent / f"{image_size_px}.arrow"
    listing = retina.read(root)
    return prepare(listing, out, image_size_px=image_size_px, salt=b"salt", num_threads=1, progress=False)


def config_of(**changes: Any) -> TrialConfig:
    return TrialConfig(
        **{
            "dataset": "retina",
            "method": "transfer",
            "learning_rate": 1e-3,
            "max_epochs": 3,
            "batch_size": 6,
            "image_size_px": 32,
            "selection_metric": "f1_weighted",
            **changes,
        }
    )


def small_student() -> nn.Module:
    """With batch norm, whose running statistics a resumed training must find again."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=4),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 5),
    )


def make(
    store: Store,
    network: nn.Module | None = None,
    guide: Guide | None = None,
    *,
    device: torch.device = CPU,
    **changes: Any,
) -> Training:
    return Training(
        config=config_of(**changes),
        store=store,
        student=network or small_student(),
        guide=guide,
        device=device,
    )


def numbers(results: list[EpochResult]) -> list[dict[str, float]]:
    """All metrics but the speed."""
    return [{name: value for name, value in r.metrics.items() if name != "images_per_s"} for r in results]
