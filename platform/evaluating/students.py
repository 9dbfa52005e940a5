"""Which students are evaluated, and on which images."""

from __future__ import annotations

import json
from dataclasses import dataclass

from analysis.reading import artifacts, tracking_uri
from analysis.reading.trials import Runs, runs
from analysis.tables import command
from platform.command_line.average_request import WeightAverageRequest
from platform.command_line.student_requests import EvaluateRequest, StudentsRequest
from platform.sources.images import listing_of, store_of
from platform.sources.places import Places
from trainables.data.store import Store


@dataclass(frozen=True, kw_only=True)
class Students:
    """The students that are evaluated, and what they know."""

    runs: Runs
    label_names: tuple[str, ...]  # that they were trained on
    held_out: str  # the finding that they were trained without; "" for none
    image_size_px: int
    places: Places

    @property
    def is_phantom(self) -> bool:
        """Whether they were trained on synthetic images."""
        return self.runs.data == "phantom"


def students_of(request: StudentsRequest | WeightAverageRequest) -> Students:
    """The students that are asked for.

    Raises:
        LookupError: MLflow has none of them, or does not say what they were trained on.
    """
    where = tracking_uri.located(request.tracking_uri, request.results)
    uri, results = where.uri, where.folder
    recorded, shown_uri = runs(uri, request.dataset, request.sweep), tracking_uri.without_password(uri)
    if recorded.confirm.empty:
        reasons = "".join(f"; {note}" for note in command.left_out_note([recorded]))
        raise LookupError(f"no finished confirming repeat of {request.dataset} in {shown_uri}{reasons}")
    parent = recorded.sweeps.reindex(columns=["tags.label_names", "tags.held_out"]).iloc[-1].fillna("")
    if not parent["tags.label_names"]:
        raise LookupError(f"the sweep must record its labels, but its run in {shown_uri} has no tag label_names")
    return Students(
        runs=recorded,
        label_names=tuple(json.loads(parent["tags.label_names"])),
        held_out=str(parent["tags.held_out"]),
        image_size_px=recorded.image_size_px,
        places=Places.under(results),
    )


def with_finding(students: Students, request: EvaluateRequest) -> tuple[Store, Store]:
    """All images, prepared now if they are not yet, and the sweep's own, which lack the held-out finding.

    Raises:
        LookupError: the sweep's prepared images are gone.
        ValueError: the images are not those that the sweep held the finding out of, or are not prepared.
    """
    results, fingerprint = students.places.results, students.runs.data_fingerprint
    held = artifacts.store_of(results, fingerprint)
    if held is None:
        raise LookupError(
            f"the images of these runs must be prepared, but {results} has none; --results must name the sweep's folder"
            + artifacts.why_gone(results, fingerprint)
        )
    whole = artifacts.whole_of(results, held) or prepared(request.dataset, students, request)
    if not artifacts.is_whole_of(whole, held):
        raise ValueError(
            f"the images must be those that the sweep held {students.held_out} out of, but {whole.path} holds others: "
            "give the sweep's own --data, --phantom-size, --split, --validation-share and --skip-unreadable"
        )
    return whole, held


def target_images(dataset: str, students: Students, request: EvaluateRequest) -> Store:
    """The images of --target: synthetic if and only if the students' own were.

    Raises:
        ValueError: they are not, or their labels exclude each other.
    """
    store = prepared(dataset, students, request)
    if store.task != "multilabel":
        raise ValueError(f"the target must have findings that can stand together, but {store.dataset} is {store.task}")
    return store


def prepared(dataset: str, students: Students, request: StudentsRequest) -> Store:
    """The images of a data set at the students' size, prepared now if they are not yet.

    Raises:
        ValueError: they are phantoms where the students' own are real, or the other way round; or they are not at hand.
    """
    if not (students.is_phantom or request.data or students.places.own_dataset(dataset).is_file()):
        raise ValueError(
            f"the students were trained on real images, and those of {dataset} are not prepared: give their folder, "
            "--data DIR"
        )
    listing = listing_of(dataset, request.data, students.places, request.phantom_size)
    if listing.is_phantom != students.is_phantom:
        raise ValueError(
            f"phantom and real never meet in one table, but the students are {students.runs.data} and {listing.root} "
            f"is {'phantom' if listing.is_phantom else 'real'}"
        )
    return store_of(
        listing,
        students.places,
        students.image_size_px,
        skip_unreadable=request.skip_unreadable,
        split=request.split,
        validation_share=request.validation_share,
    )
