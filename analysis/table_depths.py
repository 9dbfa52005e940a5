"""How deep each network can be unfrozen, and what of it is trained then. `python -m analysis.table_depths`"""

from __future__ import annotations

import argparse
import sys

from analysis.tables import table_flags

NUM_LABELS = 14  # the paper's, of chest X-rays


def parser() -> argparse.ArgumentParser:
    """The flags."""
    flags = table_flags.parser(
        "table_depths", "Print how deep each network can be unfrozen, with the trainable parameters of each depth."
    )
    flags.add_argument(
        "--students", nargs="+", default=[], metavar="NAME", help="only these networks (default: all of them)"
    )
    flags.add_argument(
        "--labels", type=int, default=NUM_LABELS, metavar="N", help="number of labels or grades (default: %(default)s)"
    )
    return flags


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.table_depths`."""
    typed = parser().parse_args(arguments)
    # heavy imports here, so that --help is quick
    from analysis.tables import unfreeze_depths
    from analysis.tables.rendering import FORMATS

    try:
        frame = unfreeze_depths.rows(tuple(typed.students), typed.labels)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(FORMATS[typed.format](unfreeze_depths.table(frame)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
