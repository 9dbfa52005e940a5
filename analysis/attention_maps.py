"""Shows where teacher and student look, and whether the disease is there: `python -m analysis.attention_maps DATASET`.

In `reports/<data set>/attention_maps/` it writes index.html (one self-contained page), its tables as Markdown, LaTeX
and CSV, and its pictures as PNG and SVG, each with a CSV. It looks at test images, with networks whose confirmation has
already tested them. Images of patients are drawn only with --images.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analysis.reading import dataset_names, run_flags, tracking_uri


def parser() -> argparse.ArgumentParser:
    """The flags."""
    flags = run_flags.of_a_data_set(
        "attention_maps",
        "Show where teacher and student look, and whether the disease is there.",
        "a data set's name, such as chestxray8",
    )
    images = flags.add_argument_group("which images")
    images.add_argument(
        "--data", type=Path, metavar="DIR", help="folder that holds the real images, for the radiologists' boxes"
    )
    images.add_argument(
        "--rows", type=int, nargs="+", metavar="ROW", help="test images to show, by their rows in the prepared data"
    )
    images.add_argument(
        "--num-images",
        type=int,
        default=4,
        metavar="N",
        help="number of test images to draw at random, where --rows names none (default: %(default)s)",
    )
    images.add_argument("--seed", type=int, default=0, metavar="N", help="seed of everything drawn (default: 0)")
    images.add_argument(
        "--label", metavar="NAME", help="label for Grad-CAM (default: that of a box, or else the image's own)"
    )
    run_flags.add_report_flags(flags)
    return flags


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.attention_maps`."""
    typed = parser().parse_args(arguments)
    try:
        dataset_names.check(typed.dataset, tracking_uri.located(typed.tracking_uri, typed.results))
        # heavy imports here, so that --help and what is misspelt are answered at once
        from analysis.attention.explanation_page import MapsRequest, write

        print(write(MapsRequest(**vars(typed))))
    except (OSError, LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
