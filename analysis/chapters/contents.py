"""The chapters in the order of the page."""

from __future__ import annotations

from collections.abc import Callable

from analysis.chapters import contamination, label_doubt
from analysis.pages.chapter import Chapter
from analysis.pages.evidence import Evidence

CHAPTERS: tuple[Callable[[Evidence], Chapter], ...] = (
    label_doubt.chapter,
    contamination.chapter,
)


def chapters(evidence: Evidence) -> list[Chapter]:
    """Every chapter, made from the same evidence."""
    return [chapter(evidence) for chapter in CHAPTERS]
