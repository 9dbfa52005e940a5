"""The store: a data set decoded once, in one memory-mapped Arrow IPC file that all trials of a machine share.

A row is an image: its pixels (uint8, H x W x C), labels, salted hashes of patient and path, view, sex, age, split, and
its rank among the training images. What holds for the whole file stands in the metadata of its last record batch.

Shapes: N images, L labels (1 for "multiclass": the class), H x W pixels, C planes (1 grey, 3 colours).
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainables.data.listing import POSITIVE, UNCERTAIN
from trainables.data.splits import SPLITS
from trainables.data.withdrawn import withdrawn_beside
from trainables.pasting import command_line

STORE_VERSION = 4
FACTS_KEY = b"facts"
COLUMNS = ("labels", "patient", "image_id", "view", "sex", "age_years", "split", "train_rank")


class Store:
    """A prepared data set, opened for reading; `open` checks it.

    Attributes:
        dataset, task, label_names, channels, image_size_px, is_phantom: as in `Listing`.
        fingerprint: of pixels, labels and splits; two stores of one fingerprint give the same numbers.
        split_fingerprint: of the splits and the nested order alone.
        prepared: the data set as it was prepared, of which this is another split; the store itself where it is none.
        held_out: the finding that all training went without (`trainables.data.hold_out`); "" where none was.
        labels: int8 [N, L]; patient, image_id, view, sex, split: text [N]; age_years: float32 [N]; train_rank: int64
        [N].
    """

    def __init__(
        self,
        path: Path,
        facts: Mapping[str, Any],
        columns: Mapping[str, NDArray[Any]],
        chunks: Sequence[NDArray[np.uint8]],
    ) -> None:
        self.path = path
        self.dataset: str = facts["dataset"]
        self.task: str = facts["task"]
        self.label_names: tuple[str, ...] = tuple(facts["label_names"])
        self.channels: int = facts["channels"]
        self.image_size_px: int = facts["image_size_px"]
        self.is_phantom: bool = facts["is_phantom"]
        self.fingerprint: str = facts["fingerprint"]
        self.split_fingerprint: str = facts["split_fingerprint"]
        self.held_out: str = facts["held_out"]
        self.left_out: list[list[str]] = facts["left_out"]
        self.prepared = self
        self._facts, self._columns = dict(facts), dict(columns)
        self._chunks, self._rows_per_chunk = chunks, len(chunks[0])
        self.labels: NDArray[np.int8] = columns["labels"]
        self.patient, self.image_id, self.view, self.sex, self.split = (
            columns[name].astype(str) for name in ("patient", "image_id", "view", "sex", "split")
        )
        self.age_years: NDArray[np.float32] = columns["age_years"]
        self.train_rank: NDArray[np.int64] = columns["train_rank"]

    @classmethod
    def open(cls, path: Path, *, even_withdrawn: bool = False) -> Store:
        """Opens a store; that no patient is in two splits, or has withdrawn, is checked each time.

        Args:
            even_withdrawn: to take out those who have withdrawn.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is cut short, of another version, or has a patient in two splits or one who has
                withdrawn.
        """
        if not path.is_file():
            raise FileNotFoundError(
                f"no prepared data at {path}; make it with {command_line('platform.prepare', 'DATASET')}"
            )
        try:
            store = cls(path, *_read(path))
        except (pa.ArrowException, OSError) as error:
            raise ValueError(
                f"{path} must be a whole store, but cannot be read ({error}); delete it and prepare the data again"
            ) from error
        store._check_patients()
        if not even_withdrawn:
            withdrawn_beside(path).check(path, store.dataset, store.patient)
        return store

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the file says of all of its rows."""
        return self._facts

    @property
    def num_images(self) -> int:
        """N."""
        return len(self.labels)

    def gather(self, rows_B: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The images of `rows_B` as a new array [B, H, W, C]; fastest where the rows are sorted."""
        images = np.empty((len(rows_B), *self._chunks[0].shape[1:]), np.uint8)
        for place, row in enumerate(rows_B.tolist()):
            images[place] = self._chunks[row // self._rows_per_chunk][row % self._rows_per_chunk]
        return images

    def only(self, rows: NDArray[np.int64]) -> Store:
        """A store of these rows alone, in memory; its fingerprint is still that of the whole."""
        columns = {name: values[rows] for name, values in self._columns.items()}
        return Store(self.path, self._facts, columns, [self.gather(rows)])

    def with_split(self, split: NDArray[np.str_], train_rank: NDArray[np.int64]) -> Store:
        """The same images split in another way; no pixel is copied.

        Raises:
            ValueError: a patient is in two splits.
        """
        other = copy.copy(self)
        other.split, other.train_rank = split.astype(str), train_rank
        other._columns = {**self._columns, "split": split.astype(object), "train_rank": train_rank}
        other.split_fingerprint = fingerprint_of_split(split, train_rank)
        both = f"{self.prepared.fingerprint} {other.split_fingerprint}"
        other.fingerprint = hashlib.sha256(both.encode()).hexdigest()[:16]
        prints = {"fingerprint": other.fingerprint, "split_fingerprint": other.split_fingerprint}
        other._facts = {**self._facts, **prints}
        other._check_patients()
        return other

    def rows(self, split: str, fraction: float = 1.0) -> NDArray[np.int64]:
        """The rows of a split in ascending order; of "train" the first `fraction`, nested in every larger one.

        Raises:
            ValueError: there is no such split, or a fraction of another split than "train" is asked for.
        """
        if split not in SPLITS:
            raise ValueError(f"the split must be one of {', '.join(SPLITS)}, but got {split!r}")
        if fraction == 1:
            return np.flatnonzero(self.split == split)
        if split != "train" or not 0 < fraction < 1:
            raise ValueError(f"only a fraction in (0, 1] of train can be had, but got {fraction} of {split}")
        num_rows = max(1, round(fraction * np.count_nonzero(self.split == "train")))
        return np.flatnonzero((self.train_rank >= 0) & (self.train_rank < num_rows))

    def targets(self, rows: NDArray[np.int64], uncertainty: str) -> tuple[NDArray, NDArray[np.float32] | None]:
        """What the loss compares with: classes int64 [B], or targets float32 [B, L], and which labels count [B, L].

        `uncertainty` says what an uncertain label is: "zeros", "ones", or "ignore" (the mask is 0 there; it is None
        where every label counts). A label that is not mentioned is negative.
        """
        if self.task == "multiclass":
            return self.labels[rows, 0].astype(np.int64), None
        codes = self.labels[rows]
        targets = (codes == POSITIVE).astype(np.float32)
        if uncertainty == "ones":
            targets[codes == UNCERTAIN] = 1.0
        mask = (codes != UNCERTAIN).astype(np.float32) if uncertainty == "ignore" else None
        return targets, mask

    def recomputed_fingerprint(self) -> str:
        """`fingerprint`, from the pixels, labels and splits as they now are; reads the whole file."""
        content = new_content(self.held_out)
        rows = zip(self.split, self.train_rank, self.labels, strict=True)
        for row, (split, rank, labels) in enumerate(rows):
            image = self._chunks[row // self._rows_per_chunk][row % self._rows_per_chunk]
            content.update(row_content(split, rank, labels, hashlib.blake2b(image.data).digest()))
        return content.hexdigest()[:16]

    def _check_patients(self) -> None:
        owners, first = np.unique(self.patient, return_index=True)
        split_of = self.split[first]
        strays = self.split != split_of[np.searchsorted(owners, self.patient)]
        if strays.any():
            patient = self.patient[strays][0]
            raise ValueError(
                f"no patient may be in two splits, but {np.unique(self.patient[strays]).size} are in {self.path}, "
                f"patient hash {patient} first; delete the file and prepare the data again"
            )


def fingerprint_of_split(split: Iterable[str], train_rank: Iterable[int]) -> str:
    """16 hexadecimal digits of the SHA-256 over the split and the rank of each image."""
    digest = hashlib.sha256()
    for name, rank in zip(split, train_rank, strict=True):
        digest.update(f"{name} {rank};".encode())
    return digest.hexdigest()[:16]


def new_content(held_out: str) -> hashlib._Hash:
    """The fingerprint before its first row: never equal where another finding, or none, is held out."""
    return hashlib.sha256(f"held out {held_out}".encode() if held_out else b"")


def row_content(split: str, train_rank: int, labels: NDArray[np.int8], image_digest: bytes) -> bytes:
    """What of one row goes into the fingerprint."""
    return f"{split} {train_rank};".encode() + labels.tobytes() + image_digest


def _read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]], list[NDArray[np.uint8]]]:
    """What holds for the whole file, its columns, and its images in pieces, which are read from the disk when used."""
    reader = pa.ipc.open_file(pa.memory_map(str(path)))
    batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
    facts = facts_in(reader, path)
    shape = (-1, facts["image_size_px"], facts["image_size_px"], facts["channels"])
    chunks = [np.frombuffer(batch.column("image").buffers()[1], np.uint8).reshape(shape) for batch in batches]
    table = pa.Table.from_batches(batches).select(COLUMNS)
    columns = {name: table[name].to_numpy() for name in COLUMNS}
    return facts, columns | {"labels": np.stack(columns["labels"])}, chunks


def facts_in(reader: pa.ipc.RecordBatchFileReader, path: Path) -> dict[str, Any]:
    """What the file at `path` says of itself.

    Raises:
        ValueError: it is of another version.
    """
    last = reader.get_batch_with_custom_metadata(reader.num_record_batches - 1)
    facts = json.loads((last.custom_metadata or {FACTS_KEY: b"{}"})[FACTS_KEY])
    if facts.get("version") != STORE_VERSION:
        raise ValueError(
            f"{path} must be a store of version {STORE_VERSION}, but is of {facts.get('version')}; "
            "delete it and prepare the data again"
        )
    return dict(facts)


def salted_hashes(names: list[str], salt: bytes) -> list[str]:
    """16 hexadecimal digits per name: the same for the same name and salt; without the salt none can be guessed."""
    return [hashlib.blake2b(name.encode(), key=salt, digest_size=8).hexdigest() for name in names]
