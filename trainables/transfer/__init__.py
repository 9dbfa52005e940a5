"""The ways to transfer knowledge, one file a method; `METHODS` finds them by the name that the search spaces use."""

from __future__ import annotations

import importlib
import pkgutil

from trainables.transfer.method import METHODS as METHODS

for _module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")
