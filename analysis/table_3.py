"""Table III: the best beta of each data set, teacher and student. `python -m analysis.table_3`"""

from __future__ import annotations

import argparse
import sys

from analysis.tables import table_flags


def parser() -> argparse.ArgumentParser:
    """The flags."""
    return table_flags.of_results("table_3")


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.table_3`."""
    typed = parser().parse_args(arguments)
    # heavy imports here, so that --help is quick
    from analysis.tables import best_betas, command

    return command.show(typed, best_betas.DATASETS, best_betas.rows, best_betas.table)


if __name__ == "__main__":
    sys.exit(main())
