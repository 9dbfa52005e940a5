"""Makes a store: every image decoded once, by all cores, into one file that appears whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tqdm import tqdm

from trainables import atomic
from trainables.data.decode import UnreadableImageError, decode
from trainables.data.hold_out import hold_out
from trainables.data.listing import Listing
from trainables.data.splits import counts_for, official_split, split_patients, train_rank
from trainables.data.store import FACTS_KEY, STORE_VERSION, Store, new_content, row_content, salted_hashes

ROWS_PER_BATCH = 256
NUM_NAMED = 20  # unreadable images that an error names; the rest is counted


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
        num_threads: None for all cores; Pillow decodes outside Python's lock.

    Raises:
        UnreadableImagesError: images are absent or damaged; they are named with the reason.
        OSError: the disk is full; no part of a file is left.
        ValueError: there are too few patients for three splits, the finding cannot be held out, or the share cannot be
            had.
    """
    if is_official_split:
        split = official_split(listing.rows, listing.dataset, seed=split_seed, validation_share=validation_share)
    else:
        listing = listing.without_extra_test()
        counts = counts_for(listing.dataset, len(listing.rows), validation_share)
        split = split_patients(listing.rows, counts, seed=split_seed)
    if held_out:
        listing, split, _ = hold_out(listing, split, held_out)
    rows = listing.rows.assign(split=split, train_rank=train_rank(listing.rows, split, seed=split_seed))
    rows["patient"] = salted_hashes(rows["patient"].to_list(), salt)
    rows["image_id"] = salted_hashes(rows["path"].to_list(), salt)
    _check_space(out, len(rows) * image_size_px**2 * listing.channels)

    columns = rows.to_dict("list")
    try:
        with atomic.new_file(out) as part:
            _write(part, listing, columns, image_size_px, held_out, skip_unreadable, num_threads, progress)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise OSError(
            errno.ENOSPC, f"the disk is full: no store was written to {out}; free some space, or use --results"
        ) from error
    return Store.open(out)


def _check_space(out: Path, num_bytes: int) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(out.parent).free
    if free < num_bytes:
        raise OSError(
            f"the store needs {num_bytes / 1e6:,.0f} MB, but {out.parent} has {free / 1e6:,.0f} MB free; use --results"
        )


def _write(
    part: Path,
    listing: Listing,
    columns: dict[str, list],
    image_size_px: int,
    held_out: str | None,
    skip_unreadable: bool,
    num_threads: int | None,
    progress: bool,
) -> None:
    unreadable: list[tuple[str, str]] = []
    content, splits = new_content(held_out or ""), hashlib.sha256()
    schema = _schema(image_size_px**2 * listing.channels, len(columns["labels"][0]))
    with part.open("wb") as file, pa.ipc.new_file(file, schema) as writer:
        pending: pa.RecordBatch | None = None
        decoded = _decoded(listing, columns["path"], image_size_px, num_threads, progress, unreadable)
        for rows, images, digests in _in_batches(decoded, image_size_px, listing.channels):
            if pending is not None:
                writer.write_batch(pending)
            pending = _batch(schema, columns, rows, images)
            for row, digest in zip(rows, digests, strict=True):
                split, rank = columns["split"][row], columns["train_rank"][row]
                splits.update(f"{split} {rank};".encode())
                content.update(row_content(split, rank, columns["labels"][row], digest))
        _stop_at(unreadable, len(columns["path"]), skip_unreadable or pending is None)
        if pending is None:
            raise UnreadableImagesError(f"none of the {len(columns['path'])} images of {listing.root} can be read")
        facts = {
            "version": STORE_VERSION,
            "dataset": listing.dataset,
            "task": listing.task,
            "label_names": listing.label_names,
            "channels": listing.channels,
            "image_size_px": image_size_px,
            "is_phantom": listing.is_phantom,
            "fingerprint": content.hexdigest()[:16],
            "split_fingerprint": splits.hexdigest()[:16],
            "held_out": held_out or "",
            "left_out": [*listing.left_out.to_numpy().tolist(), *unreadable],
        }
        writer.write_batch(pending, custom_metadata={FACTS_KEY: json.dumps(facts).encode()})
        file.flush()
        os.fsync(file.fileno())


