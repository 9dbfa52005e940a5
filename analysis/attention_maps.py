"""Where teacher and student look, and whether it is where the disease is: `python -m analysis.attention_maps DATASET`.

Writes `reports/<data set>/attention_maps/`: index.html (one self-contained page), its tables as Markdown, LaTeX and
CSV, its pictures as PNG and SVG, each with a CSV. Test images are looked at, by networks that confirmation has tested
on them before. Patients' images are drawn with --images alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    """The flags."""
    made = argparse.ArgumentParser(
        prog="python -m analysis.attention_maps", description=(__doc__ or "").splitlines()[0].partition(":")[0] + "."
    )
    made.add_argument("dataset", help="a data set's name")
    made.add_argument("--data", type=Path, metavar="DIR", help="holds the real images, for radiologists' boxes")
    made.add_argument("--rows", type=int, nargs="+", metavar="ROW", help="these test images, by their row in the store")
    made.add_argument("--num-images", type=int, default=4, metavar="N", help="else so many at random (%(default)s)")
    made.add_argument("--seed", type=int, default=0, help="of what is drawn; default: %(default)s")
    made.add_argument("--label", help="what Grad-CAM is asked about; default: a box's label, or the image's own")
    made.add_argument("--images", action="store_true", help="show images of patients, too; phantoms always are")
    made.add_argument("--tracking-uri", help="default: MLFLOW_TRACKING_URI, else results/mlflow.db of this folder")
    made.add_argument("--sweep", metavar="NAME", help="only this sweep's runs; default: every sweep of one set-up")
    made.add_argument("--results", type=Path, metavar="DIR", help="the sweep's results; default: where mlflow.db is")
    made.add_argument("--out", type=Path, default=Path("reports"), help="folder of the reports; default: %(default)s")
    return made


def write(given: argparse.Namespace) -> Path:
    """Makes the page, prints its tables, and returns its path.

    Raises:
        LookupError, FileNotFoundError, ValueError: as `analysis.explanation.explain` says.
    """
    # heavy imports here, so that --help is quick
    from analysis import artifacts, command, page, published, tracking_uri
    from analysis.explanation import Choice, explain
    from analysis.rendering import text
    from trainables.atomic import write_bytes

    if given.num_images < 1:
        raise ValueError(f"--num-images >= 1 must hold, but got {given.num_images}")
    uri = given.tracking_uri or tracking_uri.default()
    (found,) = command.read(given, [given.dataset])
    results = given.results or artifacts.results_folder(uri)
    if results is None:
        raise LookupError(f"the results folder is not known from {uri}: say --results DIR")
    asked = tuple(given.rows) if given.rows else None
    choice = Choice(
        rows=asked, num_images=given.num_images, label=given.label, seed=given.seed, with_images=given.images
    )
    made = explain(found, results, given.data, choice)
    out = given.out / given.dataset / "attention_maps"
    ui = tracking_uri.pages(uri)
    for picture in made.pictures:
        csv = picture.frame.to_csv(index=False, lineterminator="\n")
        write_bytes(out / "figures" / f"{given.dataset}_{picture.name}.csv", csv.encode())
    section = page.Section(
        anchor=given.dataset,
        title=published.NAMES.get(given.dataset, given.dataset),
        facts=made.facts,
        sentences=made.sentences,
        tables=[page.write_table(table, found, out, ui) for table in made.tables],
        pictures=[page.write_picture(picture, given.dataset, out) for picture in made.pictures],
        left_out=[*made.left_out, *command.left_out_note([found])],
    )
    for table in made.tables:
        print(text(table) + "\n")
    for name, value in made.facts:
        print(f"{name}: {value}")
    title, facts = (
        f"Attention maps: {given.dataset}",
        [("command", f"python -m analysis.attention_maps {given.dataset}")],
    )
    return page.write_page(out, title, facts, [section], phantom=made.phantom)


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m analysis.attention_maps`."""
    try:
        print(write(parser().parse_args(arguments)))
    except (OSError, LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
