"""The networks behind a cell: its teacher, its student before training, and the trained student of its first repeat.

Shapes: B images, H x W pixels, C planes of h x w at the tap, L labels or classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from analysis.reading import artifacts
from analysis.reading.trials import Runs
from trainables.data.catalogue import synonyms
from trainables.data.normalising import normalise
from trainables.data.store import Store
from trainables.models.architectures import build, known, restored
from trainables.models.beginning import give_first_weights
from trainables.models.taps import Tap, Taps
from trainables.teachers.imagenet import first_weights
from trainables.teachers.shelf import Teacher
from trainables.transfer.attention import unit_planes

TEACHER, BEFORE, AFTER = "teacher", "student, before", "student, after"
BATCH = 32  # images per forward pass


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network with its weights, in evaluation mode, and the names of what it scores."""

    architecture: str
    label_names: tuple[str, ...]
    module: nn.Module

    def tap(self, role: str) -> Tap:
        """Where a role is (`trainables.models.network_facts`)."""
        return known(self.architecture).taps[role]

    def column(self, label: str) -> int | None:
        """The output for a label, by its name or the name that another data set has for it; None without one."""
        names = [name for name in (label, *synonyms(label)) if name in self.label_names]
        return self.label_names.index(names[0]) if names else None

    @torch.no_grad()
    def planes(self, images_BHWC: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
        """The planes at the tap of Eq. 1 [B, C, h, w], and the logits [B, L]."""
        tap = self.tap("attention")
        with Taps(self.module, [tap.place]) as taps:
            logits_BL = self.module(views(images_BHWC))
        return tap.read(taps[tap.place]), logits_BL

    def attention(self, images_BHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The attention maps [B, h, w]: the mean absolute unit plane, so that networks can be compared."""
        attention_Bhw: NDArray[np.float32] = unit_planes(self.planes(images_BHWC)[0]).abs().mean(dim=1).numpy()
        return attention_Bhw


def views(images_BHWC: NDArray[np.uint8]) -> Tensor:
    """Stored images as a network takes them, [B, 3, H, W]."""
    return normalise(torch.from_numpy(np.ascontiguousarray(images_BHWC)))


def batches(store: Store, rows: NDArray[np.int64]) -> Iterator[NDArray[np.uint8]]:
    """The images of `rows`, `BATCH` at a time."""
    for start in range(0, len(rows), BATCH):
        yield store.gather(rows[start : start + BATCH])


def network(architecture: str, label_names: Sequence[str], state: dict[str, Tensor]) -> Network:
    """A network with these weights."""
    module = restored(architecture, len(label_names), state)
    return Network(architecture=architecture, label_names=tuple(label_names), module=module.eval())


def of_teacher(teacher: Teacher) -> Network:
    """A teacher, which sees through its own eyes."""
    module = teacher.network().eval()
    return Network(architecture=teacher.architecture, label_names=teacher.label_names, module=module)


def on_shown_images(runs: Runs) -> pd.DataFrame:
    """The confirming repeats with a student that were trained on their sweep's own prepared images.

    Left out are cells that vary the size of the images: shown the sweep's own, they would see another size than they
    have learned from.
    """
    return runs.trained[runs.trained["tags.data_fingerprint"] == runs.data_fingerprint]


def first_repeats(runs: Runs) -> pd.DataFrame:
    """The first confirming repeat of each cell with a student, all of one split and of the sweep's own images.

    Where splits differ, an image that tests one student may have trained another: cells without a repeat on the first
    repeat's split are left out, as are those that `on_shown_images` leaves out.
    """
    trained = on_shown_images(runs)
    columns = ["params.fold", "params.split_draw", "params.seed"]  # a run that is older than a column comes first
    order = trained.reindex(columns=columns).astype(float).fillna(0).sort_values(columns, kind="stable")
    repeats = trained.loc[order.index]
    splits = repeats["tags.split_fingerprint"]
    return repeats[splits == splits.head(1).squeeze()].drop_duplicates("tags.cell")


def of_run(runs: Runs, run: pd.Series, teachers: Sequence[Teacher], label_names: Sequence[str]) -> dict[str, Network]:
    """The networks of a repeat (a row of `Runs.confirm`) by role: TEACHER, BEFORE, AFTER, if at hand."""
    by_name = {teacher.name: teacher for teacher in teachers}
    student, by_role = str(run["params.student"]), {}
    teacher, init = by_name.get(run["params.teacher"]), by_name.get(first_weights(str(run["params.init"]), student))
    if teacher is not None:
        by_role[TEACHER] = of_teacher(teacher)
    if init is not None or run["params.init"] == "random":
        own_seed = run.get("params.init_seed")
        # As the trial drew the layers that no weights are loaded into.
        torch.manual_seed(int(run["params.seed"] if own_seed is None or pd.isna(own_seed) else own_seed))
        before = build(student, len(label_names))
        give_first_weights(before, student, str(run["params.init"]), init.state_dict() if init is not None else None)
        by_role[BEFORE] = Network(architecture=student, label_names=tuple(label_names), module=before.eval())
    if file := artifacts.weights_of(runs.tracking_uri, run):
        by_role[AFTER] = network(student, label_names, load_file(file))
    return by_role
