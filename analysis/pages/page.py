"""A page of tables, figures and sentences: its parts, and the files that it links to.

Three commands write one: `analysis.report`, `analysis.attention_maps` and `platform.evaluate`. The template
`page.html.j2` reads nothing but these parts.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from analysis.figures import drawing
from analysis.methods import paragraph
from analysis.methods.paragraph import Paragraph
from analysis.pages.answers import Answer
from analysis.pages.chapter import Chapter
from analysis.reading import origins, tracking_uri
from analysis.reading.ablations import Ablation
from analysis.reading.trials import Runs
from analysis.tables.rendering import FORMATS, Cell, Table
from trainables.atomic import write_bytes

SUFFIXES = {"markdown": "md", "latex": "tex", "csv": "csv"}
PNG_AND_SVG = {"png": drawing.png, "svg": drawing.svg}

WARNING = "WARNING"
PX_PER_IN = 120  # of a figure on the page
MAX_ROWS = 20  # of a table that is shown unfolded
LONG = 18  # characters of a field; a longer one may be broken into lines

Facts = Sequence[tuple[str, str]]  # name, value


@dataclass(frozen=True, kw_only=True)
class WrittenCell:
    """One field of a table, with links to the runs behind its number."""

    text: str
    title: str  # what people call it, where `text` is a cell's name
    kind: str  # "name" of such a field, "words" of a long text, which may be broken into lines, or ""
    mark: str  # "best", "second" or ""
    links: tuple[str, ...]
    anchor: str = ""  # of the place on the page that it names


@dataclass(frozen=True, kw_only=True)
class WrittenTable:
    """A table whose files are written."""

    title: str
    head: Sequence[Sequence[str]]
    body: Sequence[Sequence[WrittenCell]]
    notes: Sequence[str]
    files: Sequence[str]  # relative to the page
    is_sortable: bool
    anchor: str = ""
    is_prose: bool = False

    @property
    def is_long(self) -> bool:
        """Whether a page folds it, so that what comes after it can be found."""
        return len(self.body) > MAX_ROWS

    @property
    def name_columns(self) -> set[int]:
        """The numbers of the columns that hold names of cells."""
        return {number for row in self.body for number, cell in enumerate(row) if cell.kind == "name"}


@dataclass(frozen=True, kw_only=True)
class WrittenPicture:
    """A figure whose files are written."""

    title: str
    alternative: str  # the figure in words
    caption: str
    width_px: int  # at which its text is as large as the page's small print
    source: str  # the picture itself, as a data: address
    files: Sequence[str]  # relative to the page


@dataclass(frozen=True, kw_only=True)
class WrittenChapter:
    """A chapter (`analysis.pages.chapter.Chapter`) whose tables and figures are written."""

    anchor: str
    title: str
    question: str
    sentences: Sequence[str]
    tables: Sequence[WrittenTable]
    pictures: Sequence[WrittenPicture]
    empty: str
    paragraphs: Sequence[Paragraph] = ()
    files: Sequence[str] = ()  # of the paragraphs, relative to the page

    @property
    def anchors(self) -> set[str]:
        """Every place in it that can be linked to."""
        inside = {f"{self.anchor}-{paragraph.name}" for paragraph in self.paragraphs}
        return {self.anchor, *inside, *(table.anchor for table in self.tables)}


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part of a page, under a heading of its own."""

    anchor: str  # the heading's name in addresses
    title: str
    facts: Facts  # what the numbers rest on, at the end; those called `WARNING` stand first
    sentences: Sequence[str]
    tables: Sequence[WrittenTable]
    pictures: Sequence[WrittenPicture]
    left_out: Sequence[str]
    answers: Sequence[Answer] = ()
    basis: str = ""  # what all answers have in common
    spread: str = ""  # what is in the spread over repeats, and what is not
    lead: WrittenPicture | None = None  # the picture that stands before the tables
    chapters: Sequence[WrittenChapter] = ()
    ablations: Sequence[Ablation] = ()  # the files that its sweeps were made from

    @property
    def anchors(self) -> set[str]:
        """Every place in it that can be linked to."""
        inside = [each for chapter in self.chapters for each in chapter.anchors]
        return {self.anchor, *inside, *(table.anchor for table in self.tables)}

    @property
    def warnings(self) -> list[str]:
        """What to beware of."""
        return [value for name, value in self.facts if name == WARNING]

    @property
    def provenance(self) -> Facts:
        """The facts that are no warnings."""
        return [fact for fact in self.facts if fact[0] != WARNING]


