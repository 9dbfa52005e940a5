"""The picture: for each size, ours and theirs as stacked bars of where the wall clock went."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from analysis.figures import drawing
from tests.benchmarks.end_to_end.side_record import rounds
from tests.benchmarks.end_to_end.side_table import JUDGED, compared, is_judged, parts, questions

LABELS = {
    "start": "until the first epoch: imports, Ray, workers",
    "pictures": "decoding photographs (theirs with each view, ours once)",
    "teacher": "the teacher's answers",
    "student": "the student's steps (ours with its views)",
    "validation": "validation, test, saving",
    "other": "between trials, and slots without one",
}
COLOURS = dict(zip(LABELS, ("#BBBBBB", *drawing.PALETTE[:4], "#E8E8E8"), strict=True))


def picture(rows: pd.DataFrame) -> bytes:
    """The bars of every comparison on record that is judged and has both sides, as SVG.

    Raises:
        ValueError: there is none.
    """
    known = [
        (question, answers) for question, answers in questions(rows) if is_judged(question) and any(rounds(answers))
    ]
    if not known:
        raise ValueError("a picture needs a round with both sides on record, but there is none yet")
    figure, axes = drawing.empty_figure(len(known), 3.4, width_in=max(6.0, 4.0 * len(known)))
    for ax, (question, answers) in zip(axes, known, strict=True):
        frame = parts(answers)
        bottoms = pd.Series(0.0, index=frame.columns)
        for part, label in LABELS.items():
            ax.bar(list(frame.columns), frame.loc[part], 0.6, bottoms, color=COLOURS[part], label=label)
            bottoms = bottoms + frame.loc[part]
        # The medians of the table, to which those of the parts need not add up.
        totals = compared(answers).loc[JUDGED[0]]
        for place, side in enumerate(frame.columns):
            ax.text(place, bottoms[side], f"{totals[side]:.0f} s", ha="center", va="bottom", fontsize=9)
        num_rounds = sum(1 for _ in rounds(answers))
        ax.set_title(
            f"{question['px']} px, {question['num_images']} {question['images']}, n = {num_rounds}", fontsize=9
        )
        ax.set_ylabel("s of the wall clock")
        ax.margins(y=0.1)
    drawing.legend(figure, axes)
    return drawing.svg(figure)


def write(rows: pd.DataFrame, path: Path) -> None:
    """Writes the picture; raises what `picture` does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture(rows))
