"""`python -m tests.house` writes the tree of folders in docs/house.md: each folder with the first sentence of its
`__init__.py`. A test fails when the page is out of date.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROLES = ["platform", "analysis", "search_spaces", "trainables"]  # an import may point to the right, never back
PAGE = ROOT / "docs" / "house.md"
BEGIN, END = "<!-- tree: written by `python -m tests.house` -->\n", "<!-- end of tree -->\n"


def folders() -> list[Path]:
    """Every folder with Python code in the four roles, relative to the root: roles in order, parents first."""
    paths = {file.parent for role in ROLES for file in (ROOT / role).rglob("*.py")}
    relative = (path.relative_to(ROOT) for path in paths)
    return sorted(relative, key=lambda path: (ROLES.index(path.parts[0]), path.parts))


def docstring(folder: Path) -> str:
    """The docstring of the folder's `__init__.py`; "" where there is none."""
    file = ROOT / folder / "__init__.py"
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "") if file.is_file() else ""


def statements(source: str) -> Iterator[ast.AST]:
    """Every statement of a source, those within others too: a tenth of what `ast.walk` visits.

    >>> sorted(type(node).__name__ for node in statements("if a:\\n    import b\\nelse:\\n    c = d(e)"))
    ['Assign', 'If', 'Import', 'Module']
    """
    left: list[ast.AST] = [ast.parse(source)]
    while left:
        node = left.pop()
        yield node
        inner = (ast.stmt, ast.excepthandler, ast.match_case)
        left += [child for child in ast.iter_child_nodes(node) if isinstance(child, inner)]


def first_sentence(text: str) -> str:
    """The first sentence of a docstring, on one line.

    >>> first_sentence("The networks, by name. Each has taps.")
    'The networks, by name.'
    """
    return " ".join(re.split(r"(?<=\.)\s", text, maxsplit=1)[0].split())


def tree() -> str:
    """The fenced block: a line per folder, indented by two blanks per level."""
    names = ["  " * (len(path.parts) - 1) + path.name + "/" for path in folders()]
    width = max(map(len, names)) + 2
    lines = [f"{name:{width}}{first_sentence(docstring(path))}" for name, path in zip(names, folders(), strict=True)]
    return "\n".join(["```", *lines, "```", ""])


def with_tree(page: str) -> str:
    """The page with the present tree between its two marks.

    Raises:
        ValueError: the page lacks a mark.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE} must have the lines {BEGIN.strip()!r} and {END.strip()!r}, but lacks one")
    return before + begin + tree() + end + after


if __name__ == "__main__":
    PAGE.write_text(with_tree(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote the tree of {len(folders())} folders to {PAGE.relative_to(ROOT)}")
