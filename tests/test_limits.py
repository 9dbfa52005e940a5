"""The limits of the house: lines of a file and of a function, positional parameters, and one module per name."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import pytest

from tests.house import ROLES, ROOT, statements
from trainables.data.catalogue import DATASETS

MAX_FILE_LINES = 250
MAX_FUNCTION_LINES = 40
MAX_POSITIONAL = 5  # parameters, self and cls apart; any number may be keyword-only
SOURCES = sorted(path.relative_to(ROOT) for role in ROLES for path in (ROOT / role).rglob("*.py"))
TESTS = sorted(path.relative_to(ROOT) for path in (ROOT / "tests").rglob("*.py"))
LONG_TESTS = {
    "tests/analysis/tables/test_results.py",
    "tests/platform/sources/test_images.py",
    "tests/platform/sweeping/test_setup.py",
    "tests/platform/tracking/test_tracker.py",
    "tests/trainables/teachers/test_importing.py",
    "tests/trainables/test_job.py",
    "tests/trainables/transfer/test_training.py",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@lru_cache(maxsize=1)  # both limits of functions look at them
def functions(source: str) -> list[Function]:
    """Every function and method of a source, inner ones too."""
    return [node for node in statements(source) if isinstance(node, Function)]


def too_long(source: str) -> list[str]:
    """The functions that are too long from their `def` to their last line."""
    lengths = [(node.name, (node.end_lineno or node.lineno) - node.lineno + 1) for node in functions(source)]
    return [f"{name} has {length} lines" for name, length in lengths if length > MAX_FUNCTION_LINES]


def too_many_parameters(source: str) -> list[str]:
    """The functions with too many parameters that can be passed by position."""
    breaches = []
    for node in functions(source):
        names = {each.arg for each in (*node.args.posonlyargs, *node.args.args)} - {"self", "cls"}
        if len(names) > MAX_POSITIONAL:
            breaches.append(f"{node.name} has {len(names)}")
    return breaches


def shared_names(paths: Sequence[Path]) -> dict[str, list[str]]:
    """Module name -> the folders that have one of this name, where these are several.

    All modules of a data set are named after it. Folders do not count: a command may be named after its own.
    """
    folders = defaultdict(list)
    for path in paths:
        if path.stem != "__init__" and path.stem.replace("_", "-") not in DATASETS:
            folders[path.stem].append(path.parent.as_posix())
    return {name: places for name, places in folders.items() if len(places) > 1}


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_a_file_and_its_functions_keep_the_limits(path: Path) -> None:
    source = (ROOT / path).read_text(encoding="utf-8")
    num_lines = len(source.splitlines())
    assert num_lines <= MAX_FILE_LINES, f"{path} must have at most {MAX_FILE_LINES} lines: split it by sense"
    assert too_long(source) == [], f"a function must have at most {MAX_FUNCTION_LINES} lines: split it by sense"
    assert too_many_parameters(source) == [], (
        f"a function must have at most {MAX_POSITIONAL} positional parameters: make others keyword-only with `*`"
    )


@pytest.mark.parametrize("path", [path for path in TESTS if path.as_posix() not in LONG_TESTS], ids=str)
def test_a_file_of_tests_keeps_the_limit(path: Path) -> None:
    num_lines = len((ROOT / path).read_text(encoding="utf-8").splitlines())
    assert num_lines <= MAX_FILE_LINES, f"{path} must have at most {MAX_FILE_LINES} lines: split it by sense"


def test_the_list_of_long_tests_holds_no_other() -> None:
    lengths = {name: len((ROOT / name).read_text(encoding="utf-8").splitlines()) for name in sorted(LONG_TESTS)}
    assert [name for name, length in lengths.items() if length <= MAX_FILE_LINES] == []


def test_no_two_modules_share_a_name() -> None:
    assert shared_names(SOURCES) == {}, "a module's name must belong to one module: name each for its own job"


def test_a_breach_of_each_limit_is_seen() -> None:
    body = "\n    pass" * MAX_FUNCTION_LINES
    assert too_long(f"class A:\n  def long(self):{body}") == [f"long has {MAX_FUNCTION_LINES + 1} lines"]
    assert too_long(f"def short():{body.removesuffix('    pass')}") == []
    names = ", ".join("abcdef")
    assert too_many_parameters(f"def many({names}): ...\ndef few(self, a, b, *, c, d, e, f): ...") == ["many has 6"]
    double = "class A:\n  def same(self): ...\nclass B:\n  def same(self):" + body
    assert too_long(double) == [f"same has {MAX_FUNCTION_LINES + 1} lines"]
    paths = ["platform/ledger.py", "analysis/ledger.py", "search_spaces/retina.py", "trainables/data/readers/retina.py"]
    assert shared_names([Path(path) for path in paths]) == {"ledger": ["platform", "analysis"]}
    others = ["platform/__init__.py", "analysis/__init__.py", "platform/prepare.py"]
    assert shared_names([Path(path) for path in others]) == {}
