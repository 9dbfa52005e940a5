"""Lists the runs behind a data set's tables, and what was left out and why: `python -m analysis.runs DATASET`."""

from __future__ import annotations

import argparse
import sys

from analysis.reading import run_flags
from analysis.reading.tracking_uri import default
from analysis.reading.trials import runs


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.runs`: how many trials and repeats there are, and each run that was left out."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.runs",
        usage="%(prog)s DATASET [options]",
        description="List the runs behind a data set's tables, and those that were left out, with the reason.",
    )
    parser.add_argument("dataset", metavar="DATASET", help="a data set's name, such as retina")
    run_flags.add_run_flags(parser)
    typed = parser.parse_args(arguments)
    try:
        recorded = runs(typed.tracking_uri or default(), typed.dataset, typed.sweep)
    except (FileNotFoundError, LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(recorded.search)} trials of the search, {len(recorded.confirm)} confirming repeats")
    print(f"data: {recorded.data or '-'}; phantoms: {recorded.phantom or 'none'}; left out: {len(recorded.left_out)}")
    if len(recorded.left_out):
        print(recorded.left_out.to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
