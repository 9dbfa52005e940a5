"""Packs a sweep into one archive to be handed on with a paper: `python -m analysis.bundle SWEEP`.

The archive holds the report, the runs and their curves, the predictions with hashed names, the sweep's own record, the
versions of all libraries, and checksums (`sha256sum -c SHA256SUMS`). `python -m analysis.report --from FILE` makes
every table and figure again, without MLflow. The same runs give the same bytes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analysis.reading import run_flags, tracking_uri


def parser() -> argparse.ArgumentParser:
    """The flags."""
    flags = argparse.ArgumentParser(
        prog="python -m analysis.bundle",
        usage="%(prog)s SWEEP [options]",
        description="Pack a sweep's report, runs and predictions into one archive to be handed on, with checksums.",
    )
    flags.add_argument("sweep", metavar="SWEEP", help="a sweep's name, as MLflow and the report have it")
    runs = run_flags.add_place_flags(flags)
    runs.add_argument(
        "--dataset", metavar="NAME", help="data set of the sweep (needed where two data sets have a sweep of the name)"
    )
    output = flags.add_argument_group(run_flags.OUTPUT)
    output.add_argument(
        "--out", type=Path, metavar="FILE", help="the archive, a zip file (default: reports/bundles/SWEEP.zip)"
    )
    output.add_argument(
        "--with-weights",
        action="store_true",
        help="pack the weights of every trial too (28 MB each for a DenseNet-121); they may tell of training images",
    )
    return flags


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.bundle`: prints the archive's path, and its SHA-256 to be cited."""
    typed = parser().parse_args(arguments)
    where = tracking_uri.located(typed.tracking_uri, typed.results)
    try:
        tracking_uri.require_store(where.uri)
        # heavy imports here, so that --help and what is misspelt are answered at once
        from analysis.bundling.archive import sha256
        from analysis.bundling.packing import BundleRequest, pack

        request = BundleRequest(
            sweep=typed.sweep,
            dataset=typed.dataset,
            where=where,
            out=typed.out or Path("reports") / "bundles" / f"{typed.sweep}.zip",
            with_weights=typed.with_weights,
        )
        path = pack(request)
    except (OSError, LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{path}\n{path.stat().st_size / 1e6:.1f} MB, SHA-256 {sha256(path)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
