"""AUC against the number of images: tables, figures and sentences of `platform.evaluate`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

import trainables.cell
from analysis.figures import drawing
from analysis.figures.drawing import Picture
from analysis.probes.networks import AFTER, BEFORE
from analysis.reading.origins import PHANTOM, by_part, marked, union
from analysis.scores.comparisons import LEVEL, sentence
from analysis.tables.findings import named
from analysis.tables.rendering import MISSING, Cell, Table, number
from trainables.data.averaging import MIN_POSITIVES

GREY = "#777777"  # for what was not trained on the task


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of evaluation, and the words for it."""

    name: str  # of the files
    title: str
    size: str  # the symbol for the number of images
    across: str  # the label of the axis
    notes: tuple[str, ...]


SHARED_NOTES = (
    "on frozen embeddings of length 1 (what the head averages, rectified), logistic regression with C = 1 learns the "
    "finding against the rest; AUC in percent; images with an uncertain label for the finding are left out",
    "95% interval: hierarchical bootstrap over the test patients, over the {what} and over the repeats: how far other "
    "patients, {what} or trainings would move the mean. Every draw learns from the same patients, and the repeats "
    "are few: both make it too narrow",
    "difference: from plain transfer of the same student, in percentage points, paired by patient and {single}; p: the "
    "larger of patients' (bootstrap) and seeds' (Welch), Holm's correction over this evaluation; none with one repeat",
    "repeats: a teacher appears once, and so does a student before training where seeds only draw the head",
    "knew it: teachers, including first weights, that were trained on the finding, by the names of their labels: what "
    "such a teacher and its students know need not come from these images",
)
FEW_SHOT = Kind(
    name="few_shot",
    title="Few-shot",
    size="K",
    across="images of the new class (as many of the rest)",
    notes=(
        "an episode: K test images with the finding and K without, to learn from; a smaller K of an episode learns "
        "from a part of them, and every K is tested on the same images, of the patients that the largest K leaves",
        *(note.format(what="episodes", single="episode") for note in SHARED_NOTES),
    ),
)
NEW_DISEASE = Kind(
    name="new_disease",
    title="A new disease",
    size="n",
    across="images of the new disease (as many without)",
    notes=(
        "n training images with the finding, which no student was trained on, and n without, which they were; a "
        "smaller draw lies within a larger one, and the whole test set judges",
        *(note.format(what="draws", single="draw") for note in SHARED_NOTES),
    ),
)


def table(frame: pd.DataFrame, kind: Kind, finding: str, where: str, *, knew: Mapping[str, str], data: str) -> Table:
    """The rows of one finding of `few_shot.evaluate` or `new_disease.evaluate`, with a column `phantom`
    (`analysis.reading.origins`).

    Args:
        where: the data set of the test images.
        knew: for each subject the teachers that knew the finding, "" for none.
        data: "phantom" or "real".
    """
    here = frame[frame["finding"] == finding]
    size = kind.size
    head = [["network", size, "AUC", "95% interval", "difference", "95% interval", "p (Holm)", "repeats", "knew it"]]
    body = [
        [
            named(str(row.subject), row.phantom), Cell(str(row.size)), Cell(number(100 * row.auc, digits=1)),
            Cell(f"{100 * row.low:.1f} to {100 * row.high:.1f}"), *_difference(row), Cell(str(row.n)),
            Cell(knew.get(row.subject) or MISSING),
        ]
        for row in here.itertuples()
    ]  # fmt: skip
    first = here.iloc[0]
    counts = (
        f"{first['num_episodes']} {'episodes' if kind is FEW_SHOT else 'draws'}; each is judged on "
        f"{first['num_judged']:.0f} test images, {first['num_judged_positives']:.0f} of them with {finding} "
        f"(the mean); {first['num_patients']} test patients in all"
    )
    if first["num_judged_positives"] < MIN_POSITIVES:
        counts += f"; fewer than {MIN_POSITIVES} positives are too few for a reliable AUC"
    notes = [counts, *kind.notes, *by_part(here["subject"].tolist(), here["phantom"].tolist())]
    return Table(
        name=f"{kind.name}_{_plain(finding)}", title=f"{kind.title}: {finding} of {where}", head=head, body=body,
        frame=here.assign(knew_it=here["subject"].map(knew).astype("string").fillna(""), data=data), notes=notes,
        phantom=union(here["phantom"]),
    )  # fmt: skip


def sentences(frame: pd.DataFrame, kind: Kind) -> list[str]:
    """What the paired differences support, one sentence or more per cell."""
    lines = []
    pairs = frame[frame["baseline"].notna() & (frame["kind"] == AFTER)]
    for (finding, first, second), block in pairs.groupby(["finding", "subject", "baseline"]):
        differing = block[block["p_holm"] < LEVEL]
        phantom = union(frame.loc[frame["subject"].isin([first, second]), "phantom"])
        sizes = ", ".join(str(size) for size in block["size"])
        if differing.empty:
            both = f"no difference can be shown between {first} and {second}."
            lines.append(f"{finding}, {kind.size} of {sizes}: {both}{_phantom_sentence(phantom)}")
        for row in differing.to_dict("records"):
            interval = {"low": row["difference_low"], "high": row["difference_high"]}
            facts = {**row, **interval, "first": first, "second": second, "phantom": phantom}
            lines.append(f"{finding}, {kind.size} = {row['size']}: {sentence(facts)}")
    return lines or ["There is no cell of plain transfer of the same student to compare with."]


