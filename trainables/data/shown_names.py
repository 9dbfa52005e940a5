"""Names of files as they can be shown: on a disk, a name can be any bytes."""

from __future__ import annotations


def shown(path: str) -> str:
    """The path, or, where it has characters that a terminal would obey or cannot show, the path as Python writes it.

    >>> shown("a b.png"), shown("a\\nb.png")
    ('a b.png', "'a\\\\nb.png'")
    """
    return path if path.isprintable() else ascii(path)


def is_utf_8(path: str) -> bool:
    """Whether a name that the disk gave is in UTF-8; Python has surrogates for its bytes otherwise."""
    return not any("\ud800" <= sign <= "\udfff" for sign in path)