def _decoded(
    listing: Listing,
    paths: list[str],
    image_size_px: int,
    num_threads: int | None,
    progress: bool,
    unreadable: list[tuple[str, str]],
) -> Iterator[tuple[int, NDArray[np.uint8], bytes]]:
    """Row, pixels and their hash of every image that can be read, in order; the others go to `unreadable`."""

    def attempt(path: str) -> tuple[NDArray[np.uint8], bytes] | UnreadableImageError:
        try:
            image = decode(listing.root, path, image_size_px, listing.channels)
        except UnreadableImageError as error:
            return error
        return image, hashlib.blake2b(image.data).digest()

    bar = tqdm(total=len(paths), desc=f"decoding {listing.dataset}", unit="image", disable=not progress, delay=1)
    with bar, ThreadPoolExecutor(num_threads or os.cpu_count()) as pool:
        # A stretch is decoded while the one before is written; all at once would be decoded ahead without bound.
        stretches = [paths[start : start + ROWS_PER_BATCH] for start in range(0, len(paths), ROWS_PER_BATCH)]
        ahead = pool.map(attempt, stretches[0])
        for number, stretch in enumerate(stretches):
            outcomes = ahead
            ahead = pool.map(attempt, stretches[number + 1] if number + 1 < len(stretches) else [])
            for row, outcome in enumerate(outcomes, number * ROWS_PER_BATCH):
                if isinstance(outcome, UnreadableImageError):
                    unreadable.append((paths[row], str(outcome)))
                else:
                    yield row, *outcome
            bar.update(len(stretch))


def _in_batches(
    decoded: Iterator[tuple[int, NDArray[np.uint8], bytes]], image_size_px: int, channels: int
) -> Iterator[tuple[list[int], NDArray[np.uint8], list[bytes]]]:
    """Rows, pixels [<= ROWS_PER_BATCH, H, W, C] and hashes; all batches but the last are full, as `Store.gather` needs.

    Two buffers take turns: a batch stays as it is until the one after the next.
    """
    buffers = np.empty((2, ROWS_PER_BATCH, image_size_px, image_size_px, channels), np.uint8)
    rows: list[int] = []
    digests: list[bytes] = []
    for number, (row, image, digest) in enumerate(decoded):
        images = buffers[number // ROWS_PER_BATCH % 2]
        images[len(rows)] = image
        rows.append(row)
        digests.append(digest)
        if len(rows) == ROWS_PER_BATCH:
            yield rows, images, digests
            rows, digests = [], []
    if rows:
        yield rows, images[: len(rows)], digests


def _schema(image_bytes: int, num_labels: int) -> pa.Schema:
    return pa.schema(
        {
            "image": pa.binary(image_bytes),
            "labels": pa.list_(pa.int8(), num_labels),
            "patient": pa.string(),
            "image_id": pa.string(),
            "view": pa.string(),
            "sex": pa.string(),
            "age_years": pa.float32(),
            "split": pa.string(),
            "train_rank": pa.int64(),
        }
    )


def _batch(schema: pa.Schema, columns: dict[str, list], rows: list[int], images: NDArray[np.uint8]) -> pa.RecordBatch:
    pixels = pa.FixedSizeBinaryArray.from_buffers(schema.field("image").type, len(rows), [None, pa.py_buffer(images)])
    others = [
        pa.array([columns[field.name][row] for row in rows], field.type) for field in schema if field.name != "image"
    ]
    return pa.RecordBatch.from_arrays([pixels, *others], schema=schema)


def _stop_at(unreadable: list[tuple[str, str]], num_images: int, allowed: bool) -> None:
    if not unreadable or allowed:
        return
    named = "\n".join(f"  {path}: {reason}" for path, reason in unreadable[:NUM_NAMED])
    more = f"\n  and {len(unreadable) - NUM_NAMED} more" if len(unreadable) > NUM_NAMED else ""
    raise UnreadableImagesError(
        f"every image must be readable, but {len(unreadable)} of {num_images} are not:\n{named}{more}\n"
        "repair or remove them, or leave them out with --skip-unreadable"
    )
