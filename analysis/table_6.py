"""Table VI: DenseNet-40, its output sizes and parameters measured on the model. `python -m analysis.table_6`"""

from __future__ import annotations

import argparse
import sys

from analysis.tables import table_flags

IMAGE_SIZE_PX = 256  # the paper's


def parser() -> argparse.ArgumentParser:
    """The flags."""
    flags = table_flags.parser("table_6", "Print DenseNet-40's architecture, measured by running it.")
    flags.add_argument(
        "--image-size", type=int, default=IMAGE_SIZE_PX, metavar="PX", help="side of the input (default: %(default)s)"
    )
    table_flags.add_labels_flag(flags)
    return flags


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.table_6`."""
    typed = parser().parse_args(arguments)
    # heavy imports here, so that --help is quick
    from analysis.tables import command, densenet40_layers

    layers = densenet40_layers
    return command.show_counted(typed.format, lambda: layers.table(layers.rows(typed.image_size, typed.labels)))


if __name__ == "__main__":
    sys.exit(main())
