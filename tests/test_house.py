"""The order of the house: which way imports point, what the README promises, what no file may contain."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from tests.house import statements

ROOT = Path(__file__).parents[1]
ROLES = ["platform", "analysis", "search_spaces", "trainables"]  # an import may point to the right, never back
WORKERS_ONLY_RAY_FILE = "trainables/student.py"
DRIVER_LIBRARIES = {"ray", "mlflow", "optuna"}
SOURCES = sorted(path.relative_to(ROOT).as_posix() for role in ROLES for path in (ROOT / role).rglob("*.py"))


def imported(source: str, package: str) -> Iterator[str]:
    """The absolute names of all modules that a source imports, also within functions; `package` holds the file."""
    for node in statements(source):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            yield ".".join([*above, *filter(None, [node.module])])


def broken_arrows(path: str, source: str) -> list[str]:
    """The imports of the file that point back, or to what its folder may not know."""
    role = path.split("/")[0]
    forbidden = set(ROLES[: ROLES.index(role)])
    if role == "trainables" and path != WORKERS_ONLY_RAY_FILE:
        forbidden |= DRIVER_LIBRARIES
    package = ".".join(path.split("/")[:-1])
    return [name for name in imported(source, package) if name.split(".")[0] in forbidden]


@pytest.mark.parametrize("path", SOURCES)
def test_arrows_point_forward(path: str) -> None:
    assert broken_arrows(path, (ROOT / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source", "broken"),
    [
        ("platform/sweep.py", "import ray\nfrom platform import search\nimport trainables.loop", []),
        ("analysis/runs.py", "from platform.sweep import main", ["platform.sweep"]),
        ("analysis/runs.py", "import mlflow, search_spaces.retina", []),
        ("search_spaces/retina.py", "def late():\n    import analysis.reading.trials", ["analysis.reading.trials"]),
        ("search_spaces/retina.py", "import platform", ["platform"]),
        ("trainables/loop.py", "if True:\n    from ray import tune", ["ray"]),
        ("trainables/student.py", "from ray import tune\nimport optuna_integration", []),
        ("trainables/models/taps.py", "from .densenet import build\nfrom ..loop import run", []),
        ("trainables/models/taps.py", "from ...platform import search", ["platform"]),
    ],
)
def test_a_broken_arrow_is_seen(path: str, source: str, broken: list[str]) -> None:
    assert broken_arrows(path, source) == broken


SPLITS = {"split", "rsplit", "partition", "rpartition"}
MATCHES = {"startswith", "endswith", "contains", "replace", "removeprefix", "sub", "match", "fullmatch", "search"}
NAMES_OF_OTHER_THINGS = {  # where a file's path or an address has the same separators
    ("trainables/data/boxes.py", "paths.str.rpartition('/')"),
    ("analysis/tables/data_sets.py", "'/'.join"),  # views
    ("analysis/reading/tracking_uri.py", "parts.netloc.rpartition('@')"),
}


def handled_names(source: str) -> Iterator[str]:
    """The expressions that take a cell's name apart, put one together or match one."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            is_split = node.func.attr in SPLITS and first in ("/", "@")
            is_match = node.func.attr in MATCHES and isinstance(first, str) and first.startswith(("@", "itself"))
            if is_split or is_match:
                yield ast.unparse(node)
        elif isinstance(node, ast.Attribute) and node.attr == "join" and isinstance(node.value, ast.Constant):
            if node.value.value in ("/", "@"):
                yield ast.unparse(node)
        elif isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
            is_role = isinstance(node.values[0], ast.FormattedValue) and "ITSELF" in ast.unparse(node.values[0])
            if re.match(r"[\w-]+/[\w-]+/[\w-]+/[\w-]+(@|$)", text) or (is_role and text.startswith("x/")):
                yield ast.unparse(node)


@pytest.mark.parametrize("path", [path for path in SOURCES if path != "trainables/cell.py"])
def test_only_the_cell_itself_writes_and_reads_a_cells_name(path: str) -> None:
    handled = set(handled_names((ROOT / path).read_text(encoding="utf-8")))
    assert {text for text in handled if (path, text) not in NAMES_OF_OTHER_THINGS} == set()


@pytest.mark.parametrize(
    "source",
    [
        'cell.partition("@")', 'name.split("/")[2]', '"/".join(row)', 'frame.agg("/".join, axis=1)',
        'frame["cell"].str.replace(r"@[^,]*", "", regex=True)', 'cell.startswith(f"{ITSELF}/")',
        'f"-/none/{name.split()[0]}/all"', 'f"transfer/none/{student}/all@{fraction}"',
    ],
)  # fmt: skip
def test_a_name_that_is_taken_apart_is_seen(source: str) -> None:
    assert list(handled_names(source))


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def first_line(path: str) -> str:
    return (ast.get_docstring(ast.parse((ROOT / path).read_text(encoding="utf-8"))) or "").partition("\n")[0]


