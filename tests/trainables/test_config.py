"""Every rule of a trial's configuration."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace

import pytest

from trainables.config import TrialConfig
from trainables.knob import knobs

TRANSFER = TrialConfig(dataset="retina", method="transfer")
ATTENTION = TrialConfig(dataset="retina", teacher="imagenet", beta=60.0)
# Of each number, what is just allowed, and what is just not.
EDGES: dict[str, tuple[list[float], list[float]]] = {
    "learning_rate": ([1e-12], [0.0]),
    "weight_decay": ([0.0], [-1e-12]),
    "lr_halving_epochs": ([1], [0]),
    "warmup_epochs": ([0], [-1]),
    "max_epochs": ([1], [0]),
    "unlabelled_epochs": ([0], [-1]),
    "focal_gamma": ([0.0, 10.0], [-0.1, 10.1]),
    "label_smoothing": ([0.0, 0.5], [-0.1, 0.51]),
    "ema_decay": ([0.0, 0.99999], [-0.1, 1.0]),
    "rotation_deg": ([0.0, 180.0], [-0.1, 180.1]),
    "crop_scale_min": ([0.05, 1.0], [0.04, 1.01]),
    "brightness": ([0.0, 1.0], [-0.1, 1.1]),
    "contrast": ([0.0, 1.0], [-0.1, 1.1]),
    "mixup_alpha": ([0.0, 10.0], [-0.1, 10.1]),
    "batch_size": ([1], [0]),
    "image_size_px": ([32], [0, 48]),
    "data_fraction": ([1e-12, 1.0], [0.0, 1.01]),
    "seed": ([0], [-1]),
    "order_seed": ([0], [-1]),
    "init_seed": ([0], [-1]),
    "split_draw": ([0], [-1]),
    "num_folds": ([0, 20], [-1, 21]),
    "fold": ([0], [-1]),
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"beta": 0.0}, r"1 <= beta <= 2000 must hold, but got beta=0\.0"),
        ({"beta": 2001.0}, r"but got beta=2001\.0"),
        ({"beta": float("nan")}, r"but got beta=nan"),
        (
            {"beta": None},
            r"beta must be given exactly where there is a teacher, but got beta=None with teacher='imagenet'",
        ),
        ({"teacher": "none"}, r"but got beta=60\.0 with teacher='none'"),
        ({"max_epochs": 0}, r"max_epochs >= 1 must hold, but got max_epochs=0"),
        ({"batch_size": 0}, r"batch_size=0"),
        ({"method": "itself", "student": "none"}, r"itself must have .* no beta, but got .*'none', beta=60\.0"),
        ({"method": "itself", "beta": None}, r"itself must have .* no student .* student='densenet121', beta=None"),
        (
            {"method": "itself", "teacher": "none", "student": "none", "beta": None},
            r"itself must have a teacher, .* but got teacher='none'",
        ),
        ({"lr_halving_epochs": 0}, r"lr_halving_epochs=0"),
        ({"seed": -1}, r"seed=-1"),
        ({"data_fraction": 0.0}, r"0 < data_fraction <= 1 must hold, but got data_fraction=0\.0"),
        ({"data_fraction": 1.5}, r"data_fraction=1\.5"),
        ({"learning_rate": 0.0}, r"learning_rate=0\.0"),
        ({"learning_rate": float("inf")}, r"learning_rate=inf"),
        ({"weight_decay": -1e-3}, r"weight_decay=-0\.001"),
        ({"rotation_deg": 270.0}, r"rotation_deg=270\.0"),
        ({"image_size_px": 100}, r"multiple of 32, but got image_size_px=100"),
        ({"image_size_px": 0}, r"image_size_px=0"),
        ({"phase": "test"}, r"phase must be one of pretrain, search, confirm, but got 'test'"),
        ({"uncertainty": "maybe"}, r"uncertainty must be one of zeros, ones, ignore, but got 'maybe'"),
        ({"interpolation": "cubic"}, r"interpolation must be one of nearest, bilinear, but got 'cubic'"),
        ({"average_labels": "common"}, r"average_labels must be one of frequent, defined, but got 'common'"),
        ({"selection_metric": "loss"}, r"selection_metric must be one of auc, f1_weighted, .*, but got 'loss'"),
        ({"loss": "hinge"}, r"loss must be one of ce, weighted, focal, but got 'hinge'"),
        ({"focal_gamma": 1.0}, r"focal_gamma is the focal loss's, but got focal_gamma=1 with loss='ce': give --loss"),
        (
            {"schedule": "cosine", "lr_halving_epochs": 8},
            r"lr_halving_epochs=8 with schedule='cosine': give --schedule",
        ),
        (
            {"warmup_epochs": 5, "max_epochs": 5},
            r"warmup_epochs < max_epochs .* warmup_epochs=5 and max_epochs=5: give",
        ),
        ({"optimizer": "sgd"}, r"optimizer must be one of adam, adamw, but got 'sgd'"),
        ({"label_smoothing": 0.6}, r"0 <= label_smoothing <= 0\.5 must hold, but got label_smoothing=0\.6"),
        ({"ema_decay": 1.0}, r"0 <= ema_decay <= 0\.99999 must hold, but got ema_decay=1\.0"),
        ({"crop_scale_min": 0.0}, r"0\.05 <= crop_scale_min <= 1 must hold, but got crop_scale_min=0\.0"),
        ({"brightness": 1.5}, r"0 <= brightness <= 1 must hold, but got brightness=1\.5"),
        ({"mixup_alpha": -0.2}, r"0 <= mixup_alpha <= 10 must hold, but got mixup_alpha=-0\.2"),
        (
            {"init": "matched-random"},
            r"matched-NAME must name weights .*, but got init='matched-random': give the name",
        ),
        ({"init": "matched-"}, r"but got init='matched-'"),
        ({"precision": "half"}, r"precision must be one of float32, bfloat16, but got 'half'"),
        ({"num_folds": 1}, r"two folds or more, and fold <= num_folds must hold, but got num_folds=1, fold=0"),
        ({"num_folds": 2, "fold": 3}, r"but got num_folds=2, fold=3"),
        ({"num_folds": 2, "split_draw": 1}, r"so none is drawn anew, but got split_draw=1 with num_folds=2"),
    ],
)
def test_each_rule_names_the_value_that_breaks_it(change, message):
    with pytest.raises(ValueError, match=message):
        replace(ATTENTION, **change)


@pytest.mark.parametrize("name", [knob.name for knob in knobs(TrialConfig) if math.isfinite(knob.low)])
def test_a_number_may_be_as_large_and_as_small_as_its_rule_says_and_no_more(name: str) -> None:
    (knob,) = (each for each in knobs(TrialConfig) if each.name == name)
    allowed, refused = EDGES[name]
    for value in allowed:
        knob.check(value)
    for value in refused:
        with pytest.raises(ValueError, match=rf"{name}={value!r}"):
            knob.check(value)


def test_the_paper_says_how_long_and_how_fast_is_trained() -> None:
    rates = (TRANSFER.learning_rate, TRANSFER.lr_halving_epochs, TRANSFER.max_epochs)
    assert rates == (5e-5, 16, 128) and (TRANSFER.rotation_deg, TRANSFER.flip) == (15, True)


def test_splits_are_drawn_anew_or_are_folds() -> None:
    assert replace(TRANSFER, split_draw=3).split_draw == 3
    assert replace(TRANSFER, num_folds=5, fold=5).fold == 5


def test_a_cell_is_named_by_its_column_and_its_fraction():
    assert TRANSFER.cell.name == "transfer/none/densenet121/all"
    assert (
        replace(ATTENTION, data_fraction=0.25, student="densenet40").cell.name
        == "attention/imagenet/densenet40/all@0.25"
    )


def test_a_configuration_survives_plain_values_and_unknown_fields_are_named():
    assert TrialConfig.from_dict(asdict(ATTENTION)) == ATTENTION
    distillation = replace(ATTENTION, method="distillation", beta=3.0, knobs=(("temperature", 2.0),))
    assert TrialConfig.from_dict(json.loads(json.dumps(asdict(distillation)))) == distillation
    with pytest.raises(ValueError, match="no field dropout"):
        TrialConfig.from_dict({**asdict(ATTENTION), "dropout": 0.1})
