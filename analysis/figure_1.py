"""Fig. 1: a sheet of sample images of a data set, by label. `python -m analysis.figure_1 --store FILE [--out FILE]`

Training images only. Patients' images leave the data folder only when somebody runs this command.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    """The flags."""
    flags = argparse.ArgumentParser(
        prog="python -m analysis.figure_1",
        usage="%(prog)s --store FILE [options]",
        description="Draw a sheet of training images of a data set, by label.",
    )
    flags.add_argument("--store", type=Path, required=True, metavar="FILE", help="file of a prepared data set")
    flags.add_argument(
        "--out",
        type=Path,
        default=Path("figure_1.png"),
        metavar="FILE",
        help="file to write, .png or .svg (default: %(default)s)",
    )
    flags.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of the random draw (default: %(default)s)"
    )
    return flags


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.figure_1`."""
    flags = parser()
    typed = flags.parse_args(arguments)
    if typed.out.suffix not in (".png", ".svg"):
        flags.error(f"--out must end in .png or .svg, but got {typed.out}")
    # heavy imports here, so that --help is quick
    from analysis.figures import drawing, sample_images
    from trainables.atomic import write_bytes

    try:
        sheet = sample_images.of_store(typed.store, typed.seed)
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    write_bytes(typed.out, {".png": drawing.png, ".svg": drawing.svg}[typed.out.suffix](sheet.figure))
    print(sheet.alternative)
    return 0


if __name__ == "__main__":
    sys.exit(main())
