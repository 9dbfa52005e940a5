"""Our package `platform` hides the standard library's: every program that the project starts must go on working."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=100)


def output_of(program: str, *arguments: str) -> str:
    """What a Python program prints that is started from the root, where ours is first on the path."""
    done = run(sys.executable, "-c", program, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_ours_is_found_from_the_root() -> None:
    assert output_of("import platform; print(platform.__file__)") == str(ROOT / "platform" / "__init__.py")


def test_it_is_a_superset_of_the_standard_librarys_module() -> None:
    names = "import platform; print(*(n for n in vars(platform) if not n.startswith('__')))"
    theirs = run(sys.executable, "-P", "-c", names).stdout.split()
    assert "uname" in theirs
    assert set(theirs) <= set(output_of(names).split())


def test_it_gives_the_standard_librarys_answers() -> None:
    facts = "import json, platform as p; print(json.dumps([p.system(), p.python_version(), p.platform(), p.uname()]))"
    theirs = json.loads(run(sys.executable, "-P", "-c", facts).stdout)
    assert json.loads(output_of(facts)) == theirs


def test_its_objects_are_unpickled_where_only_the_standard_librarys_module_is(tmp_path: Path) -> None:
    path = str(tmp_path / "uname")
    output_of("import pickle, platform, sys; pickle.dump(platform.uname(), open(sys.argv[1], 'wb'))", path)
    load = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).system)"
    ours = output_of("import platform; print(platform.system())")
    assert run(sys.executable, "-P", "-c", load, path).stdout.strip() == ours


def test_its_docstring_is_ours_and_its_functions_are_the_standard_librarys() -> None:
    program = (
        "import inspect, platform as p; print('superset' in p.__doc__, inspect.getsourcefile(p.system) != p.__file__)"
    )
    assert output_of(program) == "True True"


def test_importing_it_costs_little_more_than_the_standard_librarys() -> None:
    timed = "import re, time; t = time.perf_counter(); import platform; print(time.perf_counter() - t)"
    assert min(float(output_of(timed)) for _ in range(3)) < 0.05


def test_libraries_that_ask_for_the_platform_are_imported_and_the_plan_knows_nothing_of_ray_or_mlflow() -> None:
    program = (
        "import sys, uuid, numpy, torch, pandas, platform.sweeping.plan\n"
        "print(platform.__path__[0], {name.partition('.')[0] for name in sys.modules} & {'mlflow', 'ray'})"
    )
    assert output_of(program) == f"{ROOT / 'platform'} set()"


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([sys.executable, "-m", "pytest", "--version"], id="python -m pytest"),
        pytest.param([str(PROGRAMS / "pytest"), "--version"], id="pytest"),
        pytest.param([sys.executable, "-m", "ensurepip", "--version"], id="python -m ensurepip"),
        pytest.param([sys.executable, "-m", "venv", "--help"], id="python -m venv"),
    ],
)
def test_programs_start_from_the_root(command: list[str]) -> None:
    done = run(*command)
    assert done.returncode == 0, done.stderr


def test_bare_pytest_imports_our_package_in_tests(tmp_path: Path) -> None:
    """The conftest at the root, under a `pytest` that has loaded the standard library's module already."""
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text())
    (tmp_path / "platform").mkdir()
    (tmp_path / "platform" / "__init__.py").write_text((ROOT / "platform" / "__init__.py").read_text())
    (tmp_path / "platform" / "verb.py").write_text("NAME = 'ours'\n")
    (tmp_path / "test_it.py").write_text(
        "import platform\nfrom platform.verb import NAME\n\ndef test_it():\n    assert NAME and platform.system()\n"
    )
    done = run(str(PROGRAMS / "pytest"), "-q", "-p", "no:cacheprovider", cwd=tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_verbs_are_listed_at_once_and_without_importing_them() -> None:
    started = time.perf_counter()
    done = run(sys.executable, "-m", "platform")
    took_s = time.perf_counter() - started
    assert done.returncode == 0, done.stderr
    mains = [
        path for path in (ROOT / "platform").glob("[!_]*.py") if '\nif __name__ == "__main__":' in path.read_text()
    ]
    for path in mains:
        line = next(line for line in done.stdout.splitlines() if f"python -m platform.{path.stem} " in line)
        assert len(line.split(maxsplit=3)) == 4, f"{path.name} says nothing of itself in its docstring's first line"
    # Beside the interpreter's own start, since this may share its cores: importing torch alone takes seconds.
    assert took_s < 0.5 + 2 * interpreter_start_s()


def interpreter_start_s() -> float:
    started = time.perf_counter()
    run(sys.executable, "-c", "")
    return time.perf_counter() - started


def test_an_unknown_verb_is_named() -> None:
    done = run(sys.executable, "-m", "platform", "swep", "retina")
    assert done.returncode == 1
    assert "but got 'swep'" in done.stderr


@pytest.mark.slow
def test_ray_runs_a_remote_task() -> None:
    program = """
import json, platform, ray
ray.init(address="local", num_cpus=1, include_dashboard=False, logging_level="ERROR", log_to_driver=False)

@ray.remote
def system():
    import platform
    return platform.system()

print(json.dumps([platform.system(), ray.get(system.remote())]))
"""
    ours, workers = json.loads(output_of(program).splitlines()[-1])
    assert ours == workers


@pytest.fixture
def mlflow_server(tmp_path: Path, empty_mlflow: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(PROGRAMS / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    shutil.copy(empty_mlflow, tmp_path / "runs.db")
    command += ["--backend-store-uri", f"sqlite:///{tmp_path / 'runs.db'}", "--default-artifact-root", str(tmp_path)]
    with open(tmp_path / "log", "wb") as log:
        fewer = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # a dozen processes beside the server
        server = subprocess.Popen(command, cwd=ROOT, env=fewer, stdout=log, stderr=log, start_new_session=True)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


@pytest.mark.slow
def test_the_mlflow_server_answers(mlflow_server: str) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{mlflow_server}/health", timeout=5) as answer:
                assert answer.read() == b"OK"
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.3)
    pytest.fail("the MLflow server did not answer within 90 s")
