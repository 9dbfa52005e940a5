"""Writes the whole report of a data set to one page: `python -m analysis.report retina`.

In `reports/<name>/` it writes index.html (one self-contained page), each table as Markdown, LaTeX and CSV, each figure
as PNG and SVG, and results.parquet, the runs behind them all. The same runs give the same bytes: the date is that of
the newest run.
"""

from __future__ import annotations

import argparse
import sys

from analysis.reading import dataset_names, run_flags, tracking_uri


def parser() -> argparse.ArgumentParser:
    """The flags."""
    flags = run_flags.of_a_data_set(
        "report",
        "Write every table, figure and test of a data set to one page.",
        "a data set's name, such as retina; or all, for those of the platform together",
    )
    output = run_flags.add_report_flags(flags)
    output.add_argument(
        "--mlflow-ui",
        default=tracking_uri.LOCAL_PAGES,
        metavar="URL",
        help="address of MLflow's web pages, for the links behind the numbers (default: %(default)s)",
    )
    run_flags.add_rule_flags(flags)
    return flags


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.report`."""
    typed = parser().parse_args(arguments)
    where = tracking_uri.located(typed.tracking_uri, typed.results)
    try:
        dataset_names.check(typed.dataset, where, more=(dataset_names.ALL,))
        # heavy imports here, so that --help and what is misspelt are answered at once
        from analysis.pages.evidence import rules_of
        from analysis.pages.report_page import ReportRequest, write

        request = ReportRequest(
            name=typed.dataset,
            tracking_uri=where.uri,
            sweep=typed.sweep,
            results=where.results,
            out=typed.out / typed.dataset,
            ui=tracking_uri.pages(where.uri, typed.mlflow_ui),
            with_images=typed.images,
            rules=rules_of(typed.sensitivity, typed.specificity),
        )
        print(write(request))
    except (OSError, LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
