"""A folder of classes, as ImageNet has it: ``train/<class>/<name>.jpg``, each image its own patient.

The stand-in for ImageNet among the phantoms; any folder in this layout can pre-train a teacher.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from trainables.data.dataset import DEFAULT_METRICS, Dataset
from trainables.data.listing import ROW_COLUMNS, Listing, class_labels, nothing_left_out

LAYOUT = "ImageNet's layout: train/<class>/<name>.jpg"
SUFFIXES = (".jpg", ".jpeg", ".png")


def read(root: Path) -> Listing:
    """The listing of the images under ``root/train``; classes in alphabetical order.

    Raises:
        FileNotFoundError: there is no class folder with an image in it.
        ValueError: there is one class only.
    """
    files = sorted(path for path in root.glob("train/*/*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise FileNotFoundError(f"no images in {root}; expected {LAYOUT}")
    classes = sorted({path.parent.name for path in files})
    if len(classes) < 2:
        raise ValueError(f"there must be at least 2 classes, but {root} has only {classes[0]!r}")
    paths = [path.relative_to(root).as_posix() for path in files]
    rows = pd.DataFrame(
        {
            "path": paths,
            "patient": paths,
            "view": "",
            "sex": "",
            "age_years": float("nan"),
            "official_split": "",
            "labels": class_labels(pd.Series([classes.index(path.parent.name) for path in files])),
        }
    )
    return Listing(
        dataset=DATASET.name,
        root=root,
        task=DATASET.task,
        label_names=tuple(classes),
        channels=DATASET.channels,
        rows=rows[list(ROW_COLUMNS)],
        left_out=nothing_left_out(),
    )


DATASET = Dataset(
    name="generic",
    title="generic",
    task="multiclass",
    selection_metric=DEFAULT_METRICS["multiclass"],
    read=read,
    folders=("generic",),
)
