"""Could we have seen a difference: what this sweep was able to tell from chance, and what a point would have needed."""

from __future__ import annotations

from analysis.figures import figure_visible
from analysis.pages.chapter import Chapter
from analysis.pages.evidence import Evidence
from analysis.reading import origins
from analysis.scores.comparisons import planned
from analysis.scores.power_rows import ONE_POINT, level_of, power_rows
from analysis.tables import detectable_differences

NAME, TITLE = "power", "Could we have seen a difference?"
QUESTION = (
    "Where no difference is shown, was there none, or was the sweep too small to see it? And which of two cells would "
    "be ahead if both were trained and tested once more?"
)
EMPTY = (
    "Nothing is compared: no cell has its baseline (plain transfer of the same student) or another teacher beside it, "
    "with an AUC on the same test images. Run the sweep with plain transfer among its --methods, or with more "
    "--teacher-names."
)


def chapter(evidence: Evidence) -> Chapter:
    """The smallest visible difference of every planned comparison, and what a difference of one point would need."""
    pairs = planned(list(evidence.draws))
    if not pairs:
        return Chapter(name=NAME, title=TITLE, question=QUESTION, empty=EMPTY)
    runs = evidence.runs
    frame = power_rows(evidence.draws, pairs)
    more = f"python -m analysis.power {runs.dataset} says what the next sweep could see with other numbers of repeats."
    picture = figure_visible.picture(frame, origins.of_cells(runs.confirm))
    return Chapter(
        name=NAME,
        title=TITLE,
        question=QUESTION,
        sentences=[*detectable_differences.sentences(frame, ONE_POINT, runs.design), more],
        tables=[detectable_differences.table(runs, frame, ONE_POINT, level_of(evidence.draws, pairs))],
        pictures=[picture] if picture else [],
    )
