"""Lists the runs behind a data set's tables, and what was left out and why: `python -m analysis.runs DATASET`."""

from __future__ import annotations

import argparse
import sys

from analysis.reading.tracking_uri import default
from analysis.reading.trials import runs


def main(arguments: list[str] | None = None) -> int:
    """Prints how many trials and repeats there are, and each run that was left out."""
    parser = argparse.ArgumentParser(prog="python -m analysis.runs", description=(__doc__ or "").partition(":")[0])
    parser.add_argument("dataset", help="a data set's name")
    parser.add_argument("--tracking-uri", default=default(), help="default: %(default)s")
    parser.add_argument("--sweep", metavar="NAME", help="only this sweep's runs")
    given = parser.parse_args(arguments)
    try:
        known = runs(given.tracking_uri, given.dataset, given.sweep)
    except (FileNotFoundError, LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(known.search)} trials of the search, {len(known.confirm)} confirming repeats")
    print(f"data: {known.data or '-'}; phantoms: {known.phantom or 'none'}; left out: {len(known.left_out)}")
    if len(known.left_out):
        print(known.left_out.to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
