"""How deep each network can be unfrozen, and what of it is trained then. `python -m analysis.table_depths`"""

from __future__ import annotations

import argparse
import sys

from analysis.tables import table_flags


def parser() -> argparse.ArgumentParser:
    """The flags."""
    flags = table_flags.parser(
        "table_depths", "Print how deep each network can be unfrozen, with the trainable parameters of each depth."
    )
    flags.add_argument(
        "--students", nargs="+", default=[], metavar="NAME", help="only these networks (default: all of them)"
    )
    table_flags.add_labels_flag(flags)
    return flags


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.table_depths`."""
    typed = parser().parse_args(arguments)
    # heavy imports here, so that --help is quick
    from analysis.tables import command, unfreeze_depths

    depths = unfreeze_depths
    return command.show_counted(typed.format, lambda: depths.table(depths.rows(tuple(typed.students), typed.labels)))


if __name__ == "__main__":
    sys.exit(main())
