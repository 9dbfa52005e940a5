"""What methods, networks and depths are called, read from the sources: importing them takes torch, and so seconds.

A command that refuses a misspelt name asks here. Tests compare the answers with what the sources declare once imported.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from trainables.models import stages

FOLDER = Path(__file__).parent
NETWORKS = FOLDER / "models" / "architectures.py"


@cache
def methods() -> tuple[str, ...]:
    """The names in `trainables.transfer.METHODS`: the `name` of each class in the files of that folder."""
    names = []
    for path in sorted((FOLDER / "transfer").glob("*.py")):
        classes = [node for node in _statements(path) if isinstance(node, ast.ClassDef)]
        assigned = [node for each in classes for node in each.body if isinstance(node, ast.Assign)]
        names += [ast.literal_eval(node.value) for node in assigned if ast.unparse(node.targets[0]) == "name"]
    return tuple(names)


@cache
def architectures() -> tuple[str, ...]:
    """The names in `trainables.models.architectures.ARCHITECTURES`: the keys of that dictionary, in its order."""
    return tuple(_networks())


@cache
def depths(architecture: str) -> tuple[str, ...]:
    """How deep a network of that table can be unfrozen: the keys of its `depths`, in their order."""
    (declared,) = (keyword.value for keyword in _networks()[architecture].keywords if keyword.arg == "depths")
    assert isinstance(declared, ast.Attribute)
    return tuple(getattr(stages, declared.attr))


def _networks() -> dict[str, ast.Call]:
    """The entries of that table, by name."""
    (table,) = (
        node.value
        for node in _statements(NETWORKS)
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "ARCHITECTURES"
    )
    assert isinstance(table, ast.Dict)
    entries = {ast.literal_eval(key): entry for key, entry in zip(table.keys, table.values, strict=True) if key}
    return {name: entry for name, entry in entries.items() if isinstance(entry, ast.Call)}


def _statements(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path)).body
