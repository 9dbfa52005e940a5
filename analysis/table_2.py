"""Table II: images per split. `python -m analysis.table_2 [--store FILE]`"""

from __future__ import annotations

import argparse
import sys

from analysis.tables import table_flags


def parser() -> argparse.ArgumentParser:
    """The flags."""
    return table_flags.of_data_sets("table_2")


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.table_2`."""
    typed = parser().parse_args(arguments)
    # heavy imports here, so that --help is quick
    from analysis.reading import facts
    from analysis.tables import split_sizes

    return facts.show(
        typed, datasets=split_sizes.DATASETS, rows=split_sizes.rows, table=split_sizes.table, facts=split_sizes.facts
    )


if __name__ == "__main__":
    sys.exit(main())
