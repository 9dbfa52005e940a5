"""Where teacher and student look, and whether it is where the disease is: `python -m analysis.attention_maps DATASET`.

Writes `reports/<data set>/attention_maps/`: index.html (one self-contained page), its tables as Markdown, LaTeX and
CSV, its pictures as PNG and SVG, each with a CSV. Test images are looked at, by networks that confirmation has tested
on them before. Images of patients are drawn only with --images.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class MapsRequest:
    """Which images, which runs, and where the page goes."""

    dataset: str
    data: Path | None
    rows: list[int] | None
    num_images: int
    seed: int
    label: str | None
    images: bool
    tracking_uri: str | None
    sweep: str | None
    results: Path | None
    out: Path

    def __post_init__(self) -> None:
        if self.num_images < 1:
            raise ValueError(f"--num-images >= 1 must hold, but got {self.num_images}")


def parser() -> argparse.ArgumentParser:
    """The flags."""
    made = argparse.ArgumentParser(
        prog="python -m analysis.attention_maps", description=(__doc__ or "").splitlines()[0].partition(":")[0] + "."
    )
    made.add_argument("dataset", help="a data set's name")
    made.add_argument("--data", type=Path, metavar="DIR", help="folder of the real images, for the radiologists' boxes")
    made.add_argument(
        "--rows", type=int, nargs="+", metavar="ROW", help="test images to show, by their row in the prepared data"
    )
    made.add_argument(
        "--num-images",
        type=int,
        default=4,
        metavar="N",
        help="without --rows: test images to draw (default: %(default)s)",
    )
    made.add_argument("--seed", type=int, default=0, help="seed of the random draws (default: %(default)s)")
    made.add_argument("--label", help="label for Grad-CAM (default: that of a box, or the image's own)")
    made.add_argument(
        "--images", action="store_true", help="show images of patients too; phantom images are always shown"
    )
    made.add_argument("--tracking-uri", help="MLflow's address (default: MLFLOW_TRACKING_URI, or results/mlflow.db)")
    made.add_argument("--sweep", metavar="NAME", help="only this sweep's runs (default: all sweeps of one set-up)")
    made.add_argument(
        "--results", type=Path, metavar="DIR", help="the sweep's results folder (default: where mlflow.db is)"
    )
    made.add_argument("--out", type=Path, default=Path("reports"), help="folder for the report (default: %(default)s)")
    return made


def write(request: MapsRequest) -> Path:
    """Makes the page, prints its tables, and returns its path.

    Raises:
        LookupError, FileNotFoundError, ValueError: as `analysis.attention.explanation.explain` says.
    """
    # heavy imports here, so that --help is quick
    from analysis.attention.explanation import Choice, explain
    from analysis.pages import page
    from analysis.reading import artifacts, tracking_uri
    from analysis.tables import command
    from analysis.tables.rendering import text
    from trainables.atomic import write_bytes
    from trainables.data import catalogue

    uri = request.tracking_uri or tracking_uri.default()
    (found,) = command.read(request.tracking_uri, request.sweep, [request.dataset])
    results = request.results or artifacts.results_folder(uri)
    if results is None:
        raise LookupError(f"the results folder is not known from {uri}: say --results DIR")
    asked = tuple(request.rows) if request.rows else None
    choice = Choice(
        rows=asked, num_images=request.num_images, label=request.label, seed=request.seed, with_images=request.images
    )
    made = explain(found, results, request.data, choice)
    out = request.out / request.dataset / "attention_maps"
    ui = tracking_uri.pages(uri)
    for picture in made.pictures:
        csv = picture.frame.to_csv(index=False, lineterminator="\n")
        write_bytes(out / "figures" / f"{request.dataset}_{picture.name}.csv", csv.encode())
    section = page.Section(
        anchor=request.dataset,
        title=catalogue.title(request.dataset),
        facts=made.facts,
        sentences=made.sentences,
        tables=[page.write_table(table, found, out, ui) for table in made.tables],
        pictures=[page.write_picture(picture, request.dataset, out) for picture in made.pictures],
        left_out=[*made.left_out, *command.left_out_note([found])],
    )
    for table in made.tables:
        print(text(table) + "\n")
    for name, value in made.facts:
        print(f"{name}: {value}")
    title, facts = (
        f"Attention maps: {request.dataset}",
        [("command", f"python -m analysis.attention_maps {request.dataset}")],
    )
    return page.write_page(out, title, facts, [section], phantom=made.phantom)


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.attention_maps`."""
    try:
        print(write(MapsRequest(**vars(parser().parse_args(arguments)))))
    except (OSError, LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
