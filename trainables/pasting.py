"""Commands in messages, written so that users can paste them in the folder where they are.

A bare `python`, `pip` or `mlflow` would be found outside the environment, and outside the repository's folder
`python -m platform` is the standard library's module. Reports and tags contain no such line, since it would name a
folder of this machine.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def command_line(module: str, *arguments: str) -> str:
    """A line for the shell that runs `module` with this interpreter, such as ``.venv/bin/python -m platform.ui``.

    It begins with ``cd`` where the working folder is not the repository's.

    Args:
        arguments: words as the program should receive them, quoted here; paths among them must be absolute.
    """
    line = shlex.join([_interpreter(), "-m", module, *arguments])
    return line if Path.cwd() == ROOT else f"cd {shlex.quote(str(ROOT))} && {line}"


def _interpreter() -> str:
    """Relative to the repository's folder where it lies below. Its links are not followed: an environment's is one."""
    path = Path(sys.executable)
    return str(path.relative_to(ROOT)) if path.parent != ROOT and path.is_relative_to(ROOT) else str(path)
