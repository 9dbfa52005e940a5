"""A folder as an archive: checksums of its files, then one zip file. The same files give the same bytes."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from pathlib import Path

from analysis.reading.bundles import SUMS, WEIGHTS, is_safe
from trainables.atomic import new_file

TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can hold
MODE = 0o100644  # a plain file
PACKED_ALREADY = (".parquet", ".png", WEIGHTS)
_LARGE = 2**31  # bytes, from which a file needs the larger form of header


def write_sums(folder: Path) -> None:
    """Writes the SHA-256 of every file of the folder, as `sha256sum -c` reads them.

    Raises:
        ValueError: a file has a name that not every system can have.
    """
    lines = []
    for name in names(folder):
        if not is_safe(name):
            raise ValueError(f"a file of a bundle must have a name that every system can have, but got {name!r}")
        lines.append(f"{sha256(folder / name)}  {name}\n")
    (folder / SUMS).write_text("".join(lines), encoding="utf-8", newline="\n")


def write_archive(folder: Path, top: str, out: Path) -> None:
    """Writes the folder's files, under the one folder `top`, to the zip file `out`."""
    with new_file(out) as part, zipfile.ZipFile(part, "w") as archive:
        for name in [SUMS, *names(folder)]:
            info = zipfile.ZipInfo(f"{top}/{name}", TIME)
            info.external_attr, info.create_system = MODE << 16, 3  # of Unix, on every system
            info.compress_type = zipfile.ZIP_STORED if name.endswith(PACKED_ALREADY) else zipfile.ZIP_DEFLATED
            is_large = (folder / name).stat().st_size > _LARGE
            with (folder / name).open("rb") as file, archive.open(info, "w", force_zip64=is_large) as packed:
                shutil.copyfileobj(file, packed, 2**20)


def names(folder: Path) -> list[str]:
    """Every file of the folder but the checksums, sorted."""
    files = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in files if name != SUMS)


def sha256(path: Path) -> str:
    """Of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
