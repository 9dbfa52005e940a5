"""Two sweeps side by side, as tables: the settings that differ, the differences, and the cells that only one has."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.reading import origins
from analysis.scores import differences
from analysis.scores.drawn_metrics import IN_WORDS
from analysis.scores.side_by_side import Compared
from analysis.tables.differing import p_value, points, points_between, score_of, side_by_side
from analysis.tables.findings import named
from analysis.tables.rendering import MISSING, Cell, Table

HEAD = ["cell", "A", "B", "B - A", "95% interval", "p, patients", "p, seeds", "p, Holm", "basis", "n", "patients"]


def tables(compared: Compared) -> list[Table]:
    """The settings that differ, one table of differences per metric, and the cells that only one sweep has."""
    by_metric = [_differences(compared, metric) for metric in compared.metrics]
    return [_settings(compared), *by_metric, *([_alone(compared)] if len(compared.alone) else [])]


def _settings(compared: Compared) -> Table:
    frame = compared.settings
    note = "what else the sweeps recorded of their settings is the same; -: empty, or not recorded"
    return Table(
        name="settings",
        title=f"What differs between {compared.first.words} and {compared.second.words}",
        head=[list(frame.columns)],
        body=[[Cell(text or MISSING) for text in row] for row in frame.itertuples(index=False)]
        or [[Cell("nothing"), Cell(MISSING), Cell(MISSING)]],
        frame=frame,
        notes=[note],
        has_paper=False,
    )


def _differences(compared: Compared, metric: str) -> Table:
    frame = compared.scores[compared.scores["metric"] == metric]
    in_words = IN_WORDS[metric]
    notes = [
        f"A: {compared.first.name}; B: {compared.second.name}; {in_words} on the test set, in percent, with its 95% "
        "interval; B - A in points",
        *differences.notes(frame, {"first": "B", "second": "A"}),
        *differences.notes_on_p(frame),
    ]
    run_pages = [(it.runs.tracking_uri, str(it.runs.trials["experiment_id"].iloc[0])) for it in compared.sweeps]
    return Table(
        name=f"differences_{metric}",
        title=f"{in_words[:1].upper()}{in_words[1:]}: B minus A, cell by cell",
        head=[HEAD],
        body=[_line(row, links_to_b=len(set(run_pages)) == 1) for row in frame.to_dict("records")],
        frame=frame,
        notes=notes,
        phantom=origins.union(frame["phantom"]),
        has_paper=False,
    )


def _line(row: Mapping[str, object], *, links_to_b: bool) -> list[Cell]:
    """One cell's line; the runs of B are only linked to where they are among the pages of A's."""
    return [
        named(str(row["cell"]), row["phantom"]),
        Cell(score_of(row, "second"), "", tuple(str(row["run_ids_a"]).split())),
        Cell(score_of(row, "first"), "", tuple(str(row["run_ids_b"]).split()) if links_to_b else ()),
        Cell(points(row["difference"])),
        Cell(points_between(row["low"], row["high"])),
        *(Cell(p_value(row[name])) for name in ("p_patients", "p_seeds", "p_holm")),
        Cell(str(row["basis"])),
        Cell(side_by_side(row, "second_n", "first_n")),
        Cell(side_by_side(row, "second_patients", "first_patients")),
    ]


def _alone(compared: Compared) -> Table:
    frame = compared.alone
    return Table(
        name="alone",
        title="Cells that only one of the two has",
        head=[["cell", "sweep"]],
        body=[[named(str(row.cell)), Cell(str(row.sweep))] for row in frame.itertuples()],
        frame=frame,
        notes=["only cells with a finished confirming repeat count"],
        has_paper=False,
    )
