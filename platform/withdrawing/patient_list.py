"""The file that lists who withdraws: a patient per line."""

from __future__ import annotations

from pathlib import Path

from trainables.data.store import salted_hashes

COMMENT = "#"


def patients_in(path: Path, salt: bytes) -> dict[str, int]:
    """The salted hash of each patient in the file -> the first line, from 1, that has it.

    A line is the patient's id as the data set's reader knows it: the cell of a column such as ``patient``, or what a
    file's name says. Blank lines, lines that begin with ``#``, and blanks around an id are skipped; a byte-order mark
    and any line ends are allowed.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not text, or names nobody.
    """
    if not path.is_file():
        raise FileNotFoundError(f"--without must name a file that lists patients, but there is no {path}")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} must be text in UTF-8 with a patient per line, but cannot be read: {error}"
        ) from error
    ids = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    named = [(number, name) for number, name in ids if name and not name.startswith(COMMENT)]
    if not named:
        raise ValueError(f"{path} must name patients, one per line, but has none")
    first: dict[str, int] = {}
    for (number, _), hashed in zip(named, salted_hashes([name for _, name in named], salt), strict=True):
        first.setdefault(hashed, number)
    return first
