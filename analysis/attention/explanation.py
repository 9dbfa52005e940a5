"""Everything that `analysis.attention_maps` says: pictures, the pointing game, and attention against each disease."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.attention import association, explanation_tables, grad_cam, pointing
from analysis.attention.attention_pictures import ATTENTION, CAM, chosen_rows, label_of, picture
from analysis.figures.drawing import Picture
from analysis.probes import networks
from analysis.probes.networks import AFTER, BATCH, BEFORE, TEACHER, Network
from analysis.reading import artifacts, origins
from analysis.reading.trials import Runs
from analysis.tables.rendering import Table
from trainables.data import catalogue
from trainables.data.boxes import EDGES, placed
from trainables.data.store import Store


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is shown: these `rows` of the store or `num_images` at random, `label` or what `label_of` says."""

    rows: tuple[int, ...] | None = None
    num_images: int = 4
    label: str | None = None
    seed: int = 0
    with_images: bool = False  # patients' images are drawn; phantoms always are


@dataclass(frozen=True, kw_only=True)
class Boxes:
    """The boxes at hand; `note` says how many, or why there are none."""

    frame: pd.DataFrame
    note: str


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What the page shows."""

    store: Store
    facts: list[tuple[str, str]]
    sentences: list[str]
    tables: list[Table]
    pictures: list[Picture]
    left_out: list[str]
    phantom: str  # which parts of any network are phantoms (`analysis.reading.origins`)


def boxes_at_hand(store: Store, results: Path, data: Path | None) -> Boxes:
    """The boxes of the store's images, from the raw data under `data`, or from the phantom under `results`.

    Raises:
        FileNotFoundError, ValueError: the images under `data` are not those of the store, or cannot be read.
    """
    none = pd.DataFrame(columns=["row", "label", *EDGES])
    listed = {name: record.boxes for name, record in catalogue.DATASETS.items() if record.boxes}
    if store.dataset not in listed:
        return Boxes(frame=none, note=f"none: only {', '.join(listed)} has published boxes")
    file = listed[store.dataset].file
    if data is None and not store.is_phantom:
        return Boxes(frame=none, note=f"none: --data DIR must say where the images and {file} lie")
    reasons = []
    for folder in [data] if data else sorted((results / "phantoms").glob("*")):
        if data is None and not (folder / store.dataset).is_dir():
            continue
        listing = catalogue.read(store.dataset, folder)
        if not (listing.root / file).is_file():
            reasons.append(f"no {file} in {listing.root.name} of {folder.name}")
            continue
        try:
            frame, left_out = placed(listing, store, artifacts.salt_of(results))
        except ValueError as error:
            if data:
                raise
            reasons.append(str(error))
            continue
        counted = "; ".join(f"{count} left out: {reason}" for reason, count in sorted(left_out.items()))
        return Boxes(
            frame=frame, note=f"{len(frame)} in {frame['row'].nunique()} images" + f"; {counted}" * bool(counted)
        )
    return Boxes(frame=none, note="none: " + ("; ".join(reasons) or "the phantom's folder is gone"))


def explain(found: Runs, results: Path, data: Path | None, choice: Choice) -> Explanation:
    """Looks at the first confirming repeat of every cell that has its weights.

    Raises:
        LookupError: the prepared data is gone, or no cell has its weights.
        FileNotFoundError, ValueError: as `boxes_at_hand` and `chosen_rows`, or the data set has no such label.
    """
    store = _store(found, results, choice)
    boxes = boxes_at_hand(store, results, data)
    is_test = boxes.frame["row"].isin(store.rows("test"))
    test_boxes = boxes.frame[is_test]
    shown = chosen_rows(store, test_boxes, choice.rows, choice.num_images, np.random.default_rng(choice.seed))
    points: dict[str, pd.DataFrame] = {}
    associations: dict[str, pd.DataFrame] = {}
    pictures: list[Picture] = []
    left_out: list[str] = []
    phantom: dict[str, str] = {}
    for cell, subjects, at_hand, parts in _cells(found, results, store):
        if AFTER not in at_hand:
            left_out.append(f"{cell}: its weights are missing")
            continue
        for name, subject in subjects.items():
            phantom[subject] = origins.union([phantom.get(subject), parts[name]])
            if subject in points:  # a teacher, or first weights, of a cell before
                continue
            points[subject] = points_of(subject, name, at_hand[name], store, test_boxes)
            if name != BEFORE:
                associations[subject] = _associations(subject, name, at_hand[name], store, choice.seed)
        if store.is_phantom or choice.with_images:
            labels = {row: choice.label or label_of(store, row, test_boxes, at_hand[AFTER]) for row in shown}
            pictures.append(
                picture(f"attention_maps_{len(pictures) + 1}", cell, at_hand, store, test_boxes, labels, parts[AFTER])
            )
    if not points:
        raise LookupError(f"no cell of {found.dataset} has its weights: {'; '.join(left_out) or 'none was confirmed'}")
    frame = _pointed(pd.concat(points.values(), ignore_index=True), boxes.frame, is_test, store)
    frame = frame.assign(phantom=frame["subject"].map(phantom))
    associated = association.corrected(list(associations.values()))
    associated = associated.assign(phantom=associated["subject"].map(phantom))
    tables = [explanation_tables.pointing_table(frame, found)] if len(frame) else []
    tables.append(explanation_tables.association_table(associated, found))
    return Explanation(
        store=store,
        facts=_facts(store, boxes, len(test_boxes), choice, bool(pictures)),
        sentences=explanation_tables.sentences(frame),
        tables=tables,
        pictures=pictures,
        left_out=left_out,
        phantom=origins.union(phantom.values()),
    )


def points_of(subject: str, name: str, network: Network, store: Store, boxes: pd.DataFrame) -> pd.DataFrame:
    """Where a network's maps point in each image, for each label with a box: subject, map, row, label, x, y."""
    pairs = boxes[["row", "label"]].drop_duplicates().sort_values(["row", "label"])
    made = []
    for kind in (ATTENTION, CAM) if name != BEFORE else (ATTENTION,):  # an untrained classifier says nothing of a label
        has_it = pairs["label"].map(lambda label: network.column(label) is not None).astype(bool)
        asked = pairs[has_it] if kind == CAM else pairs
        for start in range(0, len(asked), BATCH):
            some = asked.iloc[start : start + BATCH]
            images = store.gather(some["row"].to_numpy(dtype=np.int64))
            if kind == CAM:
                maps_Bhw = grad_cam.of_network(network, images, some["label"].tolist())
            else:
                maps_Bhw = network.attention(images)
            peaks = [pointing.peak(map_hw, store.image_size_px) for map_hw in maps_Bhw]
            said = f"{kind}, before" if name == BEFORE else kind
            made += [
                (subject, said, row, label, x, y)
                for (row, label), (x, y) in zip(some.itertuples(index=False), peaks, strict=True)
            ]
    return pd.DataFrame(made, columns=["subject", "map", "row", "label", "x", "y"])


