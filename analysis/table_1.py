"""Table I: what each data set holds. `python -m analysis.table_1 [--store FILE]`"""

from __future__ import annotations

import argparse
import sys

from analysis.tables import table_flags


def parser() -> argparse.ArgumentParser:
    """The flags."""
    return table_flags.of_data_sets("table_1")


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.table_1`."""
    typed = parser().parse_args(arguments)
    # heavy imports here, so that --help is quick
    from analysis.reading import facts
    from analysis.tables import data_sets

    return facts.show(
        typed, datasets=data_sets.DATASETS, rows=data_sets.rows, table=data_sets.table, facts=data_sets.facts
    )


if __name__ == "__main__":
    sys.exit(main())
