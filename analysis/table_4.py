"""Table IV: AUC on small sets of chest X-rays, one column per cell. `python -m analysis.table_4`"""

from __future__ import annotations

import argparse
import sys

from analysis.tables import table_flags


def parser() -> argparse.ArgumentParser:
    """The flags."""
    return table_flags.of_results("table_4")


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.table_4`."""
    typed = parser().parse_args(arguments)
    # heavy imports here, so that --help is quick
    from analysis.tables import command, xray_scores

    return command.show(typed, xray_scores.DATASETS, xray_scores.rows, xray_scores.table)


if __name__ == "__main__":
    sys.exit(main())
