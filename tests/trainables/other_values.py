"""Another value of every knob that a sweep may vary, and what it changes first in a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# What a knob can change, each before what follows from it. The first change is named in `OTHERS`.
CAUSES = ("program", "length", "rate", "views", "loss", "weights", "kept", "metrics")
NOTHING = ""  # but the trial's name


@dataclass(frozen=True)
class Other:
    """Another value of a knob, what it changes first, and what else both trainings need."""

    value: Any
    changes: str
    given: Mapping[str, Any] = field(default_factory=dict)


OTHERS = {
    "learning_rate": Other(1e-2, "rate"),
    "weight_decay": Other(0.1, "weights"),
    "optimizer": Other("adamw", "weights", {"weight_decay": 0.1}),
    "schedule": Other("cosine", "rate"),
    "lr_halving_epochs": Other(1, "rate"),
    "warmup_epochs": Other(1, "rate"),
    "max_epochs": Other(3, "length"),
    "unlabelled_epochs": Other(1, "loss"),
    "loss": Other("weighted", "loss"),
    "focal_gamma": Other(1.0, "loss", {"loss": "focal"}),
    "label_smoothing": Other(0.1, "loss"),
    "ema_decay": Other(0.9, "kept"),
    "rotation_deg": Other(40.0, "views"),
    "interpolation": Other("bilinear", "views"),
    "flip": Other(False, "views"),
    "crop_scale_min": Other(0.3, "views"),
    "brightness": Other(0.4, "views"),
    "contrast": Other(0.4, "views"),
    "mixup_alpha": Other(0.4, "views"),
    "batch_size": Other(8, "loss"),  # batch norm sees fewer images at once
    "image_size_px": Other(64, "views"),
    "precision": Other("bfloat16", "loss"),
    "compiled": Other(True, "program"),
    "dataset": Other("another", NOTHING),  # the images are the store's, whatever it is called
    "method": Other("similarity", "loss", {"knobs": ()}),
    "teacher": Other("wiser", "loss"),
    "student": Other("short", "loss"),
    "unfreeze": Other("last34", "loss", {"student": "densenet121"}),  # frozen batch norms keep their statistics
    "data_fraction": Other(0.5, "views"),
    "init": Other("wise", "loss"),
    "uncertainty": Other("ones", NOTHING),  # photographs of the retina have no uncertain labels
    "beta": Other(30.0, "loss"),
    "knobs": Other((("temperature", 8.0),), "loss"),
    "average_labels": Other("defined", "metrics"),
    "selection_metric": Other("accuracy", "metrics"),
}
