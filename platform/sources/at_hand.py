"""The images and teachers that a sweep learns from: found, or made as phantoms where that is allowed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from platform.command_line.parsing import retyped
from platform.command_line.sweep_requests import SweepRequest
from platform.command_line.training_requests import TrainingRequest
from platform.phantoms.phantom_teachers import phantom_teacher, stand_in
from platform.sources import copied_images
from platform.sources.images import store_of, summary
from platform.sources.places import Places
from platform.sweeping.scoring import checked_averaging
from search_spaces.space import RANDOM_TEACHER
from trainables.config import TrialConfig
from trainables.data.averaging import Averaging
from trainables.data.blank import store_of_the_papers_size
from trainables.data.dataset import Dataset
from trainables.data.listing import Listing
from trainables.data.resplit import split_for
from trainables.data.splits import SPLITS
from trainables.data.store import Store
from trainables.models.architectures import build
from trainables.pasting import command_line
from trainables.teachers import imagenet, shelf
from trainables.teachers.overlap import overlap
from trainables.teachers.shelf import Teacher


def find_sources(
    request: TrainingRequest,
    listing: Listing,
    places: Places,
    base: TrialConfig,
    teacher_names: Sequence[str],
    *,
    more_sizes_px: Sequence[int] = (),
    stand_ins: Path | None = None,
) -> tuple[dict[int, Store], Averaging, dict[str, Teacher]]:
    """The prepared images of `listing` by size, the labels to average, and the named teachers; prints a summary.

    Args:
        base: what all trials share: the size of the images, the rule of averaging, and the selection metric.
        more_sizes_px: sizes of the images besides that of `base`, which comes first.
        stand_ins: for a plan: no image is decoded and no phantom teacher trained; an empty folder for their stand-ins.

    Raises:
        ValueError, FileNotFoundError, OSError: something is absent or wrong, or the selection metric cannot select
        anything on these images; the message says what to do.
    """
    size_px = base.image_size_px
    are_phantom = _teachers_are_phantom(request, listing)
    teachers: dict[str, Teacher] = {}
    if not are_phantom:  # a missing teacher should show before hours of decoding
        teachers = _real_teachers(request, teacher_names, places)
    stores = {}
    for each_px in dict.fromkeys([size_px, *more_sizes_px]):
        stores[each_px] = images_of_size(each_px, request, listing, places, decode=stand_ins is None)
    print(summary(listing, split_for(stores[size_px], replace(base, fold=min(base.num_folds, 1)))), flush=True)
    if stand_ins is None:
        copied_images.list_copies(stores[size_px], listing, places)
        print("\n".join(copied_images.lines(stores[size_px])), flush=True)
    if base.num_folds:
        print(f"  these are the counts of fold 1 of {base.num_folds}, which is its test set")
    # Before minutes of phantoms.
    averaging = checked_averaging(stores[size_px], base.average_labels, base.selection_metric, base.num_folds)
    if are_phantom:
        teachers = _phantom_teachers(teacher_names, places, size_px, stand_ins)
    return stores, averaging, teachers


def network_at_hand(
    name: str, request: TrainingRequest, listing: Listing, places: Places, image_size_px: int
) -> Teacher:
    """The teacher called `name`, for a training that begins with it; raises what `find_sources` raises of teachers."""
    if _teachers_are_phantom(request, listing):
        return _phantom_teachers([name], places, image_size_px, None)[name]
    return _real_teachers(request, [name], places)[name]


def images_of_size(
    image_size_px: int, request: TrainingRequest, listing: Listing, places: Places, *, decode: bool = True
) -> Store:
    """The prepared images of `listing` in one size; raises what `platform.sources.images.store_of` does."""
    return store_of(
        listing,
        places,
        image_size_px,
        skip_unreadable=request.skip_unreadable,
        split=request.split,
        validation_share=request.validation_share,
        held_out=request.hold_out,
        decode=decode,
    )


def _phantom_teachers(
    names: Sequence[str], places: Places, image_size_px: int, stand_ins: Path | None
) -> dict[str, Teacher]:
    folder = places.teachers(phantom=True, image_size_px=image_size_px)
    if stand_ins:
        return {name: _stand_in(name, folder, stand_ins) for name in names}
    return {
        name: _random_teacher(folder, phantom=True)
        if name == RANDOM_TEACHER
        else phantom_teacher(name, places, image_size_px)
        for name in names
    }


def _stand_in(name: str, folder: Path, stand_ins: Path) -> Teacher:
    """What a plan takes for the teacher: a copy of the one of that name in `folder`; without it, random weights.

    Only a teacher at hand can have a name that somebody chose: how large it is, nothing else tells.
    """
    if (folder / name / shelf.FACTS_FILE).is_file():
        shutil.copytree(folder / name, stand_ins / name, dirs_exist_ok=True)
        return shelf.load(stand_ins, name)
    return stand_in(name, stand_ins)


def sources_of_the_papers_size(
    dataset: Dataset,
    base: TrialConfig,
    teacher_names: Sequence[str],
    stand_ins: Path,
    *,
    more_sizes_px: Sequence[int] = (),
) -> tuple[dict[int, Store], Averaging, dict[str, Teacher]]:
    """For a plan of the paper's own set-up, where its images are not at hand: as many blank ones as Table II counts."""
    sizes_px = dict.fromkeys([base.image_size_px, *more_sizes_px])
    stores = {each_px: store_of_the_papers_size(dataset, each_px) for each_px in sizes_px}
    store = stores[base.image_size_px]
    counts = ", ".join(f"{len(store.rows(split)):,} {split}" for split in SPLITS)
    print(
        f"{dataset.title}: as many images as in the paper's Table II ({counts}), since no --data is given", flush=True
    )
    averaging = checked_averaging(store, base.average_labels, base.selection_metric, base.num_folds)
    return stores, averaging, {name: stand_in(name, stand_ins) for name in teacher_names}


