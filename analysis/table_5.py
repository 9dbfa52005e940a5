"""Table V: AUC and F1 on Diabetic Retinopathy, one column per cell. `python -m analysis.table_5`"""

from __future__ import annotations

import argparse
import sys

from analysis.tables import table_flags


def parser() -> argparse.ArgumentParser:
    """The flags."""
    return table_flags.of_results("table_5")


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.table_5`."""
    typed = parser().parse_args(arguments)
    # heavy imports here, so that --help is quick
    from analysis.tables import command, retina_scores

    return command.show(typed, retina_scores.DATASETS, retina_scores.rows, retina_scores.table)


if __name__ == "__main__":
    sys.exit(main())