def write_page(out: Path, title: str, facts: Facts, sections: Sequence[Section], *, phantom: str) -> Path:
    """Writes index.html to the folder `out`, and returns its path.

    Args:
        phantom: which parts of any number are phantoms (`analysis.reading.origins`), for the notice at the head.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["pieces"] = paragraph.pieces_of
    anchors = {each for section in sections for each in section.anchors}
    html = environment.get_template("page.html.j2").render(
        title=title, phantom_notice=origins.notice(phantom), facts=facts, sections=sections, anchors=anchors
    )
    write_bytes(out / "index.html", html.encode())
    return out / "index.html"


def write_table(table: Table, runs: Runs, out: Path, ui: str) -> WrittenTable:
    """Writes a table as Markdown, LaTeX and CSV.

    Args:
        out: the page's folder.
        ui: the address of MLflow's pages, for the links to runs; "" for no links.
    """
    files = []
    for form, suffix in SUFFIXES.items():
        path = Path("tables") / f"{runs.dataset}_{table.name}.{suffix}"
        write_bytes(out / path, (FORMATS[form](table) + "\n").encode())
        files.append(path.as_posix())
    experiment = tracking_uri.experiment_page(ui, runs.trials["experiment_id"].iloc[0])

    def links(run_ids: Sequence[str]) -> tuple[str, ...]:
        return tuple(f"{experiment}/runs/{run_id}" for run_id in run_ids) if ui else ()

    return WrittenTable(
        title=table.title,
        head=table.titled_head or table.head,
        body=[[_written(cell, links(cell.run_ids), runs.dataset) for cell in row] for row in table.body],
        notes=table.all_notes,
        files=files,
        is_sortable=table.is_sortable,
        is_prose=table.is_prose,
        anchor=_anchor(runs.dataset, f"table-{table.name}"),
    )


def write_chapter(chapter: Chapter, runs: Runs, out: Path, ui: str) -> WrittenChapter:
    """Writes the tables and figures of a chapter; the arguments are those of `write_table`."""
    return WrittenChapter(
        anchor=_anchor(runs.dataset, chapter.name),
        title=chapter.title,
        question=chapter.question,
        sentences=chapter.sentences,
        tables=[write_table(table, runs, out, ui) for table in chapter.tables],
        pictures=[write_picture(picture, runs.dataset, out) for picture in chapter.pictures],
        empty=chapter.empty,
        paragraphs=chapter.paragraphs,
        files=_write_paragraphs(chapter, runs, out),
    )


def _write_paragraphs(chapter: Chapter, runs: Runs, out: Path) -> list[str]:
    """Writes a chapter's paragraphs as text, Markdown and LaTeX, where it has any."""
    if not chapter.paragraphs:
        return []
    files = []
    for suffix, form in paragraph.FORMS.items():
        path = Path("tables") / f"{runs.dataset}_{chapter.name}.{suffix}"
        write_bytes(out / path, (form(chapter.title, chapter.paragraphs) + "\n").encode())
        files.append(path.as_posix())
    return files


def _anchor(dataset: str, name: str) -> str:
    return f"{dataset}-{name}".replace("_", "-")


def _written(cell: Cell, links: tuple[str, ...], dataset: str) -> WrittenCell:
    kind = "name" if cell.title else "words" if len(cell.text) > LONG else ""
    anchor = _anchor(dataset, cell.anchor) if cell.anchor else ""
    return WrittenCell(text=cell.text, title=cell.title, kind=kind, mark=cell.mark, links=links, anchor=anchor)


def write_picture(picture: drawing.Picture, dataset: str, out: Path) -> WrittenPicture:
    """Writes a figure as PNG and SVG; `out` is the page's folder."""
    files = []
    for suffix, form in PNG_AND_SVG.items():
        path = Path("figures") / f"{dataset}_{picture.name}.{suffix}"
        content = form(picture.figure)
        write_bytes(out / path, content)
        files.append(path.as_posix())
    source = "data:image/svg+xml;base64," + base64.b64encode(content).decode()
    return WrittenPicture(
        title=picture.title,
        alternative=picture.alternative,
        caption=picture.caption or picture.alternative,
        width_px=round(PX_PER_IN * picture.figure.get_figwidth()),
        source=source,
        files=files,
    )
