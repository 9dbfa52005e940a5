"""An answer to an item of a reporting checklist: what the ledger can say, and where it stands in the report."""

from __future__ import annotations

from dataclasses import dataclass

METHODS = "methods_in_words"  # the chapter, whose paragraphs have anchors of their own
ANSWERED, IN_PART, OPEN, NONE = "answered", "in part", "open", "does not apply"
FOR_THE_AUTHOR = "open: for the author"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a report says to one item."""

    status: str = OPEN
    text: str = FOR_THE_AUTHOR
    place: str = ""  # in words; "" for none
    anchor: str = ""  # of that place, behind the data set's


def answered(text: str, *, place: str = "", anchor: str = "") -> Answer:
    """What the ledger answers in full."""
    return Answer(status=ANSWERED, text=text, place=place, anchor=anchor)


def partly(text: str, author: str, *, place: str = "", anchor: str = "") -> Answer:
    """What the ledger answers in part; `author` is what is left open."""
    return Answer(status=IN_PART, text=f"{text}; open, for the author: {author}", place=place, anchor=anchor)


def not_applicable(text: str) -> Answer:
    """What does not apply, and why."""
    return Answer(status=NONE, text=text)


def paragraph(title: str, name: str) -> dict[str, str]:
    """The place of a paragraph of the methods, as `answered` and `partly` take it."""
    return {"place": f"Methods, in words: {title}", "anchor": f"{METHODS}-{name}"}


def table(title: str, name: str) -> dict[str, str]:
    """The place of a table or chapter of the report."""
    return {"place": title, "anchor": name}


DATA, SPLIT, NETWORKS, TEACHERS, TRANSFER, RECIPE, SEARCH, CONFIRMATION, STATISTICS, MACHINES = (
    paragraph("Data", "data"),
    paragraph("Splits", "split"),
    paragraph("Networks", "networks"),
    paragraph("Teachers", "teachers"),
    paragraph("Transfer of knowledge", "transfer"),
    paragraph("Training", "recipe"),
    paragraph("Search", "search"),
    paragraph("Confirmation", "confirmation"),
    paragraph("Statistics", "statistics"),
    paragraph("Software and hardware", "machines"),
)
