"""Draws what the search of a sweep tried and what it cost: `python -m analysis.figure_search DATASET`.

In `reports/<name>/search/` it writes each figure as PNG and SVG, and its numbers as CSV.
"""

from __future__ import annotations

import argparse
import sys

from analysis.reading import dataset_names, run_flags, tracking_uri


def parser() -> argparse.ArgumentParser:
    """The flags."""
    flags = run_flags.of_a_data_set(
        "figure_search", "Draw what the search tried, what it cost, and the score against beta."
    )
    run_flags.add_out_flag(flags)
    return flags


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.figure_search`."""
    typed = parser().parse_args(arguments)
    where = tracking_uri.located(typed.tracking_uri, typed.results)
    try:
        dataset_names.check(typed.dataset, where)
        # heavy imports here, so that --help and what is misspelt are answered at once
        from analysis.figures import search_figures

        for path in search_figures.write(where.uri, typed.dataset, typed.sweep, typed.out / typed.dataset / "search"):
            print(path)
    except (OSError, LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
