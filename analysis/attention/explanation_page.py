"""The page of `analysis.attention_maps`: from the request to its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from analysis.attention.explanation import Explanation, explain
from analysis.attention.observations import Choice
from analysis.pages import page
from analysis.reading import tracking_uri
from analysis.reading.trials import Runs
from analysis.tables import command
from analysis.tables.rendering import text
from trainables.atomic import write_bytes
from trainables.data import catalogue


@dataclass(frozen=True, kw_only=True)
class MapsRequest:
    """Which images and runs to look at, and where the page goes."""

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

    @property
    def choice(self) -> Choice:
        """What to show."""
        return Choice(
            rows=tuple(self.rows) if self.rows else None,
            num_images=self.num_images,
            label=self.label,
            seed=self.seed,
            with_images=self.images,
        )


def write(request: MapsRequest) -> Path:
    """Writes the page, prints its tables and facts, and returns its path.

    Raises:
        LookupError, FileNotFoundError, ValueError: as `analysis.attention.explanation.explain` says.
    """
    uri, results = tracking_uri.located(request.tracking_uri, request.results)
    (runs,) = command.read(uri, request.sweep, [request.dataset])
    if results is None:
        raise LookupError(
            f"the results folder is not known from {tracking_uri.without_password(uri)}: use --results DIR"
        )
    explanation = explain(runs, results, request.data, request.choice)
    for table in explanation.tables:
        print(text(table) + "\n")
    for name, value in explanation.facts:
        print(f"{name}: {value}")
    out = request.out / request.dataset / "attention_maps"
    section = _section(explanation, runs, out, tracking_uri.pages(uri))
    facts = [("command", f"python -m analysis.attention_maps {request.dataset}")]
    return page.write_page(out, f"Attention maps: {request.dataset}", facts, [section], phantom=explanation.phantom)


def _section(explanation: Explanation, runs: Runs, out: Path, ui: str) -> page.Section:
    """Writes the files of the tables and pictures."""
    for picture in explanation.pictures:
        csv = picture.frame.to_csv(index=False, lineterminator="\n")
        write_bytes(out / "figures" / f"{runs.dataset}_{picture.name}.csv", csv.encode())
    return page.Section(
        anchor=runs.dataset,
        title=catalogue.title(runs.dataset),
        facts=explanation.facts,
        sentences=explanation.sentences,
        tables=[page.write_table(table, runs, out, ui) for table in explanation.tables],
        pictures=[page.write_picture(picture, runs.dataset, out) for picture in explanation.pictures],
        left_out=[*explanation.left_out, *command.left_out_note([runs])],
    )
