"""A figure beside its target: a line that `make bench` finds again, and puts into one table at its end."""

from __future__ import annotations

MARK = "=> "
HEAD = "what | target | here | verdict"


def verdict(what: str, target: str, figure: str, met: bool | None) -> None:
    """Prints one row; `met` is None where this machine cannot tell."""
    outcome = {True: "met", False: "falls short", None: "not measured"}[met]
    print(f"{MARK}{what} | {target} | {figure} | {outcome}", flush=True)
