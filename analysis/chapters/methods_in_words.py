"""The chapter that writes a paper's methods section from the ledger."""

from __future__ import annotations

from analysis.methods.paragraphs import paragraphs
from analysis.methods.phrases import count
from analysis.pages.chapter import Chapter
from analysis.pages.evidence import Evidence

NAME, TITLE = "methods_in_words", "Methods, in words"


def chapter(evidence: Evidence) -> Chapter:
    """What was run, in paragraphs for a paper."""
    written = paragraphs(evidence.runs, len(evidence.contrasts))
    num_open = sum(each.num_open for each in written)
    known = "Every sentence is made from the record of the runs, so that a paper cannot say other than what was run."
    lacking = (
        f"{count(num_open, 'fact')} that a paper needs {'is' if num_open == 1 else 'are'} not recorded, and named so."
    )
    return Chapter(
        name=NAME,
        title=TITLE,
        question="What was done, as a paper's methods section says it?",
        sentences=[known, *([lacking] if num_open else [])],
        paragraphs=written,
    )
