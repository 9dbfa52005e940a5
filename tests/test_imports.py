"""What the sources import is declared, is light where it says so, and hides nothing of the standard library."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import sys
import tomllib
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.house import statements

ROOT = Path(__file__).parents[1]
ROLES = ["platform", "analysis", "search_spaces", "trainables"]
SOURCES = sorted(path.relative_to(ROOT).as_posix() for role in ROLES for path in (ROOT / role).rglob("*.py"))
TESTS = ["conftest.py", *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py"))]
OURS = {*ROLES, "tests"}
BY_NAME = {"pytest.importorskip", "importlib.import_module"}  # functions that import what their argument names


@cache
def declared(*, with_extras: bool) -> set[str]:
    """The names of the packages that pyproject.toml asks for, as package indexes compare them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"].values() if with_extras else [])]
    return {plain(re.split(r"[\[=<>~! ;]", requirement)[0]) for names in lists for requirement in names}


@cache
def packages() -> Mapping[str, list[str]]:
    """The packages that each installed module comes from."""
    return packages_distributions()


def plain(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def third_party(source: str) -> Iterator[tuple[str, bool]]:
    """Each module that is not ours or Python's own, and whether it is imported in a function, that is, on demand."""
    calls = any(name.rpartition(".")[2] in source for name in BY_NAME)
    inner = ast.AST if calls else (ast.stmt, ast.excepthandler, ast.match_case)  # where an import can be
    left: list[tuple[ast.AST, bool]] = [(ast.parse(source), False)]
    while left:
        node, on_demand = left.pop()
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [node.module]
        elif isinstance(node, ast.Call) and called(node.func) in BY_NAME:
            first = node.args[0]
            names = [first.value] if isinstance(first, ast.Constant) and isinstance(first.value, str) else []
        for name in {name.partition(".")[0] for name in names} - OURS - sys.stdlib_module_names:
            yield name, on_demand
        on_demand |= isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        left += [(child, on_demand) for child in ast.iter_child_nodes(node) if isinstance(child, inner)]


def called(function: ast.expr) -> str:
    """The dotted name of a module's function that is called; "" for what is called in another way."""
    is_of_a_module = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
    return ast.unparse(function) if is_of_a_module else ""


def undeclared(source: str, *, is_test: bool) -> list[str]:
    """Imports without a package in pyproject.toml; of a source's, only those on demand may be of an extra."""
    bad = []
    for module, on_demand in third_party(source):
        names = {plain(package) for package in packages().get(module, [module])}
        if not names & declared(with_extras=is_test or on_demand):
            bad.append(module)
    return bad


@pytest.mark.parametrize("path", [*SOURCES, *TESTS])
def test_every_import_is_declared(path: str) -> None:
    source = (ROOT / path).read_text(encoding="utf-8")
    assert undeclared(source, is_test=path in TESTS) == [], "declare the package in pyproject.toml, then `make lock`"


@pytest.mark.parametrize(
    ("source", "is_test", "expected"),
    [
        ("import numpy\nfrom PIL import Image\nimport yaml, os, trainables.loop", False, []),
        ("import nowhere.inner", False, ["nowhere"]),
        ("def late():\n    from nowhere import x", True, ["nowhere"]),
        ("import pydicom", False, ["pydicom"]),
        ("def late():\n    import pydicom", False, []),
        ("import hypothesis", True, []),
        ("theirs = pytest.importorskip('nowhere.losses')", True, ["nowhere"]),
        ("from . import nowhere", False, []),
    ],
)
def test_an_undeclared_import_is_seen(source: str, is_test: bool, expected: list[str]) -> None:
    assert undeclared(source, is_test=is_test) == expected


def public_names_of_pythons_platform() -> set[str]:
    """What `platform.X` means to every other library: our package must not put a module of that name in its place."""
    place = os.path.join(os.path.dirname(os.__file__), "platform.py")
    spec = importlib.util.spec_from_file_location("pythons_platform", place)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name for name in vars(module) if not name.startswith("_")}


def hiding(names: list[str]) -> set[str]:
    """The names of files and folders that would hide a public name of Python's own `platform`."""
    return {name.partition(".")[0] for name in names} & public_names_of_pythons_platform()


def test_no_module_of_platform_hides_a_name_of_pythons_platform() -> None:
    assert hiding([path.name for path in (ROOT / "platform").iterdir()]) == set()


def test_a_name_that_would_hide_one_is_seen() -> None:
    names = ["machine.py", "node", "system.py", "release", "version.py", "uname.py"]
    assert hiding([*names, "sweep.py", "machines.py", "tracking", "__init__.py", "model_card.md.j2"]) == {
        name.removesuffix(".py") for name in names
    }


def imports_of_ours(source: str, known: Collection[str]) -> set[str]:
    """The modules among `known` that a source imports, also within functions."""
    names: set[str] = set()
    for node in statements(source):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names & set(known)


def circle(sources: Mapping[str, str]) -> list[str]:
    """Modules that import each other in a circle, the first one again at the end; module name -> its source."""
    graph = {name: imports_of_ours(source, sources) - {name} for name, source in sources.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_each_other() -> None:
    names = {path: path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in SOURCES}
    assert circle({name: (ROOT / path).read_text(encoding="utf-8") for path, name in names.items()}) == []


def test_a_circle_is_seen() -> None:
    sources = {"a": "from b import c", "b": "", "b.c": "def later():\n    import a", "d": "import a"}
    assert sorted(set(circle(sources))) == ["a", "b.c"]
