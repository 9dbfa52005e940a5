"""Contamination and copies: is an image that students are tested on among those that they were trained on?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.pages.chapter import Chapter
from analysis.pages.evidence import Evidence
from analysis.reading.trials import Runs
from analysis.tables import copy_table
from trainables.data.copy_counts import OTHER, crosses, in_words

NAME, TITLE = "copies", "Contamination and copies"
QUESTION = "Is an image that the students are tested on, or a copy of it, among those that they were trained on?"
NOT_KNOWN = (
    "Nobody has looked for copies among these images: the sweep was recorded before that was done. Run its command "
    "again: it trains nothing that is there, and looks for copies as it begins."
)
NONE = "No two of the images are identical or near-identical, within a split or across splits."
CONTAMINATED = (
    "Scores on these images may be too good. The list beside the prepared images, in the results folder, names the "
    "files; remove one of each pair, or give both one patient, and prepare the data again."
)
REDRAWN = (
    "These are splits as prepared. The repeats of this sweep draw others, or are folds, so that any pair of two "
    "patients' images may be parted by a test set."
)


def chapter(evidence: Evidence) -> Chapter:
    """The counts that the sweep recorded; those of the newest one, where several share the set-up."""
    recorded = _recorded(evidence.runs)
    if recorded is None:
        return Chapter(name=NAME, title=TITLE, question=QUESTION, empty=NOT_KNOWN)
    if reason := recorded.get("not_searched"):
        return Chapter(name=NAME, title=TITLE, question=QUESTION, empty=f"Copies were {reason}.")
    entries = recorded["counts"]
    if not entries:
        return Chapter(name=NAME, title=TITLE, question=QUESTION, sentences=[NONE])
    table = copy_table.table(evidence.runs, copy_table.rows(entries))
    sentences = _sentences(entries, is_redrawn=not evidence.runs.design.is_on_one_split)
    return Chapter(name=NAME, title=TITLE, question=QUESTION, sentences=sentences, tables=[table])


def _recorded(runs: Runs) -> Mapping[str, Any] | None:
    texts = runs.sweeps.reindex(columns=["tags.copies"])["tags.copies"].dropna().tolist()
    return dict(json.loads(str(texts[-1]))) if texts else None


def _sentences(entries: Sequence[Mapping[str, Any]], *, is_redrawn: bool) -> list[str]:
    across = [entry for entry in entries if crosses(entry)]
    sentences = [f"WARNING: {in_words(entry)}." for entry in across]
    if across:
        sentences.append(CONTAMINATED)
    else:
        sentences.append("No image has a copy in another split.")
    if is_redrawn and any(entry["whose"] == OTHER for entry in entries):
        sentences.append(REDRAWN)
    return sentences
