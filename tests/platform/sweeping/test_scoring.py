"""What a sweep is judged by is printed and recorded; a sweep that could not select is refused, with ways out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from PIL import Image

import platform.phantoms.sets
from platform.command_line.sweep_requests import SweepRequest
from platform.sources.images import register
from platform.sources.places import Places
from platform.sweeping.gathering import prepare_sweep
from platform.sweeping.scoring import averaging_lines, checked_averaging, selection_metric
from platform.sweeping.setup import Setup
from tests.typed import typed
from trainables.data.averaging import averaged_labels
from trainables.data.store import Store

NUM_PATIENTS = 30
NO_TEACHER = ["--init", "random", "--cells", "transfer/*", "--image-size", "32"]


def grades(validation: list[int], test: list[int], train: list[int] | None = None) -> Store:
    """Photographs, as many of each class as the lists say; nine of each for training unless it says otherwise."""
    splits = {"train": train or [9] * len(validation), "validation": validation, "test": test}
    of_split = [np.repeat(np.arange(len(counts)), counts) for counts in splits.values()]
    return cast(
        Store,
        SimpleNamespace(
            dataset="eyes",
            task="multiclass",
            label_names=tuple("ABCDE"[: len(validation)]),
            labels=np.concatenate(of_split)[:, None].astype(np.int8),
            split=np.repeat(list(splits), [sum(counts) for counts in splits.values()]),
        ),
    )


@pytest.mark.parametrize(
    ("requested", "task", "message"),
    [
        ("kappa", "multilabel", "--selection-metric of a multilabel set must be one of auc, accuracy, but got kappa"),
        ("f1_weighted", "multilabel", "must be one of auc, accuracy, but got f1_weighted"),
    ],
)
def test_a_metric_that_a_set_does_not_have_is_refused(requested: str, task: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        selection_metric(requested, "auc", task)


def test_the_data_sets_own_metric_is_the_default() -> None:
    assert selection_metric(None, "f1_weighted", "multiclass") == "f1_weighted"
    assert selection_metric("kappa", "f1_weighted", "multiclass") == "kappa"


def test_the_lines_name_what_is_averaged_and_what_is_not() -> None:
    ten = grades([30, 12, 10, 9, 0], [9, 9, 9, 9, 0])
    assert averaging_lines(ten, averaged_labels(ten, "frequent")) == [
        "averaged: 3 of 5 classes, those with at least ten positives and ten negatives in validation; "
        "left out: D (9), E (0)"
    ]
    whole = grades([30, 12], [9, 9])
    (line,) = averaging_lines(whole, averaged_labels(whole, "frequent"))
    assert line.endswith("averaged: 2 of 2 classes, those with at least ten positives and ten negatives in validation")
    three = grades([30, 3, 9, 2, 12], [9, 9, 9, 9, 0])
    first, second = averaging_lines(three, averaged_labels(three, "frequent"))
    assert first == (
        "averaged: 3 of 5 classes, those with at least three positives and three negatives in validation; "
        "left out: D (2), E (one class in the test set)"
    )
    assert second.startswith("WARNING:  UNRELIABLE: 2 of 5 classes have ten positives and ten negatives in validation")
    first, second = averaging_lines(three, averaged_labels(three, "defined"))
    assert first.endswith("among the images scored, as in the paper: 5 of 5 in validation")
    assert "UNRELIABLE" in second


def test_too_few_to_average_is_refused_with_the_ways_out() -> None:
    rare = grades([30, 3, 2, 2, 1], [9, 9, 9, 9, 9])
    with pytest.raises(ValueError, match="at least half of the classes of eyes must have three positives") as caught:
        checked_averaging(rare, "frequent", "auc")
    message = str(caught.value)
    assert (
        "\n" not in message
        and "in 38 and 45 images these have too few: C (2), D (2), E (1); merge rare classes" in message
    )
    assert all(
        way in message for way in ("--validation-share", "--average-labels defined", "--selection-metric accuracy")
    )
    with pytest.raises(ValueError, match="--average-labels defined") as caught:
        checked_averaging(rare, "frequent", "f1_weighted")
    assert "--selection-metric" not in str(caught.value)
    assert checked_averaging(rare, "defined", "auc").names == ("A", "B", "C", "D", "E")


@pytest.mark.parametrize("metric", ["auc", "kappa"])
def test_a_metric_that_is_not_defined_in_validation_is_refused(metric: str) -> None:
    alone = grades([12, 0], [9, 9])
    message = (
        rf"must be defined .*, but {metric} is not on the 12 validation images of eyes \(positives: A 12, B 0\): add"
    )
    with pytest.raises(ValueError, match=message) as caught:
        checked_averaging(alone, "defined", metric)
    assert "--validation-share" in str(caught.value) and "--selection-metric accuracy" in str(caught.value)
    assert checked_averaging(alone, "defined", "accuracy").names == ()
    with pytest.raises(ValueError, match=r"in each split, but in the 12 images for validation none has"):
        checked_averaging(alone, "defined", "f1_weighted")


@pytest.mark.parametrize(
    ("train", "test", "split"), [([9, 0], [5, 5], "9 images for train"), ([9, 9], [0, 7], "7 images for test")]
)
def test_one_class_alone_is_neither_learned_nor_measured(train: list[int], test: list[int], split: str) -> None:
    message = rf"each split, but in the {split} none has \(positives: A \d, B \d\): merge rare classes"
    with pytest.raises(ValueError, match=message):
        checked_averaging(grades([6, 6], test, train), "defined", "accuracy")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty images, none of which shows either of the two labels."""
    folder = tmp_path_factory.mktemp("own")
    lines = ["image,patient,Edema,Mass"]
    for number in range(60):
        Image.new("L", (40, 40), number).save(folder / f"{number}.png")
        lines.append(f"{number}.png,p{number},0,0")
    (folder / "few.csv").write_text("\n".join(lines))
    return folder / "few.csv"


