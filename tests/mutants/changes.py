"""Small changes to source files, one at a time, by the operators of Cosmic Ray; a sample of them that is drawn once.

A change is known by the text of its line before and after, not by the number of the line. An edit elsewhere in the file
therefore leaves most of the sample, and what is on record of it, as they were.
"""

from __future__ import annotations

import ast
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

OPERATORS = [
    name for name in operator_names() if not name.startswith(("core/Variable", "core/NoOp"))
]  # those need a name
Place = tuple[str, tuple[int, int], tuple[int, int]]  # file, and where in it: line and column of start and end


@dataclass(frozen=True)
class Change:
    """One operator's change at one place of a file."""

    file: str
    line: int
    operator: str
    occurrence: int
    before: str
    after: str
    mark: str

    def applied_to(self, source: str) -> str:
        """The whole file with the change."""
        changed = _changed(source, self.operator, self.occurrence)
        assert changed is not None, f"{self.operator} has no occurrence {self.occurrence} in {self.file}"
        return changed


def _changed(source: str, operator: str, occurrence: int) -> str | None:
    """The whole text with the change; None where the operator has no such occurrence, or cannot make it."""
    try:
        return mutate_code(source, get_operator(operator)(), occurrence)
    except AttributeError:  # `except (A, B):` is too much for ExceptionReplacer
        return None


def sample(files: list[str], root: Path, size: int) -> list[Change]:
    """`size` changes at as many places, drawn by their hash: the same again for the same texts."""
    by_place: dict[Place, list[tuple[str, int]]] = defaultdict(list)
    for file in files:
        for place, operator, occurrence in _possible(file, (root / file).read_text()):
            by_place[place].append((operator, occurrence))
    drawn: list[Change] = []
    for place in sorted(by_place, key=lambda place: _mark(*_text(place, root))):
        drawn += _one_of(place, by_place[place], root)
        if len(drawn) == size:
            break
    return drawn


def _one_of(place: Place, ways: list[tuple[str, int]], root: Path) -> list[Change]:
    """A change at the place by an operator that is drawn; none where what would change is never run."""
    file, (line, _), _ = place
    source = (root / file).read_text()
    text = _text(place, root)
    operator, occurrence = min(ways, key=lambda way: _mark(*text, *map(str, way)))
    changed = _changed(source, operator, occurrence)
    if changed is None or not _is_another_program(source, changed):
        return []
    before, after = _lines_that_differ(source, changed)
    return [Change(file, line, operator, occurrence, before, after, _mark(*text, operator, before, after))]


def _is_another_program(source: str, changed: str) -> bool:
    try:
        return ast.dump(ast.parse(source)) != ast.dump(ast.parse(changed))
    except SyntaxError:  # such as another sign in the place of the * between parameters
        return False


def _possible(file: str, source: str) -> Iterator[tuple[Place, str, int]]:
    declared = list(_declared(source))
    tree = get_ast(source)
    for name in OPERATORS:
        operator = get_operator(name)()
        occurrence = 0
        for node in ast_nodes(tree):
            for start, end in operator.mutation_positions(node):
                if not any(first <= start and end <= last for first, last in declared):
                    yield (file, start, end), name, occurrence
                occurrence += 1


def _declared(source: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Where types stand, and what kind of record a class is: no number comes of them."""
    for node in ast.walk(ast.parse(source)):
        for decorator in node.decorator_list if isinstance(node, ast.ClassDef) else []:
            yield (decorator.lineno, 0), ((decorator.end_lineno or 0) + 1, 0)
        for typed in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(typed, ast.expr):
                yield (typed.lineno, typed.col_offset), (typed.end_lineno or 0, typed.end_col_offset or 0)


def _text(place: Place, root: Path) -> tuple[str, ...]:
    """What tells the place from others: its file, its line, and which of the file's like lines it is."""
    file, (line, column), (_, end) = place
    lines = (root / file).read_text().splitlines()
    text = lines[line - 1].strip()
    which = sum(earlier.strip() == text for earlier in lines[: line - 1])
    indent = len(lines[line - 1]) - len(lines[line - 1].lstrip())
    return file, text, str(which), str(column - indent), str(end - column)


def _lines_that_differ(source: str, changed: str) -> tuple[str, str]:
    pairs = zip(source.splitlines(), changed.splitlines(), strict=False)
    return next(((before.strip(), after.strip()) for before, after in pairs if before != after), ("", ""))


def _mark(*words: str) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]
