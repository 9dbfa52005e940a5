"""Puts two sweeps side by side on the cells that they share: `python -m analysis.compare A B`.

It prints the settings that differ and, cell by cell, both scores and the difference B - A. The same as a page,
index.html, goes to `reports/compare/<A>-<B>/`, with the tables as Markdown, LaTeX and CSV and the figures as PNG and
SVG. The sweeps may lie in two MLflow stores, as those of two sites or of two versions of the code do.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analysis.reading import run_flags, tracking_uri
from analysis.tables import table_flags


def parser() -> argparse.ArgumentParser:
    """The flags."""
    flags = argparse.ArgumentParser(
        prog="python -m analysis.compare",
        usage="%(prog)s A B [options]",
        description="Put two sweeps side by side on the cells that they share: settings, scores and differences.",
    )
    flags.add_argument("first", metavar="A", help="a sweep's name")
    flags.add_argument("second", metavar="B", help="the name of the sweep whose difference to A is shown: B - A")
    runs = run_flags.add_place_flags(flags)
    runs.add_argument(
        "--dataset",
        metavar="NAME",
        help="data set of both sweeps (needed where two data sets have a sweep of the name)",
    )
    runs.add_argument(
        "--other-tracking-uri",
        metavar="URI",
        help="address of MLflow for B (default: that of A, or of --other-results)",
    )
    runs.add_argument("--other-results", type=Path, metavar="DIR", help="results folder of B (default: that of A)")
    output = run_flags.add_out_flag(flags)
    output.add_argument(
        "--format",
        choices=table_flags.FORMATS,
        default="text",
        help="form of what is printed; csv has the differences alone (default: %(default)s)",
    )
    return flags


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.compare`: prints the tables, and the page's path to the standard error."""
    typed = parser().parse_args(arguments)
    where = tracking_uri.located(typed.tracking_uri, typed.results)
    other = where.uri
    if typed.other_tracking_uri or typed.other_results:
        # MLFLOW_TRACKING_URI is the place of A: the folder of B has a file of its own
        other = typed.other_tracking_uri or tracking_uri.of_folder(typed.other_results)
    try:
        tracking_uri.require_store(where.uri)
        tracking_uri.require_store(other)
        # heavy imports here, so that --help and what is misspelt are answered at once
        from analysis.pages.comparison_page import ComparisonRequest, write

        request = ComparisonRequest(
            first=typed.first,
            second=typed.second,
            dataset=typed.dataset,
            tracking_uri=where.uri,
            other_tracking_uri=other,
            out=typed.out / "compare" / f"{typed.first}-{typed.second}",
            form=typed.format,
        )
        print(write(request), file=sys.stderr)
    except (OSError, LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