def test_every_source_says_what_it_is() -> None:
    assert [path for path in SOURCES if not first_line(path)] == []


def test_ci_runs_the_readmes_test_command() -> None:
    commands = [line for line in readme().splitlines() if line.endswith("-m pytest")]
    assert len(commands) == 1
    assert commands[0].startswith("sh install.sh && .venv/bin/python ")
    assert "grep -m1 -- '-m pytest$' README.md" in (ROOT / ".ci" / "run").read_text()


def test_the_readmes_main_command_is_the_sweep() -> None:
    assert "\nsh install.sh && .venv/bin/python -m platform.sweep retina\n" in readme()


@cache
def texts() -> dict[str, str]:
    """Every text file that is, or could be, in the repository."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listing.returncode != 0:
        pytest.skip(f"not a git checkout: {listing.stderr.strip()}")
    by_name = {}
    for name in filter(None, listing.stdout.split("\0")):
        content = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b"\0"
        if b"\0" not in content[:8000]:
            by_name[name] = content.decode("utf-8")
    return by_name


FOREIGN = [
    "--(extra-)?index-url|find-links|" + "py" + r"pi\.org|" + "python" + "hosted|file:///",  # which one, the user says
    r"(?<![\w.~$}])/(home/(?!ubuntu|ray)|Users|root|work|opt)/",  # a folder of one machine
]


def test_no_file_names_a_package_index_or_a_folder_of_one_machine() -> None:
    checked = {name: text for name, text in texts().items() if name not in ("tests/test_house.py", "LICENSE")}
    assert "requirements.lock" in checked
    matches = [
        f"{name}: {match[0]}" for name, text in checked.items() for rule in FOREIGN for match in re.finditer(rule, text)
    ]
    assert matches == []


UNFINISHED = "|".join(
    [
        "@" * 2,
        r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "TB" + "D")) + r")\b",
        r"(?i:\blorem " + r"ipsum\b)",
        r"(?i:\bcoming " + r"soon\b)",
        r"(?i:\b(fill|put) me " + r"in\b)",
        r"(?i:[<\[{](your|insert|add)[ _-][a-z _-]+(here|text)[>\]}])",
    ]
)


def test_nothing_is_left_to_be_filled_in() -> None:
    matches = [f"{name}: {match[0]}" for name, text in texts().items() for match in re.finditer(UNFINISHED, text)]
    assert matches == []


@pytest.mark.parametrize(
    "text",
    [
        "TO" + "DO: later",
        "# FIX" + "ME",
        "X" * 3,
        "Lorem " + "ipsum dolor",
        "Coming " + "soon",
        "<your text " + "here>",
    ],
)
def test_what_is_left_to_be_filled_in_is_seen(text: str) -> None:
    assert re.search(UNFINISHED, text)


@pytest.mark.parametrize(("installed", "code", "output"), [("same", 0, ""), ("other", 1, "installing into")])
def test_the_installation_is_made_anew_only_when_the_lock_changed(
    tmp_path: Path, installed: str, code: int, output: str
) -> None:
    lock = (ROOT / "requirements.lock").read_bytes()
    (tmp_path / "installed.lock").write_bytes(lock if installed == "same" else lock + b"more==1.0")
    environment = {**os.environ, "VENV": str(tmp_path), "PYTHON": "false"}
    done = subprocess.run(["sh", "install.sh"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == code
    assert done.stdout.startswith(output) and bool(done.stdout) == bool(output)


def test_every_requirement_is_pinned_and_hashed() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    requirements = [number for number, line in enumerate(lines) if re.match(r"[a-z0-9]", line)]
    assert len(requirements) > 50
    unpinned = [lines[number] for number in requirements if not re.match(r"[a-z0-9.-]+==[^ ]+", lines[number])]
    assert unpinned == []
    assert [lines[number] for number in requirements if "--hash=sha256:" not in lines[number + 1]] == []


def test_ray_accepts_the_cluster_file() -> None:
    cluster = prepare_config(yaml.safe_load((ROOT / "cluster.yaml").read_text()))
    validate_config(cluster)
    assert cluster["available_node_types"]["gpu"]["min_workers"] == 0


def test_only_the_head_of_the_cluster_is_a_lasting_machine() -> None:
    nodes = yaml.safe_load((ROOT / "cluster.yaml").read_text())["available_node_types"]
    markets = {name: node["node_config"].get("InstanceMarketOptions") for name, node in nodes.items()}
    assert markets == {"head": None, "gpu": {"MarketType": "spot"}}
