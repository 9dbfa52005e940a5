"""A folder of classes, as ImageNet has it: ``train/<class>/<name>.jpg``, each image its own patient.

The stand-in for ImageNet among the phantoms; any folder in this layout can pre-train a teacher.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pandas as pd

from trainables.data.dataset import DEFAULT_METRICS, Dataset
from trainables.data.listing import ROW_COLUMNS, Listing, class_labels, nothing_left_out
from trainables.data.person_columns import plain
from trainables.data.shown_names import is_utf_8

LAYOUT = "ImageNet's layout: train/<class>/<name>.jpg"
SUFFIXES = (".jpg", ".jpeg", ".png")


def read(root: Path) -> Listing:
    """The listing of the images under ``root/train``; classes in alphabetical order.

    Raises:
        FileNotFoundError: there is no class folder with an image in it.
        ValueError: there is one class only or more than 127, or a name is not in UTF-8 or looks like another one.
    """
    files = sorted(path for path in root.glob("train/[!.]*/[!.]*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise FileNotFoundError(f"no images in {root}; expected {LAYOUT}")
    classes = sorted({path.parent.name for path in files})
    if len(classes) < 2:
        raise ValueError(f"there must be at least 2 classes, but {root} has only {classes[0]!r}")
    _check_names(classes, root)
    paths = [path.relative_to(root).as_posix() for path in files]
    if (odd := next((path for path in paths if not is_utf_8(path)), None)) is not None:
        raise ValueError(f"a file's name must be in UTF-8, but {root} has {odd!r}; rename it")
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


def _check_names(classes: list[str], root: Path) -> None:
    """No two classes look the same, and each can be printed: they are the names of labels."""
    named: dict[str, str] = {}
    for name in classes:
        if not name.isprintable():
            raise ValueError(f"a class must have a name that can be printed, but {root} has {name!r}; rename it")
        other = named.setdefault(plain(unicodedata.normalize("NFC", name.strip())), name)
        if other != name:
            raise ValueError(
                f"a class must have one spelling, but {root} has {other!r} and {name!r}; join or rename them"
            )


DATASET = Dataset(
    name="generic",
    title="generic",
    task="multiclass",
    selection_metric=DEFAULT_METRICS["multiclass"],
    read=read,
    folders=("generic",),
)
