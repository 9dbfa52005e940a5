"""A paragraph of a paper's methods section, and its forms: text, Markdown and LaTeX.

What stands between backticks is set as it is typed, and ``[not recorded: ...]`` in bold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis.methods.phrases import NOT_RECORDED
from analysis.tables.rendering import latex_escaped

OPEN = re.compile(r"\[" + re.escape(NOT_RECORDED[1:-3]) + r"[^\]]*\]")
MARKED = re.compile(rf"`([^`]*)`|({OPEN.pattern})")


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """One paragraph."""

    name: str  # its anchor behind that of its chapter
    title: str
    text: str

    @property
    def pieces(self) -> list[tuple[str, str]]:
        """Its text, in pieces (`pieces_of`)."""
        return pieces_of(self.text)

    @property
    def num_open(self) -> int:
        """How much of it the ledger does not know."""
        return len(OPEN.findall(self.text))


def pieces_of(marked: str) -> list[tuple[str, str]]:
    """A marked text in pieces, each with its kind: "" for plain text, "code" and "open".

    >>> pieces_of("run `make test` again")
    [('', 'run '), ('code', 'make test'), ('', ' again')]
    """
    pieces, end = [], 0
    for found in MARKED.finditer(marked):
        pieces.append(("", marked[end : found.start()]))
        pieces.append(("open", found[2]) if found[2] else ("code", found[1]))
        end = found.end()
    return [(kind, piece) for kind, piece in [*pieces, ("", marked[end:])] if piece]


def text(title: str, paragraphs: Sequence[Paragraph]) -> str:
    """Plain text, one line per paragraph."""
    return "\n\n".join([title, *(f"{each.title}. {_joined(each, '{}', '{}')}" for each in paragraphs)])


def markdown(title: str, paragraphs: Sequence[Paragraph]) -> str:
    """Markdown, with the titles in bold at the beginning of their paragraphs."""
    return "\n\n".join(
        [f"## {title}", *(f"**{each.title}.** {_joined(each, '`{}`', '**{}**')}" for each in paragraphs)]
    )


def latex(title: str, paragraphs: Sequence[Paragraph]) -> str:
    """A section for a paper; needs no package beyond UTF-8."""
    lines = [rf"\section{{{latex_escaped(title)}}}"]
    for each in paragraphs:
        body = _joined(each, r"\texttt{{{}}}", r"\textbf{{{}}}", latex_escaped)
        lines.append(rf"\paragraph{{{latex_escaped(each.title)}.}} {body}")
    return "\n\n".join(lines)


FORMS: dict[str, Callable[[str, Sequence[Paragraph]], str]] = {"md": markdown, "tex": latex, "txt": text}


def _joined(paragraph: Paragraph, code: str, is_open: str, escaped: Callable[[str], str] = str) -> str:
    forms = {"": "{}", "code": code, "open": is_open}
    return "".join(forms[kind].format(escaped(piece)) for kind, piece in paragraph.pieces)
