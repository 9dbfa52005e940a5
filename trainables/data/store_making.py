"""Makes a store: every image decoded once, by all cores, into one file that appears whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections import deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainables import atomic
from trainables.data import store_writing
from trainables.data.decode import UnreadableImageError, decode
from trainables.data.listing import Listing
from trainables.data.shown_names import shown
from trainables.data.splits import split_rows
from trainables.data.store import STORE_VERSION, Store, salted_hashes
from trainables.data.withdrawn import kept_rows, unnamed
from trainables.steps import steps

NUM_NAMED = 20  # unreadable images that an error names; the rest is counted
AHEAD_PER_THREAD = 8  # images decoded before they are written: enough for no thread to wait behind a slow one

_Outcome = tuple[NDArray[np.uint8], bytes] | UnreadableImageError  # pixels and their hash, or why there are none


class UnreadableImagesError(ValueError):
    """Some images cannot be used, and leaving them out was not allowed."""


def prepare(
    listing: Listing,
    out: Path,
    *,
    image_size_px: int,
    salt: bytes,
    split_seed: int = 0,
    is_official_split: bool = False,
    validation_share: float | None = None,
    held_out: str | None = None,
    withdrawn: Collection[str] = (),
    skip_unreadable: bool = False,
    num_threads: int | None = None,
    progress: bool = True,
) -> Store:
    """Decodes, splits and writes `listing` to `out`, and opens it.

    Args:
        salt: the key of the hashes of patients and paths; up to 64 bytes, and a secret.
        held_out: the finding that all training goes without, as `trainables.data.hold_out` says; None for none.
        is_official_split: the release's own split instead of one drawn with Table II's counts.
        validation_share: as in `trainables.data.splits`; None for Table II's, or a tenth.
        withdrawn: hashes of patients whose images are left out, once all are split: the others keep their splits.
        num_threads: None for all cores; Pillow decodes outside Python's lock.

    Raises:
        UnreadableImagesError: images are absent or damaged; they are named with the reason.
        OSError: the disk is full; no part of a file is left.
        ValueError: as `split_rows`; or every patient has withdrawn.
    """
    listing, rows = split_rows(listing, split_seed, is_official_split, validation_share, held_out)
    rows["patient"] = salted_hashes(rows["patient"].to_list(), salt)
    rows["image_id"] = salted_hashes(rows["path"].to_list(), salt)
    kept = kept_rows(rows, withdrawn, listing.dataset)
    others: dict[str, Any] = {"held_out": held_out or "", "any_withdrawn": len(kept) < len(rows)}
    content = _Content(listing, kept.to_dict("list"), image_size_px=image_size_px, **others)
    _check_space(out, len(kept) * content.image_bytes)
    with _full_disk_named(out), atomic.new_file(out) as part:
        _write(part, content, _Decoding(num_threads, progress, skip_unreadable))
    return Store.open(out)


@dataclass(frozen=True)
class _Content:
    """What a store will hold."""

    listing: Listing
    columns: dict[str, list]  # all but the images
    _: KW_ONLY
    image_size_px: int
    held_out: str
    any_withdrawn: bool

    @property
    def image_bytes(self) -> int:
        return self.image_size_px**2 * self.listing.channels


@dataclass(frozen=True)
class _Decoding:
    """How the images become pixels."""

    num_threads: int | None
    progress: bool
    skip_unreadable: bool


@contextmanager
def _full_disk_named(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise OSError(
            errno.ENOSPC, f"the disk is full: no store was written to {out}; free some space, or use --results"
        ) from error


def _check_space(out: Path, num_bytes: int) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(out.parent).free
    if free < num_bytes:
        raise OSError(
            f"the store needs {num_bytes / 1e6:,.0f} MB, but {out.parent} has {free / 1e6:,.0f} MB free; use --results"
        )


def _write(part: Path, content: _Content, decoding: _Decoding) -> None:
    unreadable: list[tuple[str, str]] = []
    store_writing.write(
        part,
        content.columns,
        _decoded(content, decoding, unreadable),
        lambda: _facts(content, unreadable, decoding),
        shape=(content.image_size_px, content.image_size_px, content.listing.channels),
        held_out=content.held_out,
    )


def _facts(content: _Content, unreadable: list[tuple[str, str]], decoding: _Decoding) -> dict[str, Any]:
    """What holds for the whole file, except for its fingerprints.

    Raises:
        UnreadableImagesError: too many images could not be read: all, or any where none may be left out.
    """
    listing, num_images = content.listing, len(content.columns["path"])
    if len(unreadable) == num_images:
        raise UnreadableImagesError(
            f"none of the {num_images} images can be read:\n{_named(unreadable)}\n"
            f"paths are relative to {listing.root}; for a CSV of your own, prepare's --images names another folder"
        )
    if unreadable and not decoding.skip_unreadable:
        raise UnreadableImagesError(
            f"every image must be readable, but {len(unreadable)} of {num_images} are not:\n"
            f"{_named(unreadable)}\nrepair or remove them, or leave them out with --skip-unreadable"
        )
    left_out = [*listing.left_out.to_numpy().tolist(), *unreadable]
    return {
        "version": STORE_VERSION,
        "dataset": listing.dataset,
        "task": listing.task,
        "label_names": listing.label_names,
        "channels": listing.channels,
        "image_size_px": content.image_size_px,
        "is_phantom": listing.is_phantom,
        "held_out": content.held_out,
        "left_out": unnamed(left_out) if content.any_withdrawn else left_out,
    }


def _decoded(
    content: _Content, decoding: _Decoding, unreadable: list[tuple[str, str]]
) -> Iterator[tuple[int, NDArray[np.uint8], bytes]]:
    """Row, pixels and their hash of every image that can be read, in order; the others go to `unreadable`."""
    listing, paths = content.listing, content.columns["path"]

    def attempt(path: str) -> _Outcome:
        try:
            image = decode(listing.root, path, content.image_size_px, listing.channels)
        except UnreadableImageError as error:
            return error
        return image, hashlib.blake2b(image.data).digest()

    bar = steps(f"decoding {listing.dataset}", len(paths), "image", shown=decoding.progress)
    num_threads = decoding.num_threads or os.cpu_count() or 1
    with bar as advance, ThreadPoolExecutor(num_threads) as pool:
        for row, outcome in enumerate(_ahead(pool, attempt, paths, num_threads * AHEAD_PER_THREAD)):
            if isinstance(outcome, UnreadableImageError):
                unreadable.append((paths[row], str(outcome)))
            else:
                yield row, *outcome
            advance()


def _ahead(pool: Executor, work: Callable[[str], _Outcome], paths: list[str], num_ahead: int) -> Iterator[_Outcome]:
    """The outcomes of `paths` in order, of which at most `num_ahead` are ready or under way before they are asked for.

    Few enough to stay in the processor's cache, until they are written, and for their memory to be used again.
    """
    waiting: deque[Future[_Outcome]] = deque()
    for path in paths:
        waiting.append(pool.submit(work, path))
        if len(waiting) > num_ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _named(unreadable: list[tuple[str, str]]) -> str:
    """The first images with the reason, a line each, and how many more there are."""
    more = [f"  and {len(unreadable) - NUM_NAMED} more"] if len(unreadable) > NUM_NAMED else []
    return "\n".join([*(f"  {shown(path)}: {reason}" for path, reason in unreadable[:NUM_NAMED]), *more])