def _phantom_sentence(phantom: str) -> str:
    return f" {PHANTOM} {phantom}." if phantom else ""


def picture(frame: pd.DataFrame, kind: Kind, finding: str, where: str) -> Picture:
    """AUC against the number of images, with the difference from plain transfer, one row per method; bands: 95%."""
    here = frame[frame["finding"] == finding]
    panels = _panels(here)
    figure, axes = drawing.empty_figure(num_columns=2, num_rows=len(panels), height_in=4.0)
    teachers = drawing.teachers_of(here.loc[here["kind"] == AFTER, "subject"].tolist())
    for place, (title, block) in enumerate(panels.items()):
        left, right = axes[2 * place : 2 * place + 2]
        draw(block, left, teachers, ("low", "auc", "high"))
        draw(block[block["baseline"].notna()], right, teachers, ("difference_low", "difference", "difference_high"))
        left.axhline(50, color=GREY, linewidth=0.6)
        right.axhline(0, color=GREY, linewidth=0.6)
        left.set_title(title)
        right.set_title("less plain transfer, same student")
        left.set_ylabel(f"AUC of {finding}, test set (%)")
        right.set_ylabel("difference, percentage points")
        for ax in (left, right):
            ax.set_xlabel(kind.across)
    drawing.announce_phantom(figure, union(here["phantom"]))
    drawing.legend(figure, axes)
    last = here[here["size"] == here["size"].max()]
    real = last[last["phantom"] == ""]  # a phantom is called the highest among phantoms alone
    best = (real if len(real) else last).loc[lambda rows: rows["auc"].idxmax()]
    alternative = (
        f"Left: AUC of {finding} on {where} against the number of images of it, one line per network; right: the "
        f"paired difference from plain transfer of the same student; bands: 95% bootstrap intervals of the trained "
        f"students. "
        f"With {best['size']} images the highest is {marked(best['subject'], best['phantom'])} "
        f"with {100 * best['auc']:.1f}%."
    )
    title = f"{kind.title}: how few images of {finding} are enough"
    return Picture(
        name=f"{kind.name}_{_plain(finding)}", title=title, alternative=alternative, figure=figure, frame=here
    )


def draw(frame: pd.DataFrame, ax: Axes, teachers: list[str], columns: tuple[str, str, str]) -> None:
    """One line per subject: cells as in all figures; before training, grey and hollow; teachers dotted with crosses."""
    for name, points in frame.groupby("subject", sort=False):
        kind, look = points["kind"].iloc[0], _look(str(name), points["kind"].iloc[0], teachers)
        x, (low, y, high) = points["size"].to_numpy(dtype=float), 100 * points[list(columns)].to_numpy(dtype=float).T
        ax.plot(x, y, label=drawing.key(str(name), union(points["phantom"])), markersize=4, **look)
        if kind == AFTER:
            ax.fill_between(x, low, high, color=look["color"], alpha=0.12, linewidth=0)
    ax.set_xscale("log")
    sizes = np.unique(frame["size"])
    ax.set_xticks(sizes, labels=[str(size) for size in sizes])
    ax.minorticks_off()


def _look(name: str, kind: str, teachers: list[str]) -> dict[str, Any]:
    if kind == AFTER:
        return drawing.style(name, teachers)
    if kind == BEFORE:
        return {**drawing.look(name.split()[0], "all", GREY), "alpha": 1.0, "fillstyle": "none", "linewidth": 1}
    teacher = name.removeprefix("teacher ")
    colour = drawing.colour(teacher, [*teachers, teacher])
    return {"color": colour, "linestyle": ":", "marker": "x", "linewidth": 1, "alpha": 0.8}


def _panels(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    subjects = zip(frame["subject"], frame["kind"], strict=True)
    methods = [trainables.cell.Cell.parse(name).method if kind == AFTER else "" for name, kind in subjects]
    method = pd.Series(methods, index=frame.index, dtype=object)
    others = [name for name in sorted(method.unique()) if name not in ("", "transfer")]
    if not others:
        return {"transfer learning": frame}
    return {f"{name} transfer": frame[method.isin(["", "transfer", name])] for name in others}


def _difference(row: Any) -> list[Cell]:
    if pd.isna(row.difference):
        return [Cell(MISSING)] * 3
    interval = f"{100 * row.difference_low:+.1f} to {100 * row.difference_high:+.1f}"
    p = MISSING if pd.isna(row.p_holm) else "< 0.001" if row.p_holm < 0.001 else f"{row.p_holm:.3f}"
    return [Cell(f"{100 * row.difference:+.1f}"), Cell(interval), Cell(p)]


def _plain(finding: str) -> str:
    """A finding as part of a file's name."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in finding.lower())