def prepared(own: Path, tmp_path: Path, *flags: str) -> Setup:
    places = Places.under(tmp_path / "results")
    register(own, places)
    return prepare_sweep(typed(SweepRequest, "few", *NO_TEACHER, *flags), places)


def test_sixty_images_without_a_positive_in_validation_are_refused_before_the_first_trial(
    own: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"too few: Edema \(0\), Mass \(0\); merge rare labels, .*-metric accuracy"):
        prepared(own, tmp_path)
    with pytest.raises(ValueError, match=r"auc is not on the 6 validation images of few \(positives: Edema 0, "):
        prepared(own, tmp_path, "--average-labels", "defined")
    with pytest.raises(ValueError, match="in the 48 images for train none has"):
        prepared(own, tmp_path, "--average-labels", "defined", "--selection-metric", "accuracy")


@pytest.fixture(scope="module")
def drawn(draw_phantoms: Callable[..., Path]) -> Path:
    return draw_phantoms(retina=NUM_PATIENTS)


@pytest.mark.parametrize(("rule", "least"), [("frequent", "3"), ("defined", "1")])
def test_the_averaged_labels_stand_in_the_tags_of_parent_and_trials_and_decide_the_name(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: str, least: str
) -> None:
    monkeypatch.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", 32)
    places = Places.under(tmp_path)
    shutil.copytree(drawn, places.phantoms)
    flags = ["retina", *NO_TEACHER, "--phantom-size", str(NUM_PATIENTS), "--average-labels", rule]
    setup = prepare_sweep(typed(SweepRequest, *flags), places)
    record = setup.plan([]).next()
    assert record is not None
    tags = setup.tags(record)
    names = [setup.facts[name] for name in ("averaged_labels", "average_rule", "average_min_positives")]
    assert json.loads(names[0]) == list(setup.averaging.names) and len(setup.averaging.names) >= 3
    assert names[1:] == [rule, least] and setup.facts["average_is_reliable"] == "false"
    assert {name: tags[name] for name in setup.facts if name.startswith("average")} == {
        name: value for name, value in setup.facts.items() if name.startswith("average")
    }
    text = setup.announcement(setup.plan([]), places)
    assert "  averaged: " in text and "  WARNING:  UNRELIABLE: " in text
    assert record.spec.config.average_labels == rule
    assert json.loads(setup.facts["settings"])["average_labels"] == rule
    other = prepare_sweep(typed(SweepRequest, *flags, "--selection-metric", "accuracy"), places)
    other_record = other.plan([]).next()
    assert other.name != setup.name and other_record is not None and other_record.spec.key != record.spec.key
