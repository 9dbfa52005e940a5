"""Says what the next sweep could see, from the last one: `python -m analysis.power DATASET`.

For every planned comparison it prints the smallest difference that the sweep could tell from chance, and what a given
difference would have needed; below that, the same for other numbers of repeats and of test patients.
"""

from __future__ import annotations

import argparse
import sys

from analysis.reading import dataset_names, run_flags, tracking_uri
from analysis.tables.table_flags import FORMATS


def parser() -> argparse.ArgumentParser:
    """The flags."""
    flags = run_flags.of_a_data_set(
        "power", "Say what the next sweep could tell from chance, from the variances of the last one."
    )
    group = flags.add_argument_group("which sweeps to look at")
    group.add_argument(
        "--difference",
        type=float,
        default=1.0,
        metavar="POINTS",
        help="difference in AUC, in percentage points, that the next sweep has to see (default: %(default)s)",
    )
    group.add_argument(
        "--repeats",
        type=int,
        nargs="+",
        default=None,
        metavar="N",
        help="numbers of repeats of each cell (default: 3 5 10 20)",
    )
    group.add_argument(
        "--patients",
        type=int,
        nargs="+",
        default=(),
        metavar="N",
        help="numbers of test patients (default: the last sweep's, twice and four times as many)",
    )
    output = flags.add_argument_group(run_flags.OUTPUT)
    output.add_argument(
        "--format", choices=FORMATS, default="text", help="form of the two tables (default: %(default)s)"
    )
    return flags


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.power`."""
    typed = parser().parse_args(arguments)
    where = tracking_uri.located(typed.tracking_uri, typed.results)
    try:
        dataset_names.check(typed.dataset, where)
        # heavy imports here, so that --help and what is misspelt are answered at once
        from analysis.pages.next_sweep import Plan, told
        from analysis.reading.trials import runs

        plan = Plan(difference=typed.difference / 100, num_repeats=typed.repeats, num_patients=typed.patients)
        print(told(runs(where.uri, typed.dataset, typed.sweep), plan, typed.format))
    except (OSError, LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
