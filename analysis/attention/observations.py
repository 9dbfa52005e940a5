"""What the networks of each cell show: where their maps point, how attention relates to each label, and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.attention import association, grad_cam, pointing
from analysis.attention.attention_pictures import ATTENTION, CAM, label_of, picture
from analysis.figures.drawing import Picture
from analysis.probes import networks
from analysis.probes.networks import AFTER, BATCH, BEFORE, TEACHER, Network
from analysis.reading import artifacts, origins
from analysis.reading.trials import Runs
from trainables.data.store import Store


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What to show: these `rows` of the store or `num_images` drawn at random, for `label` or what `label_of` says."""

    rows: tuple[int, ...] | None = None
    num_images: int = 4
    label: str | None = None
    seed: int = 0
    with_images: bool = False  # whether patients' images are drawn; phantoms always are


@dataclass(frozen=True, kw_only=True)
class CellNetworks:
    """The networks of one cell that are at hand, each by its role: TEACHER, BEFORE or AFTER."""

    cell: str
    networks: Mapping[str, Network]
    subjects: Mapping[str, str]  # what the tables call each network
    phantom: Mapping[str, str]  # which parts of each network are phantoms (`analysis.reading.origins`)


def cells_of(runs: Runs, results: Path, store: Store) -> Iterator[CellNetworks]:
    """The first confirming repeat of each cell; one cell is in memory at a time."""
    teachers = artifacts.teachers_of(runs, results)
    for _, run in networks.first_repeats(runs).iterrows():
        cell, parts = str(run["tags.cell"]), str(run["phantom"])
        subjects = {
            TEACHER: f"teacher {run['params.teacher']}",
            BEFORE: f"{run['params.student']} from {run['params.init']}, seed {int(run['params.seed'])}",
            AFTER: cell,
        }
        phantom = {  # the images count for all three, since all are judged on them
            TEACHER: origins.only(parts, "images", "teacher"),
            BEFORE: origins.only(parts, "images", "first weights"),
            AFTER: parts,
        }
        at_hand = networks.of_run(runs, run, teachers, store.label_names)
        yield CellNetworks(cell=cell, networks=at_hand, subjects=subjects, phantom=phantom)


class Observations:
    """Collects what the networks show, cell by cell; a network that several cells share is observed once."""

    def __init__(self, store: Store, test_boxes: pd.DataFrame, choice: Choice, rows: Sequence[int]) -> None:
        """`rows` of the store are those to draw."""
        self.points: dict[str, pd.DataFrame] = {}  # by subject, as `points_of` makes them
        self.associations: dict[str, pd.DataFrame] = {}  # by subject, as `association.rows` makes them
        self.pictures: list[Picture] = []
        self.left_out: list[str] = []
        self.phantom: dict[str, str] = {}  # subject -> which parts of it are phantoms
        self._store = store
        self._boxes = test_boxes
        self._choice = choice
        self._rows = rows

    def add(self, cell: CellNetworks) -> None:
        """Observes the networks of one cell, and draws its picture where its images may be shown."""
        if AFTER not in cell.networks:
            self.left_out.append(f"{cell.cell}: its weights are missing")
            return
        for role, network in cell.networks.items():
            subject = cell.subjects[role]
            self.phantom[subject] = origins.union([self.phantom.get(subject), cell.phantom[role]])
            if subject not in self.points:
                self._observe(subject, role, network)
        if self._store.is_phantom or self._choice.with_images:
            self.pictures.append(self._picture(cell))

    def _observe(self, subject: str, role: str, network: Network) -> None:
        store = self._store
        self.points[subject] = points_of(subject, role, network, store, self._boxes)
        if role == BEFORE:
            return
        amounts = {split: association.amounts(network, store, store.rows(split)) for split in ("validation", "test")}
        self.associations[subject] = association.rows(
            subject,
            role,
            store,
            validation_NC=amounts["validation"],
            test_NC=amounts["test"],
            rng=np.random.default_rng(self._choice.seed),
        )

    def _picture(self, cell: CellNetworks) -> Picture:
        student = cell.networks[AFTER]
        labels = {row: self._choice.label or label_of(self._store, row, self._boxes, student) for row in self._rows}
        return picture(
            cell.networks,
            self._store,
            self._boxes,
            labels,
            name=f"attention_maps_{len(self.pictures) + 1}",
            cell=cell.cell,
            phantom=cell.phantom[AFTER],
        )


def points_of(subject: str, role: str, network: Network, store: Store, boxes: pd.DataFrame) -> pd.DataFrame:
    """Where a network's maps point in each image, for each label with a box: subject, map, row, label, x, y."""
    pairs = boxes[["row", "label"]].drop_duplicates().sort_values(["row", "label"])
    points = []
    for kind in (ATTENTION, CAM) if role != BEFORE else (ATTENTION,):  # an untrained classifier knows no label
        name = f"{kind}, before" if role == BEFORE else kind
        has_label = pairs["label"].map(lambda label: network.column(label) is not None).astype(bool)
        mapped = pairs[has_label] if kind == CAM else pairs
        for start in range(0, len(mapped), BATCH):
            batch = mapped.iloc[start : start + BATCH]
            images = store.gather(batch["row"].to_numpy(dtype=np.int64))
            if kind == CAM:
                maps_Bhw = grad_cam.of_network(network, images, batch["label"].tolist())
            else:
                maps_Bhw = network.attention(images)
            peaks = [pointing.peak(map_hw, store.image_size_px) for map_hw in maps_Bhw]
            points += [
                (subject, name, row, label, x, y)
                for (row, label), (x, y) in zip(batch.itertuples(index=False), peaks, strict=True)
            ]
    return pd.DataFrame(points, columns=["subject", "map", "row", "label", "x", "y"])
