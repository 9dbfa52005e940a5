"""The chapter with the reporting checklists, filled in as far as the ledger goes."""

from __future__ import annotations

from analysis.methods.checklists import TITLES, rows, table
from analysis.pages.chapter import Chapter
from analysis.pages.evidence import Evidence


def chapter(evidence: Evidence) -> Chapter:
    """One table per checklist; what no program can know is left open by name."""
    return Chapter(
        name="checklists",
        title="Reporting checklists",
        question="What do the checklists of journals ask, and where does this report answer it?",
        sentences=[
            "What the record of the runs can answer is filled in; what it cannot is left open for the author. Whether "
            "an answer is good enough for a journal is for its author and reviewers to judge.",
        ],
        tables=[table(rows(evidence.runs, name), name) for name in TITLES],
    )
