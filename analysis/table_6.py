"""Table VI: DenseNet-40, its output sizes and parameters measured on the model. `python -m analysis.table_6`"""

from __future__ import annotations

import argparse
import sys

from analysis.tables import table_flags

IMAGE_SIZE_PX, NUM_LABELS = 256, 14  # the paper's


def parser() -> argparse.ArgumentParser:
    """The flags."""
    flags = table_flags.parser("table_6", "Print DenseNet-40's architecture, measured by running it.")
    flags.add_argument(
        "--image-size", type=int, default=IMAGE_SIZE_PX, metavar="PX", help="side of the input (default: %(default)s)"
    )
    flags.add_argument(
        "--labels", type=int, default=NUM_LABELS, metavar="N", help="number of labels or grades (default: %(default)s)"
    )
    return flags


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.table_6`."""
    typed = parser().parse_args(arguments)
    # heavy imports here, so that --help is quick
    from analysis.tables import densenet40_layers
    from analysis.tables.rendering import FORMATS

    try:
        frame = densenet40_layers.rows(typed.image_size, typed.labels)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(FORMATS[typed.format](densenet40_layers.table(frame)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
