"""The requests that look at trained students: evaluations and exports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from platform.command_line.image_requests import ImagesRequest, TrackingRequest
from platform.command_line.option import MACHINES, OUTPUT, option, switch
from platform.command_line.values import (
    EXPORT_FORMATS,
    channels,
    export_formats,
    plain_name,
    positive_int,
    whole_number,
)
from trainables.knob import LENGTH, QUESTION

NUM_SHOTS = (1, 5, 10, 20)
NUM_IMAGES = (10, 25, 50, 100, 250)


@dataclass(frozen=True, kw_only=True)
class ResultsAtHandRequest(TrackingRequest):
    """Where runs and their files lie."""

    results: Path | None = option(
        "the sweep's results",
        default=None,
        default_in_words="where mlflow.db is, or TRANSFER_RESULTS, or results",
        heading=MACHINES,
        parse=Path,
        metavar="DIR",
    )


@dataclass(frozen=True, kw_only=True)
class RecordedRequest(ResultsAtHandRequest):
    """Which runs in MLflow, and where what is made of them goes."""

    out: Path | None = option(
        "folder to write into",
        default=None,
        default_in_words="in --results, named after the runs",
        heading=OUTPUT,
        parse=Path,
        metavar="DIR",
    )


@dataclass(frozen=True, kw_only=True)
class StudentsRequest(ImagesRequest, ResultsAtHandRequest):
    """All confirmed students of a data set, and images to evaluate them on."""

    KIND: ClassVar[str]

    dataset: str = option(
        "data set that the students learned", heading=QUESTION, parse=plain_name, metavar="NAME", decides=True
    )
    sweep: str | None = option(
        "only the students of this sweep",
        default=None,
        heading=QUESTION,
        parse=plain_name,
        metavar="NAME",
        decides=True,
    )


@dataclass(frozen=True, kw_only=True)
class EvaluateRequest(StudentsRequest, RecordedRequest):
    """What all evaluations of students on unseen classes have in common."""

    seed: int = option(
        "seed of the random draws", default=0, heading=QUESTION, parse=whole_number, metavar="N", decides=True
    )


@dataclass(frozen=True, kw_only=True)
class FewShotRequest(EvaluateRequest):
    """A linear classifier on a few images of a class."""

    KIND = "few-shot"

    target: str | None = option(
        "data set of the classes to learn",
        default=None,
        default_in_words="the students' own, for the finding that was held out",
        heading=QUESTION,
        parse=plain_name,
        metavar="DATASET",
        decides=True,
    )
    findings: tuple[str, ...] | None = option(
        "classes to learn",
        default=None,
        default_in_words="all that the students were not trained on",
        heading=QUESTION,
        several=True,
        metavar="NAME",
        decides=True,
    )
    shots: tuple[int, ...] = option(
        "numbers of images of the class",
        default=NUM_SHOTS,
        heading=LENGTH,
        parse=positive_int,
        several=True,
        metavar="K",
        decides=True,
    )
    episodes: int = option(
        "random draws for each number of images",
        default=200,
        heading=LENGTH,
        parse=positive_int,
        metavar="N",
        decides=True,
    )


@dataclass(frozen=True, kw_only=True)
class NewDiseaseRequest(EvaluateRequest):
    """AUC of the held-out finding, by the number of its images in training."""

    KIND = "new-disease"

    sweep: str = option(
        "a sweep that was run with --hold-out", heading=QUESTION, parse=plain_name, metavar="NAME", decides=True
    )
    n: tuple[int, ...] = option(
        "numbers of images of the finding",
        default=NUM_IMAGES,
        heading=LENGTH,
        parse=positive_int,
        several=True,
        metavar="N",
        decides=True,
    )
    draws: int = option(
        "random draws for each number of images",
        default=20,
        heading=LENGTH,
        parse=positive_int,
        metavar="N",
        decides=True,
    )


@dataclass(frozen=True, kw_only=True)
class StudentRequest(RecordedRequest):
    """One confirmed student."""

    run: str = option(
        "id of a confirming repeat, or the beginning of an id; or a cell, for its best repeat on the validation set",
        flag=None,
        metavar="RUN",
    )
    dataset: str | None = option(
        "the data set, if RUN is a cell", default=None, heading=QUESTION, parse=plain_name, metavar="NAME"
    )
    sweep: str | None = option(
        "only the runs of this sweep, if RUN is a cell",
        default=None,
        heading=QUESTION,
        parse=plain_name,
        metavar="NAME",
    )
    channels: int | None = option(
        "channels of the student's images, 1 or 3, if the prepared images are gone",
        default=None,
        heading=OUTPUT,
        parse=channels,
        metavar="N",
    )


@dataclass(frozen=True, kw_only=True)
class ExportRequest(StudentRequest):
    """One student, as files for other programs."""

    format: tuple[str, ...] = option(
        "formats to write, separated by commas",
        default=EXPORT_FORMATS,
        default_in_words=",".join(EXPORT_FORMATS),
        heading=OUTPUT,
        parse=export_formats,
        metavar="LIST",
    )
    force: bool = switch("replace an earlier export", heading=OUTPUT)
    check_images: int = option(
        "number of images on which the export is compared with PyTorch",
        default=128,
        heading=OUTPUT,
        parse=positive_int,
        metavar="N",
    )
    runs: int = option("number of timed runs", default=100, heading=OUTPUT, parse=positive_int, metavar="N")
    threads: int = option("threads of the timed runs", default=1, heading=OUTPUT, parse=positive_int, metavar="N")