def _store(found: Runs, results: Path, choice: Choice) -> Store:
    prints = found.trials["tags.data_fingerprint"].tolist()
    store = artifacts.store_of(results, str(prints[0])) if prints else None
    if store is None:
        raise LookupError(f"no prepared data of these runs in {results}; --results must say where the sweep's lies")
    if choice.label is not None and choice.label not in store.label_names:
        raise ValueError(f"the label must be one of {', '.join(store.label_names)}, but got {choice.label!r}")
    return store


def _cells(
    found: Runs, results: Path, store: Store
) -> Iterator[tuple[str, dict[str, str], dict[str, Network], dict[str, str]]]:
    """Each cell, what its networks' rows are called by, the networks, and which parts of each are phantoms.

    One cell is in memory at a time.
    """
    teachers = artifacts.teachers_of(found, results)
    for _, run in networks.first_repeats(found).iterrows():
        cell = str(run["tags.cell"])
        at_hand = networks.of_run(found, run, teachers, store.label_names)
        first = f"{run['params.student']} from {run['params.init']}, seed {int(run['params.seed'])}"
        called = {TEACHER: f"teacher {run['params.teacher']}", BEFORE: first, AFTER: cell}
        whole = str(run["phantom"])  # what judges a teacher, and a student before training, are the images all the same
        parts = {
            TEACHER: origins.only(whole, "images", "teacher"),
            BEFORE: origins.only(whole, "images", "first weights"),
            AFTER: whole,
        }
        yield cell, {name: called[name] for name in at_hand}, at_hand, parts


def _associations(subject: str, name: str, network: Network, store: Store, seed: int) -> pd.DataFrame:
    seen_NC, test_NC = (association.amounts(network, store, store.rows(split)) for split in ("validation", "test"))
    return association.rows(subject, name, seen_NC, test_NC, store, np.random.default_rng(seed))


def _pointed(points: pd.DataFrame, boxes: pd.DataFrame, is_test: pd.Series, store: Store) -> pd.DataFrame:
    if points.empty:
        return pd.DataFrame(columns=list(pointing.COLUMNS))
    aims = pointing.targets(boxes[is_test], boxes[~is_test], store.image_size_px, store.image_size_px // 32)
    return pointing.rows(points, aims, dict(enumerate(store.patient)), store.image_size_px)


def _facts(store: Store, boxes: Boxes, num_test_boxes: int, choice: Choice, drawn: bool) -> list[tuple[str, str]]:
    cells, test = store.image_size_px // 32, store.rows("test")
    hidden = "left out because they show patients; --images includes them"
    how = f"drawn at random, seed {choice.seed}" if choice.rows is None else "chosen by row"
    return [
        ("images", f"{len(test)} test images of {len(set(store.patient[test]))} patients, {store.image_size_px} px"),
        (
            "resolution",
            f"{cells} x {cells} cells per map, each {store.image_size_px // cells} px wide: nothing finer can be read",
        ),
        ("networks", "for each cell, the first confirming repeat at its best epoch"),
        ("radiologists' boxes", f"{boxes.note}; {num_test_boxes} in test images"),
        ("pictures", how if drawn else hidden),
    ]
