"""The chapters in the order of the page."""

from __future__ import annotations

from collections.abc import Callable

from analysis.chapters import (
    checklists_filled,
    contamination,
    cost,
    could_have_seen,
    ensembles,
    external,
    label_doubt,
    methods_in_words,
    what_a_clinic_sees,
    who_is_harmed,
)
from analysis.pages.chapter import Chapter
from analysis.pages.evidence import Evidence

CHAPTERS: tuple[Callable[[Evidence], Chapter], ...] = (
    could_have_seen.chapter,
    what_a_clinic_sees.chapter,
    who_is_harmed.chapter,
    external.chapter,
    label_doubt.chapter,
    ensembles.chapter,
    cost.chapter,
    contamination.chapter,
    methods_in_words.chapter,
    checklists_filled.chapter,
)


def chapters(evidence: Evidence) -> list[Chapter]:
    """Every chapter, made from the same evidence."""
    return [chapter(evidence) for chapter in CHAPTERS]
