"""The request to test trained students on another hospital's images."""

from __future__ import annotations

from argparse import ArgumentTypeError
from dataclasses import dataclass

from platform.command_line.option import IMAGES, MACHINES, option, switch
from platform.command_line.student_requests import StudentsRequest
from platform.command_line.values import plain_name
from trainables.knob import QUESTION

TEST, ALL = "test", "all"
PARTS = (TEST, ALL)


def same_label(text: str) -> tuple[str, str]:
    """``TARGETLABEL=LABEL`` as the two names.

    Raises:
        ArgumentTypeError: one of them is missing.
    """
    target, _, own = (part.strip() for part in text.partition("="))
    if not (target and own):
        raise ArgumentTypeError(f"must be TARGETLABEL=LABEL, the target's label and the students', but got {text!r}")
    return target, own


@dataclass(frozen=True, kw_only=True)
class ExternalRequest(StudentsRequest):
    """Every confirmed student, and each teacher with outputs, on another data set's images."""

    KIND = "external"

    target: str = option(
        "data set of the other hospital: a published one's name, or that of a set of your own that was prepared",
        heading=QUESTION,
        parse=plain_name,
        metavar="DATASET",
        decides=True,
    )
    same: tuple[tuple[str, str], ...] = option(
        "labels that are the same under two names, the target's first; those of equal names, and those that the "
        "published data sets are known to share, are found without it",
        default=(),
        heading=QUESTION,
        parse=same_label,
        several=True,
        metavar="TARGETLABEL=LABEL",
    )
    part: str = option(
        "which of the target's images: its test set; or all, as for a small set that nothing was trained on",
        default=TEST,
        heading=IMAGES,
        choices=PARTS,
    )
    allow_overlap: bool = switch(
        "run even if a student or a teacher may have seen the target's patients; the report says so", heading=IMAGES
    )
    device: str | None = option(
        "where the students compute",
        default=None,
        default_in_words="cuda where there is a GPU, else cpu",
        heading=MACHINES,
        choices=("cpu", "cuda"),
    )
