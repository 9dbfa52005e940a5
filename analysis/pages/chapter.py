"""A chapter of a report: what a clinic or a reviewer asks beyond which cell is best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from analysis.figures.drawing import Picture
from analysis.tables.rendering import Table


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """What one file of `analysis.chapters` has to say of a data set."""

    name: str  # its anchor on the page
    title: str
    question: str = ""  # what it answers, in a sentence
    sentences: Sequence[str] = ()
    tables: Sequence[Table] = field(default_factory=list)
    pictures: Sequence[Picture] = field(default_factory=list)
    empty: str = ""  # where there is nothing to show: why, and what to do

    def __post_init__(self) -> None:
        if not (self.sentences or self.tables or self.pictures or self.empty):
            raise ValueError(f"a chapter must show something, or say why not, but {self.name} does neither")
