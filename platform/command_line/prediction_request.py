"""The request of `platform.predict`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from platform.command_line.option import IMAGES, MACHINES, OUTPUT, option, switch
from platform.command_line.student_requests import StudentRequest
from platform.command_line.values import level, positive_int


@dataclass(frozen=True, kw_only=True)
class PredictRequest(StudentRequest):
    """One student's answers to pictures of the user's own."""

    pictures: Path = option(
        "a folder of pictures, searched with all folders within, or a CSV with the column image",
        flag=None,
        parse=Path,
        metavar="FOLDER",
    )
    images: Path | None = option(
        "if FOLDER is a CSV, the folder that its image paths are relative to",
        default=None,
        default_in_words="the CSV's own",
        heading=IMAGES,
        parse=Path,
        metavar="DIR",
    )
    out: Path | None = option(
        "CSV file to write",
        default=None,
        default_in_words="in predictions/ of --results, named after the run and FOLDER",
        heading=OUTPUT,
        parse=Path,
        metavar="FILE",
    )
    sensitivity: float | None = option(
        "sensitivity that the threshold of each label must have on the run's validation images",
        default=None,
        default_in_words="the threshold with the greatest Youden index",
        heading=OUTPUT,
        parse=level,
        metavar="X",
    )
    specificity: float | None = option(
        "specificity that the threshold must have, in place of a sensitivity",
        default=None,
        heading=OUTPUT,
        parse=level,
        metavar="X",
    )
    force: bool = switch("replace an earlier file", heading=OUTPUT)
    device: str | None = option(
        "where the student computes",
        default=None,
        default_in_words="cuda where there is a GPU, else cpu",
        heading=MACHINES,
        choices=("cpu", "cuda"),
    )
    batch_size: int = option(
        "pictures that the student is asked about at once",
        default=128,
        heading=MACHINES,
        parse=positive_int,
        metavar="N",
    )

    def __post_init__(self) -> None:
        if self.sensitivity is not None and self.specificity is not None:
            raise ValueError(
                "one threshold per label is written, so that it must have one wanted level, but got --sensitivity "
                f"{self.sensitivity:g} and --specificity {self.specificity:g}: leave out one of the two"
            )
