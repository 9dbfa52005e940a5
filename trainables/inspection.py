"""What a cluster's machine reports about itself before it gets trials. Runs on a worker, as a trial does."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, TypedDict

LIBRARIES = ("torch", "torchvision", "numpy", "pyarrow")  # what may change a trial's numbers


class Answer(TypedDict):
    """What a machine says; plain values, for Ray to carry."""

    name: str
    code: str  # fingerprint of its copy of `trainables`
    libraries: dict[str, str]  # versions
    local_free_bytes: int  # in the folder for copies; -1 where it may not write there, 0 where none was asked about


def inspect_machine(question: str, answer: str, local: str) -> dict[str, Any]:
    """Copies the file `question` to `answer`, both in the shared folder, and describes this machine as `Answer` does.

    Where the shared folder cannot be seen or written no copy is made, and the one who asks sees none.

    Args:
        question, answer: paths.
        local: the folder on this machine's own disk, or "".
    """
    with suppress(OSError):
        Path(answer).write_text(Path(question).read_text())
    return {
        "name": os.uname().nodename,
        "code": code_of(Path(__file__).parent),
        "libraries": library_versions(),
        "local_free_bytes": _free_bytes(Path(local)) if local else 0,
    }


def code_of(folder: Path) -> str:
    """16 hexadecimal digits of the SHA-256 over the Python files under `folder`."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def library_versions() -> dict[str, str]:
    """Those of `LIBRARIES` that this Python has."""
    versions = {}
    for library in LIBRARIES:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[library] = importlib.metadata.version(library)
    return versions


def _free_bytes(folder: Path) -> int:
    probe = folder / f".probe-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
        return shutil.disk_usage(folder).free
    except OSError:
        return -1
