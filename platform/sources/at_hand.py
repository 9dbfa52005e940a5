"""What a sweep learns from: images, and teachers; found, or made as phantoms where they may be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from platform.command_line.training_requests import TrainingRequest
from platform.phantoms.phantom_teachers import phantom_teacher
from platform.sources.images import listing_of, store_of, summary
from platform.sources.places import Places
from platform.sweeping.scoring import checked_averaging
from search_spaces.space import RANDOM_TEACHER
from trainables.config import TrialConfig
from trainables.data.averaging import Averaging
from trainables.data.listing import Listing
from trainables.data.store import Store
from trainables.models.architectures import build
from trainables.pasting import command_line
from trainables.teachers import imagenet, shelf
from trainables.teachers.overlap import overlap
from trainables.teachers.shelf import Teacher


def find_sources(
    request: TrainingRequest, places: Places, base: TrialConfig, teacher_names: Sequence[str]
) -> tuple[Store, Averaging, dict[str, Teacher]]:
    """The prepared images, the labels to be averaged and the teachers of those names, with a summary printed.

    Args:
        base: what all trials share: the size of the images, which labels are averaged, and what selects.

    Raises:
        ValueError, FileNotFoundError, OSError: something is absent or wrong, or on these images nothing can be selected
        by the selection metric; the message says what to do.
    """
    size_px = base.image_size_px
    listing = listing_of(request.dataset, request.data, places, request.phantom_size)
    are_phantom = _teachers_are_phantom(request, listing)
    teachers: dict[str, Teacher] = {}
    if not are_phantom:  # what is absent should be said before hours of decoding
        teachers = {name: _real_teacher(name, places, request.imagenet_weights) for name in teacher_names}
    store = store_of(
        listing,
        places,
        size_px,
        skip_unreadable=request.skip_unreadable,
        split=request.split,
        validation_share=request.validation_share,
        held_out=request.hold_out,
    )
    print(summary(listing, store), flush=True)
    averaging = checked_averaging(store, base.average_labels, base.selection_metric)  # before minutes of phantoms
    if are_phantom:
        folder = places.teachers(phantom=True, image_size_px=size_px)
        for name in teacher_names:
            is_random = name == RANDOM_TEACHER
            teachers[name] = (
                _random_teacher(folder, phantom=True) if is_random else phantom_teacher(name, places, size_px)
            )
    return store, averaging, teachers


def check_overlaps(teachers: Sequence[Teacher], store: Store, places: Places, *, allowed: bool) -> str:
    """What of the sweep's test images the teachers have seen, in words; "" where nothing.

    Raises:
        ValueError: a teacher has seen some, and that is not `allowed`.
    """
    found = [said for teacher in teachers if (said := overlap(teacher, store, places.salt_fingerprint()))]
    if found and not allowed:
        raise ValueError(
            f"{'; '.join(found)}: test scores would be too good; --allow-overlap runs anyway, and the report says so"
        )
    return "; ".join(found)


def _teachers_are_phantom(request: TrainingRequest, listing: Listing) -> bool:
    if request.data is None and listing.is_phantom and request.teachers == "real":
        raise ValueError("phantom images need phantom teachers: give --data, or leave out --teachers real")
    made_here = request.data is None and listing.is_phantom
    return bool((request.teachers or ("phantom" if made_here else "real")) == "phantom")


def _random_teacher(folder: Path, *, phantom: bool) -> Teacher:
    """A control: weights as they are drawn, always the same ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weights = build("densenet121", 1).state_dict()
    return shelf.save(
        folder,
        weights,
        name=RANDOM_TEACHER,
        architecture="densenet121",
        task="multilabel",
        label_names=("none",),
        source="a control: random weights, never trained",
        is_phantom=phantom,
    )


def _real_teacher(name: str, places: Places, imagenet_weights: Path | None) -> Teacher:
    folder = places.teachers(phantom=False, image_size_px=0)
    try:
        return shelf.load(folder, name)
    except FileNotFoundError:
        if name == RANDOM_TEACHER:
            return _random_teacher(folder, phantom=False)
        if architecture := imagenet.architecture_of(name):
            return imagenet.take(folder, imagenet_weights, architecture)
        raise FileNotFoundError(
            f"no teacher named {name!r} in {folder}; train it with "
            f"`{command_line('platform.pretrain', name, '--data', 'DIR')}`, "
            f"bring it in with `{command_line('platform.teachers', 'import', 'FILE', '--name', name)}`, "
            "leave its cells out with --cells, or try the phantom one: --teachers phantom"
        ) from None
