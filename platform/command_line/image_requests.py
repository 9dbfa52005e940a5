"""Which images, how they are split, where results go, and the request to prepare images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from platform.command_line.option import IMAGES, MACHINES, option, switch
from platform.command_line.values import positive_int, validation_share, value_of
from trainables.config import TrialConfig
from trainables.knob import knobs

SPLIT_KINDS = ("drawn", "official")
(SIZE,) = (knob for knob in knobs(TrialConfig) if knob.name == "image_size_px")


@dataclass(frozen=True, kw_only=True)
class ImagesRequest:
    """Where images come from, and how they are split."""

    data: Path | None = option(
        "folder that holds the real images; without it, synthetic images (phantoms)",
        default=None,
        heading=IMAGES,
        parse=Path,
        metavar="DIR",
    )
    phantom_size: int | None = option(
        "number of patients (retina) or images of a phantom data set",
        default=None,
        heading=IMAGES,
        parse=positive_int,
        metavar="N",
        decides=True,
    )
    split: str = option(
        "how images are split: drawn, by patient with Table II's counts; official, as in the release",
        default=SPLIT_KINDS[0],
        heading=IMAGES,
        choices=SPLIT_KINDS,
        decides=True,
    )
    validation_share: float | None = option(
        "share of the images for the validation set, and the same share for the test set; with --split official, the "
        "share of the training images for the validation set",
        default=None,
        default_in_words="Table II's, or 0.1; phantoms keep more",
        heading=IMAGES,
        parse=validation_share,
        metavar="F",
        decides=True,
    )
    skip_unreadable: bool = switch("leave out images that cannot be read", heading=IMAGES, decides=True)


@dataclass(frozen=True, kw_only=True)
class HoldOutRequest:
    """What is kept out of training."""

    hold_out: str | None = option(
        "finding of a multilabel set to keep out of training and validation",
        default=None,
        heading=IMAGES,
        metavar="FINDING",
    )


@dataclass(frozen=True, kw_only=True)
class TrackingRequest:
    """Where runs are recorded."""

    tracking_uri: str | None = option(
        "MLflow's address, of a database or a server",
        default=None,
        default_in_words="MLFLOW_TRACKING_URI, or mlflow.db of --results",
        heading=MACHINES,
        metavar="URI",
    )


@dataclass(frozen=True, kw_only=True)
class ResultsRequest:
    """Where results go."""

    results: Path = option(
        "folder of all results",
        default=Path("results"),
        heading=MACHINES,
        environment="TRANSFER_RESULTS",
        parse=Path,
        metavar="DIR",
    )


@dataclass(frozen=True, kw_only=True)
class PrepareRequest(HoldOutRequest, ImagesRequest, ResultsRequest):
    """One data set, to be read, split and decoded."""

    dataset: str = option("a data set's name, or FILE.csv: a data set of your own", flag=None, metavar="DATASET")
    images: Path | None = option(
        "with FILE.csv, the folder that its image paths are relative to",
        default=None,
        default_in_words="the CSV's own",
        heading=IMAGES,
        parse=Path,
        metavar="DIR",
    )
    image_size: int = option(SIZE.help, default=SIZE.default, heading=IMAGES, parse=value_of(SIZE), metavar="PX")
    without: Path | None = option(
        "instead of preparing, take the patients that FILE lists out of everything under --results, now and for later: "
        "one patient per line, as in the provider's table; blank lines and lines that begin with # are skipped",
        default=None,
        heading=IMAGES,
        parse=Path,
        metavar="FILE",
    )
    dry_run: bool = switch("with --without, say what would be done and change nothing", heading=IMAGES)