def check_overlaps(
    teachers: Sequence[Teacher], store: Store, places: Places, *, allowed: bool, any_is_tested: bool = False
) -> str:
    """Which of the sweep's test images the teachers have seen, in words; "" if none.

    Args:
        any_is_tested: whether splits are drawn anew, so that any image may be a test image.

    Raises:
        ValueError: a teacher has seen some, which is not `allowed`.
    """
    salt = places.salt_fingerprint()
    overlaps = [text for teacher in teachers if (text := overlap(teacher, store, salt, any_is_tested=any_is_tested))]
    if overlaps and not allowed:
        raise ValueError(
            f"{'; '.join(overlaps)}: test scores would be too good; --allow-overlap runs anyway, and the report says so"
        )
    return "; ".join(overlaps)


def _teachers_are_phantom(request: TrainingRequest, listing: Listing) -> bool:
    are_drawn = request.data is None and listing.is_phantom
    if are_drawn and request.teachers == "real":
        raise ValueError("phantom images need phantom teachers: give --data, or leave out --teachers real")
    return (request.teachers or ("phantom" if are_drawn else "real")) == "phantom"


def _random_teacher(folder: Path, *, phantom: bool) -> Teacher:
    """A control: random weights, always the same."""
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


def _real_teachers(request: TrainingRequest, names: Sequence[str], places: Places) -> dict[str, Teacher]:
    """The named teachers.

    Raises:
        FileNotFoundError: some are missing; the message names them all, and has a command for every way without them.
    """
    teachers, missing = {}, []
    for name in names:
        try:
            teachers[name] = _real_teacher(name, places, request.imagenet_weights)
        except FileNotFoundError as error:
            missing.append(f"  {error}")
    if missing:
        raise FileNotFoundError(
            "\n".join(
                [
                    "the networks that a training begins with or learns from must be at hand, but",
                    *missing,
                    *_without(request),
                ]
            )
        )
    return teachers


def _without(request: TrainingRequest) -> list[str]:
    """How to make do without real teachers, as commands to paste."""
    if isinstance(request, SweepRequest):
        from_random = ["--init", "random", "--cells", "transfer/*"]
        lines = ["without them, students can be trained from random weights, with no teacher:"]
    else:
        from_random = ["--init", "random"]
        lines = ["without them, the training can begin from random weights:"]
    return [
        *lines,
        f"  {retyped(request, *from_random)}",
        "or the whole can be rehearsed with phantom teachers, and every result is then marked as phantom:",
        f"  {retyped(request, '--teachers', 'phantom')}",
    ]


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
            "or leave its cells out with --cells"
        ) from None
