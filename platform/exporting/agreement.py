"""The images that an export is checked on, whether it sees of pictures what training saw, and whether its weights are
those that were scored.

Shapes: B images of H x W pixels, C planes, L labels or classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image

from analysis.reading import artifacts, predictions
from analysis.reading.chosen import Chosen
from analysis.reading.student_facts import facts_of
from trainables.data.decode import resized_square
from trainables.models import onnx_file

# Ours: a GPU's arithmetic moves a probability less than this, and the weights of another epoch or run more.
MAX_FROM_SCORES = 0.05
# Height and width of pictures of other sizes, in working sizes: large, small, oblong, and just below and above six,
# where Pillow begins to average blocks of pixels.
SIDES = ((1, 1), (0.5, 0.7), (1.3, 1.9), (2.9, 1.1), (4.3, 0.9), (5.98, 7), (6, 6), (6.01, 9.1), (14.3, 9.7))
MAX_LEVELS = 1  # of 255: what another version of Pillow may round differently
NOISE = 24  # grey levels, so that neighbouring pixels differ, as they do in photographs

Probabilities = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class CheckImages:
    """The images that the student is checked on, and what its outputs mean."""

    images_BHWC: NDArray[np.uint8]
    image_ids: tuple[str, ...]  # hashes; empty where the images are random
    task: str
    label_names: tuple[str, ...]
    what: str  # in words: how many images, and of which kind


@dataclass(frozen=True, kw_only=True)
class SizeCheck:
    """What an ONNX file makes of pictures of other sizes than its own, and how far that is from what training does."""

    num_pictures: int
    smallest: str  # height x width
    largest: str
    num_bytes: int  # of the squares that the network sees
    num_different: int  # of these bytes, from those that Pillow gives
    max_levels: int  # by how much, of 255
    difference: float  # of the probabilities, at most
    pillow: str  # its version


def pictures(images_BHWC: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Pictures [H, W, 1 or 3] of `SIDES`, in grey and in colours, made of the images in turn."""
    rng = np.random.default_rng(0)
    noisy_pictures = []
    for number, (height, width) in enumerate(SIDES):
        square = Image.fromarray(images_BHWC[number % len(images_BHWC)].squeeze())
        size_px = images_BHWC.shape[1]
        large = square.resize((round(width * size_px), round(height * size_px)), Image.Resampling.BICUBIC)
        for mode in ("L", "RGB"):
            pixels = np.asarray(large.convert(mode)).reshape(large.height, large.width, -1)
            noisy = pixels + rng.integers(-NOISE, NOISE, pixels.shape, endpoint=True)
            noisy_pictures.append(noisy.clip(0, 255).astype(np.uint8))
    return noisy_pictures


def check_sizes(path: Path, images_BHWC: NDArray[np.uint8], probabilities: Probabilities) -> SizeCheck:
    """Compares an ONNX file, on pictures of many sizes, with Pillow's resampling and the student in PyTorch.

    Args:
        images_BHWC: what the pictures are made of, at the working size.
        probabilities: what PyTorch gives for squares, uint8 [B, S, S, C] -> float32 [B, L].

    Raises:
        onnx_file.DisagreementError: the squares differ by more than `MAX_LEVELS`; or they do not differ, and the
            probabilities do.
    """
    size_px, channels = images_BHWC.shape[2:]
    many = pictures(images_BHWC)
    modes = [Image.fromarray(each.squeeze()).convert("RGB" if channels == 3 else "L") for each in many]
    theirs = np.stack([resized_square(image, size_px, channels) for image in modes])
    levels = np.abs(np.stack(onnx_file.squares(path, many)).astype(int) - theirs)
    if levels.max() > MAX_LEVELS:
        raise onnx_file.DisagreementError(
            f"the ONNX file must resize as Pillow does, within {MAX_LEVELS} of 255 grey levels, but differs by "
            f"{levels.max()} from Pillow {PIL.__version__}; nothing is written"
        )
    answers = np.concatenate([onnx_file.probabilities(path, each[None]) for each in many])
    expected = probabilities(theirs)
    alike = not levels.any()
    difference = onnx_file.check_agreement(expected, answers) if alike else float(np.abs(expected - answers).max())
    by_area = sorted((each.shape[:2] for each in many), key=lambda shape: shape[0] * shape[1])
    return SizeCheck(
        num_pictures=len(many),
        smallest="{} x {}".format(*by_area[0]),
        largest="{} x {}".format(*by_area[-1]),
        num_bytes=levels.size,
        num_different=int(np.count_nonzero(levels)),
        max_levels=int(levels.max()),
        difference=difference,
        pillow=PIL.__version__,
    )


def check_images(choice: Chosen, results: Path, num_images: int, channels: int | None) -> CheckImages:
    """Test images of the prepared data set, evenly spread; seeded random ones if it is gone.

    Raises:
        LookupError: as `facts_of` says.
    """
    facts = facts_of(choice, results, channels)
    store = artifacts.store_of(results, str(choice.run["tags.data_fingerprint"]))
    if store is None:
        size = facts.image_size_px
        shape = (num_images, size, size, facts.channels)
        return CheckImages(
            images_BHWC=np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8),
            image_ids=(),
            task=facts.task,
            label_names=facts.label_names,
            what=f"{num_images} seeded random images, since the prepared ones are gone",
        )
    rows = artifacts.split_of(store, choice.run).rows("test")
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(num_images, len(rows))).astype(int))]
    return CheckImages(
        images_BHWC=store.gather(rows),
        image_ids=tuple(store.image_id[rows]),
        task=store.task,
        label_names=store.label_names,
        what=f"{len(rows)} test images" + (" (phantoms)" if store.is_phantom else ""),
    )


def distance_from_scores(choice: Chosen, check: CheckImages, probabilities_BL: NDArray[np.float32]) -> float | None:
    """The largest distance from the predictions that the run's test scores rest on; None if none can be compared.

    Raises:
        ValueError: it is so large that the weights cannot be those that were scored.
    """
    scored = predictions.load(choice.runs.tracking_uri, choice.run)
    if scored is None:
        return None
    place = {image: row for row, image in enumerate(scored.images["image"])}
    pairs = [(row, place[image]) for row, image in enumerate(check.image_ids) if image in place]
    if not pairs:
        return None
    ours, theirs = (list(rows) for rows in zip(*pairs, strict=True))
    distance = float(np.abs(probabilities_BL[ours] - scored.probabilities_NL[theirs]).max())
    if not distance < MAX_FROM_SCORES:
        raise ValueError(
            f"the weights must be those that were scored, within {MAX_FROM_SCORES} of the run's own predictions, but "
            f"differ by {distance:.3g} on {len(pairs)} test images; nothing is written"
        )
    return distance
