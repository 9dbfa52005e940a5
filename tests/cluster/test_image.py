"""The image for containers: what the Dockerfile copies and calls exists, and documents and job agree with it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
USER, FOLDER = "researcher", "/transfer"


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, each on one line, in order."""
    text = "".join(line for line in (ROOT / "Dockerfile").read_text().splitlines(True) if not line.startswith("#"))
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in lines if line.strip()]


def places(name: str) -> list[int]:
    return [place for place, (instruction, _) in enumerate(instructions()) if instruction == name]


def tracked() -> list[str]:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode:
        pytest.skip("not a git checkout")
    return listing.stdout.splitlines()


def is_left_out(path: str) -> bool:
    """Whether .dockerignore keeps `path` out: a rule is for the root, unless it begins with **/."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    parts = path.split("/")
    return any(
        any(fnmatch(part, rule[3:]) for part in parts) if rule.startswith("**/") else fnmatch(parts[0], rule)
        for rule in rules
    )


def test_every_file_that_is_copied_by_name_is_there_and_not_left_out() -> None:
    copied = [word for name, rest in instructions() if name == "COPY" for word in shlex.split(rest)[:-1]]
    names = [word for word in copied if not word.startswith("--")]
    assert {"install.sh", "requirements.lock", "."} == set(names)
    for name in names:
        assert (ROOT / name).exists() and not is_left_out(name), name


def test_the_image_holds_the_repository_and_nothing_that_git_ignores() -> None:
    assert [name for name in tracked() if is_left_out(name)] == []
    ignored = [line for line in (ROOT / ".gitignore").read_text().splitlines() if line and line[0] != "#"]
    examples = [rule.strip("/").replace("*", "x").replace("[co]", "c") for rule in ignored]
    assert len(examples) > 10 and [name for name in examples if not is_left_out(name)] == []
    assert is_left_out("platform/__pycache__/sweep.cpython-311.pyc") and is_left_out("docs/mlflow.db")
    assert is_left_out(".git") and is_left_out("results/mlflow.db") and not is_left_out("trainables/data/store.py")


def test_the_base_is_pinned_to_a_python_that_the_project_takes() -> None:
    (base,) = [rest for name, rest in instructions() if name == "FROM"]
    version = re.fullmatch(r"python:(3\.\d+)-slim-\w+", base)
    assert version is not None
    assert f"${{PYTHON:-python{version[1]}}}" in (ROOT / "install.sh").read_text()
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].startswith(
        f">={version[1]}"
    )


def test_nothing_runs_as_root_once_the_system_is_ready() -> None:
    users = places("USER")
    assert [instructions()[place][1] for place in users] == [USER]
    assert all(place > users[0] for place in places("COPY")) and places("RUN")[0] < users[0] < places("RUN")[1]
    assert f"useradd --create-home --uid 1000 {USER}" in instructions()[places("RUN")[0]][1]
    copies = [rest for name, rest in instructions() if name == "COPY"]
    assert all(rest.startswith(f"--chown={USER}:{USER} ") for rest in copies)


def test_the_libraries_are_a_layer_before_the_code() -> None:
    (install,) = [place for place in places("RUN") if "install.sh" in instructions()[place][1]]
    first, second = places("COPY")
    assert first < install < second


def test_the_folders_and_the_commands_are_the_repositorys() -> None:
    text = (ROOT / "Dockerfile").read_text()
    (compiled,) = re.findall(r"compileall -q (.*)", text)
    assert compiled.split() == ["platform", "analysis", "search_spaces", "trainables"]
    assert all((ROOT / name / "__init__.py").is_file() for name in compiled.split())
    documents = text + (ROOT / "docs" / "cluster.md").read_text()
    verbs = set(re.findall(r"python -m platform\.(\w+)", documents))
    assert "sweep" in verbs and all((ROOT / "platform" / f"{verb}.py").is_file() for verb in verbs)


def test_the_job_and_the_documents_fit_the_image() -> None:
    job = yaml.safe_load((ROOT / "docs" / "cluster" / "kuberay.yaml").read_text())
    assert f"cd {FOLDER} && .venv/bin/python" in job["spec"]["entrypoint"]
    assert ("WORKDIR", FOLDER) in instructions()
    cluster = job["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        assert pod["securityContext"] == {"runAsNonRoot": True, "runAsUser": 1000, "fsGroup": 1000}
        image = pod["containers"][0]["image"]
        assert f"docker build -t {image} ." in (ROOT / "docs" / "cluster.md").read_text()


@pytest.mark.parametrize("has_code", [False, True])
def test_the_libraries_are_installed_where_our_own_code_is_not_there_yet(tmp_path: Path, has_code: bool) -> None:
    """With programs in the place of Python and uv, that note how they are called."""
    for name in ("install.sh", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    if has_code:
        (tmp_path / "trainables").mkdir()
    stand_in = tmp_path / "stand-in"
    stand_in.write_text(
        f'#!/bin/sh\necho "$@" >>"{tmp_path}/calls"\n'
        '[ "$2" = venv ] || exit 0\n'
        f'mkdir -p "$3/bin"\nfor name in python uv; do cp "{stand_in}" "$3/bin/$name"; done\n'
    )
    stand_in.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "PYTHON": str(stand_in)}
    done = subprocess.run(["sh", "install.sh"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "calls").read_text()
    assert "pip install --quiet --python .venv/bin/python -r requirements.lock" in calls and "ray.tune" in calls
    assert ("trainables.job" in calls) == ("platform.sweeping.conduct_sweep" in calls) == has_code
    assert (tmp_path / ".venv" / "installed.lock").read_bytes() == (ROOT / "requirements.lock").read_bytes()
