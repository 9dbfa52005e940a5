"""The images that a command works on: a data set's own, a user's, or phantoms, and their prepared store."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from platform.command_line.image_requests import SPLIT_KINDS
from platform.phantoms.sets import PHANTOMS, phantom_listing
from platform.sources.names import check_dataset
from platform.sources.places import Places
from trainables.atomic import write_bytes
from trainables.data.averaging import MIN_POSITIVES, definite_counts
from trainables.data.blank import blank_store
from trainables.data.catalogue import DATASETS, read
from trainables.data.dataset import Dataset
from trainables.data.listing import Listing
from trainables.data.readers import own
from trainables.data.splits import SPLITS
from trainables.data.store import STORE_VERSION, Store
from trainables.data.store_making import prepare
from trainables.data.votes import keep_votes, without_votes
from trainables.data.withdrawn import withdrawn_in


def register(csv: Path, places: Places, images: Path | None = None) -> str:
    """Registers a user's own data set under its CSV's name; returns the name.

    Args:
        images: the folder that the CSV's paths are relative to; None for its own.

    Raises:
        FileNotFoundError, ValueError: the file is absent or cannot be read, or a published data set has its name.
    """
    name = own.dataset(csv).name
    if name in DATASETS:
        raise ValueError(f"{name} is the name of a published data set: rename {csv}")
    paths = {"csv": csv} | ({"images": images} if images else {})
    own_set = {key: str(places.relative(path)) for key, path in paths.items()}
    write_bytes(places.own_dataset(name), json.dumps(own_set).encode())
    return name


def dataset_of(name: str, places: Places) -> Dataset:
    """The record of a data set: the catalogue's, or that of a user's own CSV.

    Raises:
        ValueError: there is no such data set, or its CSV is invalid.
        FileNotFoundError: the CSV is gone.
    """
    return DATASETS[name] if name in DATASETS else own.dataset(_registered(name, places)[0])


def _registered(name: str, places: Places) -> tuple[Path, Path | None]:
    """The CSV of a user's own data set, and the folder of its images unless that is the CSV's own."""
    check_dataset(name, places)
    own_set = json.loads(places.own_dataset(name).read_text())
    return places.results / own_set["csv"], places.results / own_set["images"] if "images" in own_set else None


def listing_of(dataset: str, data: Path | None, places: Places, phantom_size: int | None = None) -> Listing:
    """The images of `dataset`: those under `data`, those of a user's own CSV, or phantoms.

    Raises:
        ValueError: there is no such data set.
        FileNotFoundError: it is not where it should be.
    """
    if dataset not in DATASETS:
        return own.read(*_registered(dataset, places))
    return read(dataset, data) if data else phantom_listing(dataset, places, phantom_size)


def store_of(
    listing: Listing,
    places: Places,
    image_size_px: int,
    *,
    skip_unreadable: bool = False,
    split: str = SPLIT_KINDS[0],
    validation_share: float | None = None,
    held_out: str | None = None,
    decode: bool = True,
) -> Store:
    """The store of `listing`: an earlier one if it was made from the same rows of the same folder, else a new one.

    Args:
        decode: whether a new one is made; otherwise it is a blank one, which is in no file.

    Raises:
        UnreadableImagesError, OSError, ValueError: as `trainables.data.store_making.prepare` says.
    """
    if listing.is_phantom and split == SPLIT_KINDS[0] and listing.dataset in PHANTOMS:
        validation_share = validation_share or PHANTOMS[listing.dataset].validation_share
    path = _place(listing, places, image_size_px, f"{skip_unreadable} {split} {validation_share} {held_out}")
    withdrawn = _withdrawn(listing.dataset, places)
    how: dict[str, Any] = {
        "image_size_px": image_size_px,
        "salt": places.salt(),
        "is_official_split": split == "official",
        "validation_share": validation_share,
        "held_out": held_out,
        "withdrawn": withdrawn,
    }
    if not decode:
        return Store.open(path) if path.exists() else blank_store(listing, **how)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock_of(path), fallback_to_soft=False):  # of two processes one decodes, and the other waits
        keep_votes(without_votes(listing, withdrawn, places.salt()), places.salt(), path)
        return Store.open(path) if path.exists() else prepare(listing, path, skip_unreadable=skip_unreadable, **how)


def _place(listing: Listing, places: Places, image_size_px: int, how: str) -> Path:
    """Where the store lies that is made of these rows in this way. Patients who have withdrawn count as rows, so that
    the store which others have left keeps its place, and one that is made anew has the same splits.
    """
    digest = hashlib.sha256(f"{STORE_VERSION} {places.relative(listing.root)} {how} {digest_of(listing)}".encode())
    kind = "phantom" if listing.is_phantom else "real"
    return places.store(listing.dataset, image_size_px, f"{kind}-{digest.hexdigest()[:8]}")


def lock_of(store: Path) -> Path:
    """The lock that whoever writes a store holds."""
    return store.with_suffix(".lock")


def _withdrawn(dataset: str, places: Places) -> set[str]:
    """The hashes of its patients who have withdrawn.

    Raises:
        ValueError: the list cannot be read, or is of another salt.
    """
    withdrawn = withdrawn_in(places.results)
    if withdrawn.patients:
        withdrawn.check_salt(places.salt_fingerprint())
    return withdrawn.of(dataset)


def digest_of(listing: Listing) -> str:
    """The SHA-256 of the rows: paths, patients, labels and official split, but no pixel."""
    digest = hashlib.sha256()
    for row in listing.rows[["path", "patient", "labels", "official_split"]].itertuples(index=False):
        digest.update(f"{row.path} {row.patient} {row.labels} {row.official_split}".encode())
    return digest.hexdigest()


def summary(listing: Listing, store: Store) -> str:
    """The counts of the images beside those of Tables I and II, and what was left out."""
    kind = "PHANTOM (synthetic) images" if store.is_phantom else "images"
    counts = {split: int((store.split == split).sum()) for split in SPLITS}
    lines = [
        f"{store.dataset}: {store.num_images} {kind} of {len(set(store.patient))} patients, "
        f"{len(store.label_names)} labels, {store.image_size_px} px, "
        + (f"fingerprint {store.prepared.fingerprint}" if store.prepared.fingerprint else "none of them opened"),
    ]
    record = DATASETS.get(store.dataset)
    if record and (paper := record.published):
        counted = f"{paper.num_images:,} images of {paper.num_patients:,} patients, {len(record.label_names)} labels"
        lines.append(f"  the paper's Table I: {counted}")
    if in_paper := record.split_counts if record else {}:
        lines.append("  Table II     ours    paper")
        lines += [f"  {split:10} {counts[split]:>6} {in_paper[split]:>8}" for split in SPLITS]
    else:
        lines += ["  split      images", *(f"  {split:10} {counts[split]:>6}" for split in SPLITS)]
    lines += positives(store)
    if store.held_out:
        lines.append(f"  held out: {store.held_out}: no image that shows or may show it is in training or validation")
    lines += [f"  noted: {note}" for note in listing.notes]
    lines += [f"  left out: {path}: {reason}" for path, reason in dict.fromkeys(map(tuple, store.left_out))]
    return "\n".join(lines)


def positives(store: Store) -> list[str]:
    """Lines that say how many images of each split show each label, and which labels are rare in validation or test.

    An uncertain label is neither positive nor negative; one that is not mentioned is negative.
    """
    counts = {split: definite_counts(store, split) for split in SPLITS}
    width = max(map(len, ("positives", *store.label_names)))
    lines = [f"  {'positives':{width}}" + "".join(f" {split:>10}" for split in SPLITS)]
    for label, name in enumerate(store.label_names):
        lines.append(f"  {name:{width}}" + "".join(f" {counts[split][0, label]:>10}" for split in SPLITS))
    unseen = [store.label_names[i] for i in np.flatnonzero(counts["train"][0] == 0)]
    warnings = [f"  WARNING: no positive in train: {', '.join(unseen)}"] if unseen else []
    for split in ("validation", "test"):
        for sign, num_L in zip(("positives", "negatives"), counts[split], strict=True):
            rare = [f"{store.label_names[i]} ({num_L[i]})" for i in np.flatnonzero(num_L < MIN_POSITIVES)]
            if rare:
                warnings.append(f"  WARNING: fewer than {MIN_POSITIVES} {sign} in {split}: {', '.join(rare)}")
    if warnings:
        warnings.append(
            "  scores of these labels are mostly noise: merge rare labels, add images, or give --validation-share F"
        )
    return lines + warnings
