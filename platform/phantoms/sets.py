"""The data sets that have phantoms: what draws them, and how many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from platform.phantoms.chest_writers import write_chexpert, write_mimic_cxr
from platform.phantoms.nih_writer import write_chestxray8
from platform.phantoms.radiologists_writer import write_chexpert_radiologists
from platform.phantoms.writers import write_generic, write_retina
from platform.sources.places import Places
from trainables.data.catalogue import read
from trainables.data.listing import Listing


@dataclass(frozen=True, kw_only=True)
class Phantom:
    """How the synthetic images of a data set are made, and how many: a quick sweep's epoch takes one to two seconds."""

    write: Callable[..., Path]
    counted: str = "num_images"  # what `size` counts, by the writer's name for it
    size: int
    validation_share: float | None = (
        None  # enough for ten, or three, positives of most labels; None: as for real images
    )


PHANTOMS = {  # by the data set's name
    "retina": Phantom(write=write_retina, counted="num_patients", size=92, validation_share=0.35),
    "chexpert": Phantom(write=write_chexpert, size=400, validation_share=0.35),
    "chestxray8": Phantom(write=write_chestxray8, size=400, validation_share=0.35),
    "mimic-cxr": Phantom(write=write_mimic_cxr, size=320, validation_share=0.2),
    "chexpert-radiologists": Phantom(write=write_chexpert_radiologists, size=240),
    "generic": Phantom(write=write_generic, size=400),
}
PHANTOM_SEED = 0
PHANTOM_IMAGE_SIZE_PX = 160  # drawn larger than a quick sweep works, as a camera does


def phantom_listing(dataset: str, places: Places, size: int | None = None) -> Listing:
    """Synthetic images of `dataset` in its real layout, drawn at first use; `size` counts what its writer counts.

    Raises:
        ValueError: there is no phantom of that data set.
    """
    if dataset not in PHANTOMS:
        raise ValueError(
            f"the phantoms are {', '.join(PHANTOMS)}, but got {dataset!r}: give --data DIR with real images"
        )
    phantom = PHANTOMS[dataset]
    size = size or phantom.size
    folder = places.phantoms / str(size) / dataset
    phantom.write(folder, **{phantom.counted: size}, image_size_px=PHANTOM_IMAGE_SIZE_PX, seed=PHANTOM_SEED)
    return read(dataset, folder.parent)
