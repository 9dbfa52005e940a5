"""A phantom data set's folder: whole or absent, made once, on all cores, marked as a phantom.

The pictures are drawn into a hidden folder beside the final one, which a last rename puts in place. A killed writer
leaves only that hidden folder, and the next writer removes it. `PHANTOM.json` in the root is what tells a phantom
from real data.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np
from filelock import FileLock
from joblib.externals.loky import ProcessPoolExecutor  # type: ignore[import-untyped]
from PIL import Image

from trainables import atomic
from trainables.steps import steps

MARK = "PHANTOM.json"
GENERATOR_VERSION = 2  # raise it when the same arguments would no longer give the same bytes
WORTH_A_PROCESS = 64  # jobs: drawing these takes about as long as starting a process
LOT = 8  # jobs handed out at a time, so that handing out costs nothing beside them
SMALLEST_IMAGE_PX = 16

Rows = list[tuple[str, Sequence[object]]]  # the table's path within the data set, and the row


@dataclass(frozen=True)
class Drawn:
    """What a job returns: files by their path within the data set, and rows for the tables by the table's path."""

    files: Mapping[str, bytes]
    rows: Sequence[tuple[str, Sequence[object]]] = field(default=())


def write_folder(
    folder: Path,
    arguments: Mapping[str, Any],
    *,
    draw: Callable[..., Drawn],
    jobs: Sequence[Mapping[str, Any]],
    tables: Mapping[str, Sequence[str]],
    num_processes: int | None = None,
    progress: bool = True,
) -> Path:
    """Puts the files of `draw(**job)` for every job into `folder`, and the tables; returns the folder.

    `tables` has the header of each table by its path (no header line if empty, compressed if it ends in .gz). A folder
    that holds a phantom of the same arguments is kept as it is. `num_processes` None: all cores, as far as that pays.

    Raises:
        FileExistsError: the folder holds something else, real images perhaps; it is never touched.
        OSError: the disk is full; nothing is left behind.
    """
    folder = Path(folder)
    facts = {"generator_version": GENERATOR_VERSION, "arguments": dict(arguments)}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock"), fallback_to_soft=False):
        if folder.exists():
            _check_same(folder, facts)
            return folder
        with atomic.new_folder(folder, locked=True) as part:
            rows = _draw_all(
                part, draw, jobs, title=f"phantom {folder.name}", num_processes=num_processes, progress=progress
            )
            _put_tables(part, tables, rows)
            _put(part, MARK, (json.dumps(facts, indent=2, sort_keys=True) + "\n").encode())
    return folder


def encode(picture: np.ndarray, kind: str, **options: Any) -> bytes:
    """A picture uint8 [H, W], [H, W, 3] or [H, W, 4] as a file of this kind, "JPEG" or "PNG"."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind, **options)
    return buffer.getvalue()


def check_at_least(**least: tuple[int, int]) -> None:
    """Takes name=(value, least) pairs. Raises: ValueError: a value is below its least."""
    for name, (value, bound) in least.items():
        if value < bound:
            raise ValueError(f"{name} >= {bound} must hold, but got {name}={value}")


def _check_same(folder: Path, facts: Mapping[str, Any]) -> None:
    mark = folder / MARK
    if not mark.is_file():
        raise FileExistsError(f"{folder} exists and has no {MARK}: real data is never replaced; choose another folder")
    present = json.loads(mark.read_text())
    if present != facts:
        raise FileExistsError(
            f"{folder} holds another phantom, {present}, where {facts} is wanted; delete it or choose another folder"
        )


def _draw_all(
    part: Path,
    draw: Callable[..., Drawn],
    jobs: Sequence,
    *,
    title: str,
    num_processes: int | None,
    progress: bool,
) -> Rows:
    """Table rows of all jobs, in the jobs' order."""
    lots = [jobs[start : start + LOT] for start in range(0, len(jobs), LOT)]
    num_processes = num_processes or min(joblib.cpu_count(), 1 + len(jobs) // WORTH_A_PROCESS)
    rows: Rows = []
    with ExitStack() as stack:
        advance = stack.enter_context(steps(title, len(jobs), "drawing", shown=progress))
        apply: Callable[..., Iterable[Rows]] = map
        if num_processes > 1:
            # loky neither forks the threads of this process (torch, Ray) nor imports its main module again
            apply = stack.enter_context(ProcessPoolExecutor(num_processes)).map
        for lot, lot_rows in zip(lots, apply(partial(_draw_lot, part, draw), lots), strict=True):
            rows += lot_rows
            advance(len(lot))
    return rows


def _draw_lot(part: Path, draw: Callable[..., Drawn], lot: Sequence[Mapping[str, Any]]) -> Rows:
    rows: Rows = []
    for job in lot:
        drawn = draw(**job)
        for name, content in drawn.files.items():
            _put(part, name, content)
        rows += drawn.rows
    return rows


def _put_tables(part: Path, tables: Mapping[str, Sequence[str]], rows: Rows) -> None:
    for name, header in tables.items():
        content = _csv(([header] if header else []) + [row for table, row in rows if table == name])
        _put(part, name, gzip.compress(content, mtime=0) if name.endswith(".gz") else content)


def _csv(rows: Sequence[Sequence[object]]) -> bytes:
    """As the releases have it: no quotes, Unix line ends."""
    return "".join(",".join(map(str, row)) + "\n" for row in rows).encode()


def _put(part: Path, name: str, content: bytes) -> None:
    (part / name).parent.mkdir(parents=True, exist_ok=True)
    (part / name).write_bytes(content)
