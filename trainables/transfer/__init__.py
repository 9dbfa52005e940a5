"""The ways to transfer knowledge, one file a method; `METHODS` finds them by the name that the search spaces use."""

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
