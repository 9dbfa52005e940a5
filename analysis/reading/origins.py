"""What a number was made from: images, teacher, first weights, and which of them are phantoms.

A trial rests on a phantom where its images were drawn by a program, or where its teacher or its first weights were
trained on such images. Every table, figure and sentence takes its marks from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

PARTS = {  # the part -> the trial's tag, and its value where the part is a phantom
    "images": ("tags.data", "phantom"),
    "teacher": ("tags.teacher_is_phantom", "true"),
    "first weights": ("tags.init_is_phantom", "true"),
}
PHANTOM = "PHANTOM"  # marks every number that rests on a phantom
PHANTOM_NOTICE = "PHANTOM DATA: synthetic pictures, no patient's. These numbers say nothing about medicine."
HELP_NOTICE = (
    "PHANTOM {parts}: trained on synthetic pictures, no patient's. Numbers marked PHANTOM say nothing about medicine."
)


def phantom_parts(trials: pd.DataFrame) -> pd.Series:
    """Which parts of each trial are phantoms, in the order of `PARTS`: "", "images", "teacher, first weights", ..."""
    parts = pd.Series("", index=trials.index, dtype=object)
    for part, (tag, value) in PARTS.items():
        is_phantom = trials[tag].eq(value) if tag in trials else pd.Series(False, index=trials.index)
        parts = parts.mask(is_phantom, parts + parts.map(lambda before: ", " if before else "") + part)
    return parts


def union(parts: Iterable[object]) -> str:
    """The parts named in any of these texts; a value that is not text (a missing cell) names none."""
    named = {part for text in parts if isinstance(text, str) for part in text.split(", ")}
    return ", ".join(part for part in PARTS if part in named)


def only(parts: str, *names: str) -> str:
    """The phantom parts among these names."""
    return union(part for part in parts.split(", ") if part in names)


def of_cells(trials: pd.DataFrame) -> dict[str, str]:
    """For each cell of these trials (with their column ``phantom``), which of its parts are phantoms."""
    if "phantom" not in trials:
        return dict.fromkeys(trials["tags.cell"], "")
    return {str(cell): union(parts) for cell, parts in trials.groupby("tags.cell", sort=False)["phantom"]}


def notice(parts: str) -> str:
    """The notice at the head of a table, figure or page that rests on these parts; "" where none is a phantom."""
    if "images" in parts.split(", "):
        return PHANTOM_NOTICE
    return HELP_NOTICE.format(parts=parts.upper()) if parts else ""


def marked(text: str, parts: object) -> str:
    """`text` with the mark of a phantom where `parts` names one; a missing value names none."""
    return f"{text} {PHANTOM}" if isinstance(parts, str) and parts else text


def by_part(cells: Sequence[str], parts: Sequence[object]) -> list[str]:
    """One note for each combination of phantom parts, with its cells: ``PHANTOM teacher: a, b``."""
    grouped: dict[str, list[str]] = {}
    for cell, text in zip(cells, parts, strict=True):
        if isinstance(text, str) and text:
            grouped.setdefault(text, []).append(cell)
    return [f"{PHANTOM} {text}: {', '.join(dict.fromkeys(names))}" for text, names in grouped.items()]
