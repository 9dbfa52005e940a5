"""Writes a store's file: columns and images in, record batches, what holds for all of them, and fingerprints out.

Shapes: H x W pixels, C planes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainables.data.store import FACTS_KEY, new_content, row_content

ROWS_PER_BATCH = 64  # two batches are held at a time; more would leave the processor's cache before they are written

Row = tuple[int, NDArray[np.uint8], bytes]  # its number in the columns, its image [H, W, C], the pixels' BLAKE2b


def write(
    part: Path,
    columns: Mapping[str, list[Any]],
    images: Iterable[Row],
    facts: Callable[[], Mapping[str, Any]],
    *,
    shape: tuple[int, int, int],
    held_out: str,
) -> None:
    """Writes the rows of `images`, flushed to the disk.

    Args:
        part: the file, which gets its name later.
        columns: all but the images, by name; rows that `images` leaves out are left out.
        images: in the order of the columns.
        facts: asked once all images are there, for what holds for the whole file except for its fingerprints; it may
            refuse by an error, and must where there was no image.
        shape: H, W, C of an image.
        held_out: the finding that all training goes without; "" for none.
    """
    rows_hash, splits_hash = new_content(held_out), hashlib.sha256()
    schema = _schema(int(np.prod(shape)), len(columns["labels"][0]))
    with part.open("wb") as file, _flushed(file) as flush_ahead, pa.ipc.new_file(file, schema) as writer:
        pending: pa.RecordBatch | None = None
        for rows, pixels, digests in _in_batches(images, shape):
            if pending is not None:
                writer.write_batch(pending)
                flush_ahead()
            pending = _batch(schema, columns, rows, pixels)
            for row, digest in zip(rows, digests, strict=True):
                split, rank = columns["split"][row], columns["train_rank"][row]
                splits_hash.update(f"{split} {rank};".encode())
                rows_hash.update(row_content(split, rank, columns["labels"][row], digest))
        prints = {"fingerprint": rows_hash.hexdigest()[:16], "split_fingerprint": splits_hash.hexdigest()[:16]}
        all_facts = json.dumps({**facts(), **prints}).encode()
        writer.write_batch(pending, custom_metadata={FACTS_KEY: all_facts})


@contextmanager
def _flushed(file: IO[bytes]) -> Iterator[Callable[[], None]]:
    """A file that is on the disk in the end; what it yields has the disk begin, while more is decoded."""
    flushes: list[Future[None]] = []
    with ThreadPoolExecutor(1) as flusher:
        yield lambda: flushes.append(flusher.submit(os.fsync, file.fileno()))
    for flush in flushes:
        flush.result()  # the kernel tells of a failed write once, to whoever flushes first
    file.flush()
    os.fsync(file.fileno())


def _in_batches(
    decoded: Iterable[Row], shape: tuple[int, int, int]
) -> Iterator[tuple[list[int], NDArray[np.uint8], list[bytes]]]:
    """Rows, pixels [<= ROWS_PER_BATCH, H, W, C] and hashes; all batches but the last are full, as `Store.gather` needs.

    Two buffers take turns: a batch stays as it is until the one after the next.
    """
    buffers = np.empty((2, ROWS_PER_BATCH, *shape), np.uint8)
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


def _batch(
    schema: pa.Schema, columns: Mapping[str, list[Any]], rows: list[int], images: NDArray[np.uint8]
) -> pa.RecordBatch:
    pixels = pa.FixedSizeBinaryArray.from_buffers(schema.field("image").type, len(rows), [None, pa.py_buffer(images)])
    others = [
        pa.array([columns[field.name][row] for row in rows], field.type) for field in schema if field.name != "image"
    ]
    return pa.RecordBatch.from_arrays([pixels, *others], schema=schema)
