"""What a sweep learns from: images, and teachers; found, or made as phantoms where they may be."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from platform.phantom_teachers import phantom_teacher
from platform.places import Places
from platform.prepare import listing_of, store_of, summary
from platform.scoring import checked_averaging
from search_spaces.space import RANDOM_TEACHER
from trainables.data.averaging import Averaging
from trainables.data.listing import Listing
from trainables.data.store import Store
from trainables.models.architectures import build
from trainables.pasting import command_line
from trainables.teachers import imagenet, ledger
from trainables.teachers.ledger import Teacher
from trainables.teachers.overlap import overlap


def find_sources(
    options: argparse.Namespace, places: Places, image_size_px: int, teacher_names: Sequence[str], metric: str
) -> tuple[Store, Averaging, dict[str, Teacher]]:
    """The prepared images, the labels to be averaged and the teachers of those names, with what was found printed.

    Raises:
        ValueError, FileNotFoundError, OSError: something is absent or wrong, or on these images nothing can be selected
        by `metric`; the message says what to do.
    """
    listing = listing_of(options.dataset, options.data, places, options.phantom_size)
    are_phantom = _teachers_are_phantom(options, listing)
    teachers: dict[str, Teacher] = {}
    if not are_phantom:  # what is absent should be said before hours of decoding
        teachers = {name: _real_teacher(name, places, options.imagenet_weights) for name in teacher_names}
    store = store_of(
        listing,
        places,
        image_size_px,
        skip_unreadable=options.skip_unreadable,
        split=options.split,
        validation_share=options.validation_share,
        held_out=options.hold_out,
    )
    print(summary(listing, store), flush=True)
    averaging = checked_averaging(store, options.average_labels, metric)  # before minutes of phantom teachers
    if are_phantom:
        folder = places.teachers(phantom=True, image_size_px=image_size_px)
        for name in teacher_names:
            is_random = name == RANDOM_TEACHER
            teachers[name] = (
                _random_teacher(folder, phantom=True) if is_random else phantom_teacher(name, places, image_size_px)
            )
    return store, averaging, teachers


def check_overlaps(teachers: Sequence[Teacher], store: Store, places: Places, *, allowed: bool) -> str:
    """What of the sweep's test images the teachers have seen, in words; "" where nothing.

    Raises:
        ValueError: a teacher has seen some, and that is not `allowed`.
    """
    found = [said for teacher in teachers if (said := overlap(teacher, store, places.salt_fingerprint()))]
    if found and not allowed:
        raise ValueError(f"{'; '.join(found)}: test scores would flatter it; --allow-overlap goes on, and says so")
    return "; ".join(found)


def _teachers_are_phantom(options: argparse.Namespace, listing: Listing) -> bool:
    if options.data is None and listing.is_phantom and options.teachers == "real":
        raise ValueError("phantom images need phantom teachers: give --data, or leave out --teachers real")
    made_here = options.data is None and listing.is_phantom
    return bool((options.teachers or ("phantom" if made_here else "real")) == "phantom")


def _random_teacher(folder: Path, *, phantom: bool) -> Teacher:
    """A control: weights as they are drawn, always the same ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weights = build("densenet121", 1).state_dict()
    return ledger.save(
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
        return ledger.load(folder, name)
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
