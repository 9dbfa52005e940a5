"""What methods, networks and depths are called, read from the sources: importing them takes torch, and so seconds.

A command that refuses a misspelt name asks here. Tests compare the answers with what the sources declare once imported.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from functools import cache
from pathlib import Path

from trainables.models import stages

FOLDER = Path(__file__).parent
NETWORKS, FOUNDATION = FOLDER / "models" / "architectures.py", FOLDER / "models" / "foundation.py"
REGISTERED = re.compile(r"^@register_model\s*\ndef (\w+)\(", re.MULTILINE)


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
    """The networks that have a name of this project's: the paper's, then the foundation models, in their tables' order.

    They are the keys of `trainables.models.architectures.ARCHITECTURES` and `trainables.models.foundation.FOUNDATION`.
    """
    return (*_networks(), *_entries(FOUNDATION, "FOUNDATION"))


@cache
def timm_networks() -> tuple[str, ...]:
    """The names of timm's networks: the functions that its sources register, in alphabetical order."""
    package = importlib.util.find_spec("timm")
    if package is None or package.origin is None:
        return ()
    names: set[str] = set()
    for path in (Path(package.origin).parent / "models").glob("*.py"):
        names.update(REGISTERED.findall(path.read_text(encoding="utf-8")))
    return tuple(sorted(names))


def is_network(name: str) -> bool:
    """Whether there is a network of that name, here or in timm."""
    return name in architectures() or name in timm_networks()


@cache
def depths(architecture: str) -> tuple[str, ...]:
    """How deep one of the paper's networks can be unfrozen: the keys of its `depths`, in their order.

    () for any other: its depths follow from its stages, which only the network itself knows.
    """
    entry = _networks().get(architecture)
    if entry is None:
        return ()
    (declared,) = (keyword.value for keyword in entry.keywords if keyword.arg == "depths")
    assert isinstance(declared, ast.Attribute)
    return tuple(getattr(stages, declared.attr))


def _networks() -> dict[str, ast.Call]:
    """The entries of the table of the paper's networks, by name."""
    return {name: entry for name, entry in _entries(NETWORKS, "ARCHITECTURES").items() if isinstance(entry, ast.Call)}


def _entries(path: Path, table: str) -> dict[str, ast.expr]:
    """The entries of a dictionary that a file declares, by key."""
    (declared,) = (
        node.value
        for node in _statements(path)
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == table
    )
    assert isinstance(declared, ast.Dict)
    return {ast.literal_eval(key): entry for key, entry in zip(declared.keys, declared.values, strict=True) if key}


def _statements(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path)).body
