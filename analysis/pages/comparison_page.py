"""The page of `analysis.compare`: from the request to its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from analysis.figures import figure_differences
from analysis.figures.drawing import Picture
from analysis.pages import page
from analysis.pages.report_page import facts_of
from analysis.reading import tracking_uri
from analysis.reading.sweeps_by_name import named_sweep
from analysis.scores import differences
from analysis.scores.drawn_metrics import AUC, IN_WORDS
from analysis.scores.side_by_side import Compared, compare, sentences
from analysis.tables import command, compared_sweeps
from analysis.tables.rendering import FORMATS, Table
from trainables.atomic import write_bytes
from trainables.data.catalogue import title


@dataclass(frozen=True, kw_only=True)
class ComparisonRequest:
    """Which sweeps to compare, and where the page goes.

    Raises:
        ValueError: A and B are one sweep.
    """

    first: str  # the name of A
    second: str  # the name of B
    dataset: str | None  # of both; None where their names are enough
    tracking_uri: str
    other_tracking_uri: str  # that of B
    out: Path
    form: str  # in which the tables are printed, of `analysis.tables.rendering.FORMATS`

    def __post_init__(self) -> None:
        if self.first == self.second and self.tracking_uri == self.other_tracking_uri:
            raise ValueError(
                f"A and B must be two sweeps, but both are {self.first!r} of one MLflow; if they lie apart, say where "
                "B is with --other-results or --other-tracking-uri"
            )

    @property
    def command(self) -> str:
        """The command that asks for this page, without the places."""
        of_dataset = f" --dataset {self.dataset}" if self.dataset else ""
        return f"python -m analysis.compare {self.first} {self.second}{of_dataset}"


def write(request: ComparisonRequest) -> Path:
    """Prints the tables, writes the page, and returns its path.

    Raises:
        FileNotFoundError, LookupError, ValueError: as `analysis.reading.sweeps_by_name.named_sweep` and
            `analysis.scores.side_by_side.compare` say.
    """
    first = named_sweep("A", request.tracking_uri, request.first, request.dataset)
    second = named_sweep("B", request.other_tracking_uri, request.second, request.dataset)
    compared = compare(first, second)
    shown = compared_sweeps.tables(compared)
    _print(compared, shown, request.form)
    places = {sweep.side: tracking_uri.without_password(sweep.runs.tracking_uri) for sweep in compared.sweeps}
    same = len(set(places.values())) == 1
    facts = [
        ("command", request.command),
        ("runs", places["A"] if same else "; ".join(f"{side}: {place}" for side, place in places.items())),
        ("the differences", "differences.csv"),
    ]
    csv = compared.scores.to_csv(index=False, lineterminator="\n")
    write_bytes(request.out / "differences.csv", csv.encode())
    section = _section(compared, shown, request.out)
    name = f"{request.first} and {request.second}"
    return page.write_page(request.out, f"Two sweeps: {name}", facts, [section], phantom=compared.phantom)


def _print(compared: Compared, shown: list[Table], form: str) -> None:
    if form == "csv":  # one file, which a program can read
        print(compared.scores.to_csv(index=False, lineterminator="\n"), end="")
        return
    print("\n\n".join(FORMATS[form](table) for table in shown))
    if form == "text":
        print("\n" + "\n".join([*sentences(compared), *_left_out(compared)]))


def _section(compared: Compared, shown: list[Table], out: Path) -> page.Section:
    """Writes the files of the tables and figures."""
    runs = compared.first.runs
    drawn = {metric: picture(compared, metric) for metric in compared.metrics}
    pictures = {metric: page.write_picture(it, runs.dataset, out) for metric, it in drawn.items() if it is not None}
    lead = pictures.pop(AUC, None)
    ui = tracking_uri.pages(runs.tracking_uri)
    return page.Section(
        anchor=runs.dataset,
        title=f"{compared.first.words} and {compared.second.words} on {title(runs.dataset)}",
        facts=[(f"{it.side}: {name}", value) for it in compared.sweeps for name, value in facts_of(it.runs)],
        sentences=sentences(compared),
        lead=lead,
        tables=[page.write_table(table, runs, out, ui) for table in shown],
        pictures=list(pictures.values()),
        left_out=_left_out(compared),
    )


def picture(compared: Compared, metric: str) -> Picture | None:
    """The differences by one metric as a forest plot; None where there is none."""
    scores = compared.scores[compared.scores["metric"] == metric]
    frame = scores.assign(group="", label=scores["title"], name=scores["cell"], is_told=differences.told(scores))
    in_words = IN_WORDS[metric]
    bases = " ".join(
        f"{note[0].upper()}{note[1:]}." for note in differences.notes(scores, {"first": "B", "second": "A"})
    )
    caption = (
        f"{in_words[:1].upper()}{in_words[1:]} on the test set, B ({compared.second.name}) minus A "
        f"({compared.first.name}), in points, with its 95% interval. Right of the dotted line B is better. {bases} "
        f"Filled: {differences.CLAIMED}."
    )
    return figure_differences.picture(
        frame[figure_differences.COLUMNS].reset_index(drop=True),
        name=f"differences_{metric}",
        title=f"B minus A: {in_words}",
        caption=caption,
        label=f"{in_words}, B - A (points), with its 95% interval",
    )


def _left_out(compared: Compared) -> list[str]:
    """What either sweep has that is not shown."""
    noted = [(it.side, note) for it in compared.sweeps for note in command.left_out_note([it.runs])]
    return [f"{side}: {note}" for side, note in noted]
