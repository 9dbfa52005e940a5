"""Who is harmed: underdiagnosis and sensitivity by sex, age band, view and their intersections, and what of a gap comes
over from the teacher.

After L. Seyyed-Kalantari et al., "Underdiagnosis bias of artificial intelligence algorithms applied to chest
radiographs in under-served patient populations" (Nature Medicine 27, 2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pandas as pd

from analysis.figures import figure_harm
from analysis.methods.phrases import listed
from analysis.pages.chapter import Chapter
from analysis.pages.evidence import Evidence
from analysis.reading.origins import of_cells
from analysis.scores.group_counts import CellCounts, counts_of_cells
from analysis.scores.group_harm import harm_rows
from analysis.scores.harm_gaps import carried_rows, gap_rows
from analysis.scores.harm_words import carried_sentences, gap_sentences
from analysis.scores.missed import SENSITIVITY, UNDERDIAGNOSIS
from analysis.scores.subgroups import KINDS
from analysis.tables import harm
from search_spaces.space import RANDOM_TEACHER
from trainables import titles
from trainables.cell import ITSELF, NO_TEACHER, Cell
from trainables.data.averaging import MIN_POSITIVES

NAME, TITLE = "who_is_harmed", "Who is harmed"
QUESTION = "Is one group of patients missed more often than another, and does such a gap come over from the teacher?"
COLUMNS = {"sex": "sex (F or M)", "age band": "age (in years)", "view": "view"}  # of a CSV
SELECTED = (
    "The worst and the best group are named by the validation images and measured on the test images, since the "
    "greatest of several rates on one set of images is biased upwards, in a bootstrap too."
)


def chapter(evidence: Evidence) -> Chapter:
    """The chapter of one data set."""
    shown = partial(Chapter, name=NAME, title=TITLE, question=QUESTION)
    if not evidence.tested:
        return shown(empty="No confirming repeat has predictions of its test images: finish the sweep first.")
    cells = counts_of_cells(evidence.tested, evidence.validated, evidence.runs.dataset, evidence.rules[0])
    if not cells:
        return shown(
            empty="No repeat has predictions of validation images, by which thresholds are chosen: its record is older "
            "than these, and only a new sweep makes them."
        )
    if not any(of_cell.kinds for of_cell in cells.values()):
        return shown(empty=_no_groups(evidence))
    rows = pd.concat([harm_rows(of_cell) for of_cell in cells.values()], ignore_index=True)
    if rows.empty:
        return shown(empty=_no_measure(cells))
    return _full(evidence, cells, rows)


def _full(evidence: Evidence, cells: Mapping[str, CellCounts], rows: pd.DataFrame) -> Chapter:
    runs, phantom = evidence.runs, of_cells(evidence.runs.confirm)
    definition = next(iter(cells.values())).measures.definition
    gaps, carried = gap_rows(cells), carried_rows(cells)
    tables = [harm.groups(runs, rows, definition)]
    tables += [harm.gaps(runs, gaps)] if len(gaps) else []
    tables += [harm.carried(runs, carried)] if len(carried) else []
    tables += [harm.labels(runs, rows)] if (~rows["measure"].isin([UNDERDIAGNOSIS, SENSITIVITY])).any() else []
    sentences = [
        f"{definition.sentence} Thresholds are those of {evidence.rules[0].title} on the validation images of each "
        "repeat, one for all groups.",
        *_too_small(rows),
        *_without(cells),
        *_lacking(cells),
        *_of_gaps(evidence, cells, gaps, phantom),
        *carried_sentences(carried, phantom),
        *_teachers_not_scored(cells),
    ]
    picture = figure_harm.picture(
        figure_harm.rows(rows, phantom, _order(cells)),
        definition.sentence,
        harm.interval_notes(runs)[0].removeprefix("low, high: "),
    )
    return Chapter(
        name=NAME,
        title=TITLE,
        question=QUESTION,
        sentences=sentences,
        tables=tables,
        pictures=[picture] if picture else [],
    )


def _of_gaps(
    evidence: Evidence, cells: Mapping[str, CellCounts], gaps: pd.DataFrame, phantom: Mapping[str, str]
) -> list[str]:
    """The sentences on gaps, or why there are none."""
    if not any(of_cell.is_on_one_test_set for of_cell in cells.values()):
        parts = evidence.runs.design.parts
        return [
            f"Gaps between groups are not tested: the validation images of some {parts} are test images of others, so "
            "that no images are left to name the worst group without looking at those that measure it."
        ]
    if gaps.empty:
        return [
            "No gap is tested: no two groups of one kind have enough patients in the test set and some in the "
            "validation set."
        ]
    return [SELECTED, *gap_sentences(gaps, phantom)]


def _too_small(rows: pd.DataFrame) -> list[str]:
    """How many groups are not judged."""
    main = UNDERDIAGNOSIS if rows["measure"].eq(UNDERDIAGNOSIS).any() else SENSITIVITY
    groups = rows[rows["measure"] == main].groupby(["kind", "group"], sort=False)["is_enough"].any()
    few = [f"{group}" for (_, group), is_enough in groups.items() if not is_enough]
    if not few:
        return []
    return [
        f"{len(few)} of {len(groups)} groups have fewer than {MIN_POSITIVES} patients that {main} counts: they are "
        f"shown with their counts, never tested, and never the worst ({'; '.join(few)})."
    ]


def _without(cells: Mapping[str, CellCounts]) -> list[str]:
    """Which of sex, age and view are not known, or the same for all."""
    known = {counts.kind for of_cell in cells.values() for counts in of_cell.kinds}
    missing = [kind for kind in KINDS if kind not in known]
    if not missing:
        return []
    return [
        f"The test images have no two groups by {listed(missing)}. Images of your own need the columns "
        f"{listed([COLUMNS[kind] for kind in missing])} in their CSV."
    ]


def _lacking(cells: Mapping[str, CellCounts]) -> list[str]:
    """Labels that have no threshold."""
    by_words: dict[str, list[str]] = {}
    for cell, of_cell in cells.items():
        for words in of_cell.measures.lacking:
            by_words.setdefault(words, []).append(cell)
    return [
        f"Without a threshold in every repeat, and so left out: {words}, of {_all_or(names, cells)}. The validation "
        "images have one class of it alone, or the wanted level cannot be reached."
        for words, names in by_words.items()
    ]


def _all_or(names: list[str], cells: Mapping[str, CellCounts]) -> str:
    return "all cells" if len(names) == len(cells) else ", ".join(names)


def _teachers_not_scored(cells: Mapping[str, CellCounts]) -> list[str]:
    """Which teachers are not among the cells, so that their own gap is not known."""
    parsed = [Cell.parse(name) for name in cells]
    scored = {cell.teacher for cell in parsed if cell.method == ITSELF}
    others = sorted({cell.teacher for cell in parsed} - scored - {NO_TEACHER, RANDOM_TEACHER})
    if not others:
        return []
    who = listed(titles.teacher(name) for name in others)
    return [
        f"Not scored itself: {who}. Whether the teacher's own gap is as wide is not known; --controls scores each "
        "teacher that has an output for every label."
    ]


def _no_groups(evidence: Evidence) -> str:
    has = "no two sexes, age bands or views"
    return (
        f"The test images of {evidence.runs.dataset} have {has}, so that no group can be compared with another. Images "
        f"of your own need one or more of the columns {listed(COLUMNS.values())} in their CSV; prepare it again then."
    )


def _no_measure(cells: Mapping[str, CellCounts]) -> str:
    lacking = sorted({words for of_cell in cells.values() for words in of_cell.measures.lacking})
    why = f"no label has a threshold in every repeat: {', '.join(lacking)}" if lacking else "no label is averaged"
    return f"Nothing can be counted at the operating point, because {why}. Give the validation set more images."


def _order(cells: Mapping[str, CellCounts]) -> list[str]:
    """The cells for the figure: a teacher itself, plain transfer and the teacher's students, then all others."""
    names = list(cells)
    teachers = [name for name in names if Cell.parse(name).method == ITSELF]
    taught = [name for name in names if Cell.parse(name).teacher != NO_TEACHER and name not in teachers]
    first = {Cell.parse(name).teacher for name in teachers[:1]}
    of_first = [name for name in taught if Cell.parse(name).teacher in first] or taught
    plain = [Cell.parse(name).baseline().name for name in of_first]
    return [*teachers[:1], *(name for name in plain if name in cells), *of_first, *names]
