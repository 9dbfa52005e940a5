"""Writes the whole report of a data set to one page: `python -m analysis.report retina`.

In `reports/<name>/` it writes index.html (one self-contained page), each table as Markdown, LaTeX and CSV, each figure
as PNG and SVG, and results.parquet, the runs behind them all. The same runs give the same bytes: the date is that of
the newest run. `python -m analysis.report --from BUNDLE` makes it from what `python -m analysis.bundle` packed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analysis.reading import bundles, dataset_names, run_flags, tracking_uri


def parser() -> argparse.ArgumentParser:
    """The flags."""
    flags = run_flags.of_a_data_set(
        "report",
        "Write every table, figure and test of a data set to one page.",
        "a data set's name, such as retina; or all, for those of the platform together (not needed with --from)",
        needed=False,
    )
    flags.add_argument(
        "--from",
        dest="bundle",
        type=Path,
        metavar="BUNDLE",
        help="make the report from this archive, which `python -m analysis.bundle` wrote, and without MLflow",
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
    try:
        where = _where(typed)
        bundle = bundles.about(where.uri) if tracking_uri.is_bundle(where.uri) else {}
        name = typed.dataset or bundle.get("dataset")
        if name is None:
            raise ValueError("a report needs DATASET, such as `python -m analysis.report retina`, or --from BUNDLE")
        dataset_names.check(name, where, more=(dataset_names.ALL,))
        # heavy imports here, so that --help and what is misspelt are answered at once
        from analysis.pages.evidence import rules_of
        from analysis.pages.report_page import ReportRequest, write

        request = ReportRequest(
            name=name,
            tracking_uri=where.uri,
            sweep=typed.sweep or bundle.get("sweep"),
            results=where.results,
            out=typed.out / name,
            ui=tracking_uri.pages(where.uri, typed.mlflow_ui),
            with_images=typed.images,
            rules=rules_of(typed.sensitivity, typed.specificity),
        )
        print(write(request))
    except (OSError, LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _where(typed: argparse.Namespace) -> tracking_uri.Located:
    if typed.bundle is None:
        return tracking_uri.located(typed.tracking_uri, typed.results)
    if typed.tracking_uri is not None:
        raise ValueError("--from and --tracking-uri must not both be given: each says where the runs are")
    return tracking_uri.located(tracking_uri.of_bundle(typed.bundle), typed.results)


if __name__ == "__main__":
    sys.exit(main())
