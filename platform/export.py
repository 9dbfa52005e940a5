"""Write a confirmed student for other programs and devices: safetensors, ONNX and a model card."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from platform.arguments import plain_name, positive_int, say_errors

FORMATS = ("safetensors", "onnx")


def formats(text: str) -> tuple[str, ...]:
    """Formats parted by commas, each once, in the order of `FORMATS`."""
    given = text.split(",")
    unknown = [name for name in given if name not in FORMATS]
    if unknown:
        raise argparse.ArgumentTypeError(f"must be of {', '.join(FORMATS)}, parted by commas, but got {unknown[0]!r}")
    return tuple(name for name in FORMATS if name in given)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m platform.export", description=(__doc__ or "").splitlines()[0])
    made.add_argument(
        "run", metavar="RUN", help="id of a confirming repeat or its beginning, or a cell: its best by validation"
    )
    made.add_argument("--dataset", type=plain_name, metavar="NAME", help="where RUN is a cell: its data set")
    made.add_argument("--sweep", type=plain_name, metavar="NAME", help="where RUN is a cell: only this sweep's runs")
    made.add_argument("--out", type=Path, metavar="DIR", help="default: RESULTS/exports/DATASET-RUN")
    made.add_argument("--force", action="store_true", help="replace an earlier export at DIR")
    made.add_argument("--format", type=formats, default=FORMATS, metavar="LIST", help="default: safetensors,onnx")
    made.add_argument("--tracking-uri", metavar="URI", help="default: MLFLOW_TRACKING_URI, else mlflow.db of RESULTS")
    made.add_argument(
        "--results", type=Path, metavar="DIR", help="the sweep's results; default: where mlflow.db is, else results"
    )
    made.add_argument(
        "--check-images", type=positive_int, default=128, metavar="N", help="compared with PyTorch (default: 128)"
    )
    made.add_argument("--channels", type=int, choices=(1, 3), help="of the images, where the prepared ones are gone")
    made.add_argument("--runs", type=positive_int, default=100, metavar="N", help="timed (default: 100)")
    made.add_argument("--threads", type=positive_int, default=1, metavar="N", help="of the timed runs (default: 1)")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Exports; 0 when the folder is there."""
    made = parser()
    options = made.parse_args(arguments)
    with say_errors(made):
        from platform.conduct_export import conduct_export  # torch and MLflow: not before the flags are right

        return conduct_export(options)


if __name__ == "__main__":
    sys.exit(main())
