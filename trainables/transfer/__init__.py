"""The ways to transfer knowledge, one file per method.

A method names the tensors it needs, what it keeps of the teacher's, its loss and its own knobs; a new file is a new
method, and nothing else has to be edited. `METHODS` maps the names that search spaces use to the classes. The interface
is in `method.py`, the total loss in `objective.py`, and in `pooling.py` how maps of different sizes are compared.
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from pathlib import Path

from trainables.transfer.method import METHODS as METHODS

for _module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")


def code_fingerprint() -> str:
    """16 hexadecimal digits of the SHA-256 over this folder's code: what older code made is not read again."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.name.encode() + file.read_bytes() for file in files)).hexdigest()[:16]
