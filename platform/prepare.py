"""Read a data set, split it by patient and decode it once into a store.

Prints the set's rows of Tables I and II beside the paper's, and every row that was left out, with the reason.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from pathlib import Path

from platform.arguments import image_size, positive_int, say_errors
from platform.places import Places
from trainables.data.listing import Listing
from trainables.data.phantom.chest_writers import write_chexpert, write_mimic_cxr
from trainables.data.phantom.nih_writer import write_chestxray8
from trainables.data.phantom.writers import write_generic, write_retina
from trainables.data.prepare import prepare
from trainables.data.readers import READERS, read
from trainables.data.splits import SPLITS, TABLE_II
from trainables.data.store import STORE_VERSION, Store

# Writer, what it counts, and how many: a quick sweep's epoch takes two to three seconds on a CPU core.
PHANTOMS: dict[str, tuple[Callable[..., Path], str, int]] = {
    "retina": (write_retina, "num_patients", 160),
    "chexpert": (write_chexpert, "num_images", 400),
    "chestxray8": (write_chestxray8, "num_images", 400),
    "mimic-cxr": (write_mimic_cxr, "num_images", 480),
    "generic": (write_generic, "num_images", 480),
}
PHANTOM_SEED = 0
PHANTOM_IMAGE_SIZE_PX = 160  # drawn larger than a quick sweep works, as a camera does


def phantom_listing(dataset: str, places: Places, size: int | None = None) -> Listing:
    """Synthetic images of `dataset` in its real layout, drawn at first use; `size` counts patients (Retina) or images.

    Raises:
        ValueError: there is no phantom of that data set.
    """
    if dataset not in PHANTOMS:
        raise ValueError(f"the phantoms are {', '.join(PHANTOMS)}, but got {dataset!r}")
    write, counted, default_size = PHANTOMS[dataset]
    size = size or default_size
    folder = places.phantoms / str(size) / dataset
    write(folder, **{counted: size}, image_size_px=PHANTOM_IMAGE_SIZE_PX, seed=PHANTOM_SEED)
    return read(dataset, folder.parent)


def store_of(listing: Listing, places: Places, image_size_px: int, *, skip_unreadable: bool = False) -> Store:
    """The store of `listing`: the one that is there, if it was made from the same rows of the same folder.

    Raises:
        UnreadableImagesError, OSError, ValueError: as `trainables.data.prepare.prepare` says.
    """
    digest = hashlib.sha256(f"{STORE_VERSION} {listing.root.resolve()} {skip_unreadable}".encode())
    for row in listing.rows[["path", "patient", "labels"]].itertuples(index=False):
        digest.update(f"{row.path} {row.patient} {row.labels}".encode())
    kind = "phantom" if listing.is_phantom else "real"
    path = places.store(listing.dataset, image_size_px, f"{kind}-{digest.hexdigest()[:8]}")
    if path.exists():
        return Store.open(path)
    return prepare(listing, path, image_size_px=image_size_px, salt=places.salt(), skip_unreadable=skip_unreadable)


def summary(listing: Listing, store: Store) -> str:
    """What was found, in the columns of Tables I and II, and what was left out."""
    kind = "PHANTOM (synthetic) images" if store.is_phantom else "images"
    counts = {split: int((store.split == split).sum()) for split in SPLITS}
    lines = [
        f"{store.dataset}: {store.num_images} {kind} of {listing.rows['patient'].nunique()} patients, "
        f"{len(store.label_names)} labels, {store.image_size_px} px, fingerprint {store.fingerprint}",
        "  split        ours    paper",
    ]
    paper = TABLE_II.get(store.dataset, {})
    lines += [f"  {split:10} {counts[split]:>6} {paper.get(split, '-'):>8}" for split in SPLITS]
    lines += [f"  left out: {path}: {reason}" for path, reason in store.left_out]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m platform.prepare", description=__doc__.splitlines()[0])
    parser.add_argument("dataset", choices=sorted(READERS))
    parser.add_argument(
        "--data", type=Path, help="the folder that holds the data set's own; without it, phantom images"
    )
    parser.add_argument(
        "--image-size", type=image_size, default=256, metavar="PX", help="a multiple of 32 (default: 256)"
    )
    parser.add_argument("--phantom-size", type=positive_int, help="patients (retina) or images of the phantom")
    parser.add_argument("--skip-unreadable", action="store_true", help="leave images out that cannot be read")
    parser.add_argument("--results", default="results", help="where all results lie (default: results)")
    options = parser.parse_args(arguments)
    places = Places.under(options.results)
    with say_errors(parser):
        if options.data is None:
            listing = phantom_listing(options.dataset, places, options.phantom_size)
        else:
            listing = read(options.dataset, options.data)
        store = store_of(listing, places, options.image_size, skip_unreadable=options.skip_unreadable)
    print(summary(listing, store))
    print(f"  {store.path}")


if __name__ == "__main__":
    main()
