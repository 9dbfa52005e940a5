"""The whole report of a data set on one page: `python -m analysis.report retina`.

Writes `reports/<name>/`: index.html (one self-contained page), each table as Markdown, LaTeX and CSV, each figure as
PNG and SVG, and results.parquet, the runs behind them all. The same runs give the same bytes: the date is that of the
newest run.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis.pages.page import Section, write_page, write_picture, write_table
from analysis.pages.sections import Content, content
from analysis.reading import artifacts, origins, tracking_uri
from analysis.reading.averages import averages
from analysis.reading.trials import Runs
from analysis.tables import command
from trainables.atomic import write_bytes
from trainables.data.catalogue import DATASETS, title


def write(
    found: Sequence[Runs],
    name: str,
    out: Path,
    ui: str,
    said: str,
    *,
    results: Path | None = None,
    with_images: bool = False,
) -> Path:
    """Writes the report on `found` to the folder `out`, and returns the page's path.

    Args:
        found: the runs of each data set, one section each.
        name: the report's name, for its head.
        ui: where MLflow's pages are, for the links to runs.
        said: the command that asked for the report.
        results, with_images: as `analysis.pages.sections.content` says.

    Raises:
        LookupError: there is no run to report on.
    """
    contents = [content(one, results, with_images=with_images) for one in found if len(one.trials)]
    if not contents:
        reasons = "".join(f"; {note}" for note in command.left_out_note(found))
        raise LookupError(f"no finished run of {', '.join(one.dataset for one in found)} to report on{reasons}")
    sections = [_section(one, out, ui) for one in contents]
    write_bytes(out / "results.parquet", _parquet([one.found for one in contents]))
    newest = max(one.found.trials["start_time"].max() for one in contents)
    facts = [
        ("command", said),
        ("results as of", f"{pd.to_datetime(newest, unit='ms'):%Y-%m-%d %H:%M} UTC, the start of the newest run"),
        ("runs", f"numbers link to {ui}, which shows {tracking_uri.without_password(found[0].tracking_uri)}"),
        ("behind it all", "results.parquet"),
    ]
    phantom = origins.union(one.found.phantom for one in contents)
    return write_page(out, f"Knowledge transfer: {name}", facts, sections, phantom=phantom)


def _section(one: Content, out: Path, ui: str) -> Section:
    """Writes the files of a data set's tables and figures."""
    found = one.found
    first = found.trials.iloc[0]
    known = averages(found)
    facts = [
        ("data", f"{found.data.replace('phantom', origins.PHANTOM)}, fingerprint {first['tags.data_fingerprint']}"),
        ("split", first["tags.split_fingerprint"]),
        ("recipe (version of the code that decides results)", first["tags.recipe"]),
        ("teachers", _helpers(found, "teacher")),
        ("first weights", _helpers(found, "init")),
        ("runs", f"{len(found.search)} of the search, {len(found.confirm)} confirming repeats"),
    ]
    if known is not None:
        facts.append(("AUC", "; ".join([f"the mean over {known.which} ({known.why})", *known.warnings])))
    if held_out := first.get("tags.held_out"):
        facts.append(("held out of all training", held_out))
    told = found.sweeps[["tags.teacher_overlap", "tags.teacher_trained_on"]].to_numpy().ravel()
    if warnings := sorted({str(text) for text in pd.unique(told) if pd.notna(text) and text}):
        facts.append(("WARNING", "; ".join(warnings)))
    return Section(
        anchor=found.dataset,
        title=title(found.dataset),
        facts=facts,
        sentences=one.sentences,
        tables=[write_table(table, found, out, ui) for table in one.tables],
        pictures=[write_picture(picture, found.dataset, out) for picture in one.pictures],
        left_out=command.left_out_note([found]),
    )


def _helpers(found: Runs, role: str) -> str:
    """The teachers of these runs, or the first weights ("init"), with their fingerprints; phantoms are marked."""
    names = [f"params.{role}", f"tags.{role}_fingerprint", f"tags.{role}_is_phantom"]
    rows = found.trials[names].astype("string").fillna("").drop_duplicates()
    told = [(name, print_, flag) for name, print_, flag in rows.itertuples(index=False) if name != "none"]
    return (
        "; ".join(origins.marked(f"{name} {print_}".strip(), flag.replace("false", "")) for name, print_, flag in told)
        or "none"
    )


def _parquet(found: Sequence[Runs]) -> bytes:
    frame = pd.concat([one.trials for one in found], ignore_index=True)
    # A column is text or number in every data set alike, whatever the runs at hand have in it.
    texts = [name for name in frame if not name.startswith("metrics.") and frame[name].dtype.kind not in "iuf"]
    frame[texts] = frame[texts].astype("string")
    buffer = io.BytesIO()
    frame.sort_index(axis=1).to_parquet(buffer, index=False)
    return buffer.getvalue()


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.report`."""
    parser = argparse.ArgumentParser(prog="python -m analysis.report", description=__doc__)
    parser.add_argument("dataset", help=f"a data set's name, or all ({', '.join(DATASETS)})")
    command.add_run_flags(parser)
    parser.add_argument("--out", type=Path, default=Path("reports"), help="folder of the reports; default: %(default)s")
    parser.add_argument("--mlflow-ui", default=tracking_uri.LOCAL_PAGES, metavar="URL", help="default: %(default)s")
    parser.add_argument("--results", type=Path, metavar="DIR", help="the sweep's results; default: where mlflow.db is")
    parser.add_argument("--images", action="store_true", help="show images of patients, too; phantoms always are")
    given = parser.parse_args(arguments)
    names = tuple(DATASETS) if given.dataset == "all" else (given.dataset,)
    uri = given.tracking_uri or tracking_uri.default()
    ui = tracking_uri.pages(uri, given.mlflow_ui)
    said = f"python -m analysis.report {given.dataset}" + (f" --sweep {given.sweep}" if given.sweep else "")
    try:
        page = write(
            command.read(given.tracking_uri, given.sweep, names),
            given.dataset,
            given.out / given.dataset,
            ui,
            said,
            results=given.results or artifacts.results_folder(uri),
            with_images=given.images,
        )
    except (OSError, LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
