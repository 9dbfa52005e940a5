"""Another hospital's images in the record: that they were opened, once per sweep, and what was predicted for them.

A sweep's parent run has the tag ``external_TARGET``, and each confirming repeat the file ``external/TARGET.parquet``,
in the form of ``predictions.parquet`` with the word ``external`` in the column ``split``. Its labels are those that
both sets have, under the names that the students know them by. A teacher that no cell scores has its file beside the
parent run, with the students' own test images in it too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import pandas as pd

from analysis.reading import artifacts, predictions
from analysis.reading.predictions import Predictions
from analysis.reading.trials import Runs

TAG = "external_"
SPLIT = "external"  # the word in the column of that name
FOLDER = "external"
IN_WORDS = {"fingerprint": "fingerprint of the images", "part": "part of the images", "labels": "labels"}


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What a sweep has opened of another data set: the value of its tag."""

    target: str
    data: str  # "phantom" or "real"
    fingerprint: str  # of the prepared images and their split
    part: str  # "test" or "all": which of them
    labels: Mapping[str, str]  # the students' label -> the same one as the target has it
    num_images: int
    num_patients: int
    opened: str  # the day, as ``2026-11-26``
    remarks: tuple[str, ...] = ()  # which patients may have been seen in training, where that was allowed or unknown
    teachers: tuple[str, ...] = ()  # that no cell scores, and that have a file of their own

    @property
    def tag(self) -> str:
        """The name of the tag."""
        return TAG + self.target

    @property
    def text(self) -> str:
        """The value of the tag; a label that has one name in both sets is written once, since tags are short."""
        labels = {own: "" if own == other else other for own, other in self.labels.items()}
        return json.dumps(
            {name: value for name, value in asdict(self).items() if name != "target"} | {"labels": labels}
        )

    def differs(self, other: Opened) -> str:
        """What cannot be another image, label or part without opening something else, in words; "" for nothing."""
        names = [name for name in IN_WORDS if getattr(self, name) != getattr(other, name)]
        return "; ".join(f"{IN_WORDS[name]}: {getattr(self, name)} then, {getattr(other, name)} now" for name in names)


def opened(sweeps: pd.DataFrame) -> dict[str, list[Opened]]:
    """What these sweeps (`Runs.sweeps`) have opened, by target, in the order of the sweeps."""
    columns = [name for name in sweeps if str(name).startswith(f"tags.{TAG}")]
    found: dict[str, list[Opened]] = {}
    for name in sorted(columns):
        target = str(name).removeprefix(f"tags.{TAG}")
        for text in sweeps[name].dropna():
            found.setdefault(target, []).append(_parsed(target, str(text)))
    return found


def _parsed(target: str, text: str) -> Opened:
    values = json.loads(text)
    values["labels"] = {own: other or own for own, other in values["labels"].items()}
    return Opened(target=target, **{**values, **{name: tuple(values[name]) for name in ("remarks", "teachers")}})


def file_of(target: str) -> str:
    """Where a run keeps its predictions for a target, among its artifacts."""
    return f"{FOLDER}/{target}.parquet"


def file_of_teacher(target: str, teacher: str) -> str:
    """Where a sweep keeps those of a teacher that no cell scores, among the artifacts of its parent run."""
    return f"{FOLDER}/{target}/{teacher}.parquet"


@dataclass(frozen=True, kw_only=True)
class BothHospitals:
    """A cell, or a teacher, on the students' own test images and on the other hospital's."""

    here: list[Predictions]
    there: list[Predictions]  # the same repeats in the same order
    validated: list[Predictions]  # their own validation images; without rows where there are no predictions of these

    @property
    def label_names(self) -> tuple[str, ...]:
        """What both have predictions for, in the order of the students' outputs."""
        return self.there[0].label_names


def of_cells(runs: Runs, target: str) -> dict[str, BothHospitals]:
    """The cells with repeats that have answered both; repeats that have answered one alone are left out.

    Raises:
        ValueError: as `analysis.reading.predictions.load`.
    """
    cells = {}
    for cell, repeats in runs.confirm.groupby("tags.cell", sort=False):
        read = [each for _, run in repeats.iterrows() if (each := _of_run(runs.tracking_uri, run, target)) is not None]
        if read:
            here, there, validated = (list(side) for side in zip(*read, strict=True))
            cells[str(cell)] = BothHospitals(here=here, there=there, validated=validated)
    return cells


def _of_run(uri: str, run: pd.Series, target: str) -> tuple[Predictions, Predictions, Predictions] | None:
    path = artifacts.of_run(uri, run, file_of(target))
    here = predictions.load(uri, run) if path is not None else None
    validated = predictions.load(uri, run, predictions.VALIDATION) if here is not None else None
    if path is None or here is None or validated is None:
        return None
    there = predictions.from_frame(pd.read_parquet(path), str(run["params.uncertainty"]), split=SPLIT)
    return with_labels(here, there.label_names), there, with_labels(validated, there.label_names)


def of_teachers(runs: Runs, record: Opened) -> dict[str, BothHospitals]:
    """The teachers that no cell scores, by name; a label that is uncertain counts as negative, as by default."""
    found = {}
    for name in record.teachers:
        for _, parent in runs.sweeps.iterrows():
            path = artifacts.of_run(runs.tracking_uri, parent, file_of_teacher(record.target, name))
            if path is not None:
                frame = pd.read_parquet(path)
                sides = (predictions.TEST, SPLIT, predictions.VALIDATION)
                here, there, validated = ([predictions.from_frame(frame, split=side)] for side in sides)
                if len(here[0].images):
                    found[name] = BothHospitals(here=here, there=there, validated=validated)
    return found


def with_labels(repeat: Predictions, names: tuple[str, ...]) -> Predictions:
    """The same predictions for these labels alone, in this order."""
    columns = [repeat.label_names.index(name) for name in names]
    return replace(
        repeat,
        label_names=names,
        probabilities_NL=repeat.probabilities_NL[:, columns],
        positive_NL=repeat.positive_NL[:, columns],
        known_NL=repeat.known_NL[:, columns],
        averaged_L=repeat.averaged_L[columns],
    )
