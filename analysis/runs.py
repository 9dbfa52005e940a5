"""Lists the runs behind a data set's tables, and what was left out and why: `python -m analysis.runs DATASET`."""

from __future__ import annotations

import argparse
import sys

from analysis.reading import dataset_names, run_flags, tracking_uri


def parser() -> argparse.ArgumentParser:
    """The flags."""
    return run_flags.of_a_data_set(
        "runs", "List the runs behind a data set's tables, and those that were left out, with the reason."
    )


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.runs`: how many trials and repeats there are, and each run that was left out."""
    typed = parser().parse_args(arguments)
    where = tracking_uri.located(typed.tracking_uri, typed.results)
    try:
        dataset_names.check(typed.dataset, where)
        # heavy imports here, so that --help and what is misspelt are answered at once
        from analysis.reading.trials import runs

        recorded = runs(where.uri, typed.dataset, typed.sweep)
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
