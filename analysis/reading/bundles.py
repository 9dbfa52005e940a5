"""Bundles that `python -m analysis.bundle` wrote: opened only if every file in them is as it was packed.

A bundle may come from anybody. Nothing in it is executed, and nothing of it is written before names, sizes and kinds of
its files are checked: a name that leads out of the folder, a link, or an archive that grows beyond measure is refused.
Checksums tell damage from what was packed; they do not tell who packed it. What analysis reads is unpacked into a
temporary folder, which is removed when the process ends; an unpacked bundle is read where it lies.

Imports nothing large, so that a command can refuse a bundle at once.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import re
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import IO, Any

from analysis.reading.tracking_uri import bundle_path, require_store

FORM = 1  # raised by one whenever bundles are written in another way
SUMS, ABOUT = "SHA256SUMS", "bundle.json"
RUNS, METRICS, ARTIFACTS = "runs/runs.parquet", "runs/metrics.parquet", "artifacts"
RESULTS = "results"  # what analysis reads of a results folder: tables beside the prepared images, and no image
READ = ("runs/", f"{ARTIFACTS}/", f"{RESULTS}/", ABOUT)  # what analysis reads; the rest is for people, and only checked
SUFFIXES = (".parquet", ".json", ".csv")  # of the runs' files that a bundle holds; none of them can hold code
WEIGHTS = ".safetensors"  # only if asked for

MAX_FILES = 100_000
MAX_BYTES = 64 * 2**30  # unpacked
MAX_GROWTH = 200  # unpacked bytes per packed byte; text and drawings have 5 to 20, an archive made to fill a disk 1,000
_PART = re.compile(r"[\w.,=+@() -]{1,200}")
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_CHUNK = 2**20
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError)


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle whose files are all as they were packed."""

    folder: Path  # of what analysis reads
    sums: Mapping[str, str]  # every file's SHA-256, by its name
    about: Mapping[str, Any]  # the content of `ABOUT`

    @property
    def dataset(self) -> str:
        """The data set of its sweep."""
        return str(self.about["dataset"])

    @property
    def sweep(self) -> str:
        """Its sweep's name."""
        return str(self.about["sweep"])

    def path(self, name: str) -> Path | None:
        """The file or folder of that name; None where there is none among the files that were checked."""
        if not f"{name}/".startswith(READ):
            return None
        is_there = name in self.sums or any(each.startswith(f"{name}/") for each in self.sums)
        return self.folder / name if is_there else None


def is_safe(name: str) -> bool:
    """Whether a name leads to a file below the bundle's folder on every system.

    >>> [is_safe(name) for name in ("runs/runs.parquet", "../salt", "/etc/passwd", "C:/x", "a//b", "runs\\\\x")]
    [True, False, False, False, False, False]
    """
    parts = PurePosixPath(name).parts
    return all(_PART.fullmatch(part) and part.strip(". ") for part in parts) and name == str(PurePosixPath(*parts))


def opened(tracking_uri: str) -> Bundle:
    """The bundle of that address (`analysis.reading.tracking_uri.of_bundle`), checked once per process.

    Raises:
        FileNotFoundError: there is none.
        ValueError: a file of it is damaged, missing, too much or not safe; or the bundle is of another form.
    """
    require_store(tracking_uri)
    path = bundle_path(tracking_uri)
    state = (path / SUMS if path.is_dir() else path).stat()
    return _opened(path, state.st_size, state.st_mtime_ns)


def about(tracking_uri: str) -> dict[str, Any]:
    """What a bundle says that it is, at once and before its files are checked.

    Raises:
        FileNotFoundError, ValueError: as `opened`.
    """
    require_store(tracking_uri)
    path = bundle_path(tracking_uri)
    if path.is_dir():
        return _about(path, (path / ABOUT).read_bytes() if (path / ABOUT).is_file() else b"")
    with _archive(path) as (archive, members):
        return _about(path, archive.read(members[ABOUT]) if ABOUT in members else b"")


@cache
def _opened(path: Path, size: int, mtime_ns: int) -> Bundle:
    """`size` and `mtime_ns` tell a file from another one that has come in its place."""
    if path.is_dir():
        return _unpacked(path)
    with _archive(path) as (archive, members):
        sums = _sums(path, archive.read(members[SUMS]) if SUMS in members else b"", set(members) - {SUMS})
        temporary = tempfile.TemporaryDirectory(prefix="bundle-", ignore_cleanup_errors=True)
        atexit.register(temporary.cleanup)
        folder = Path(temporary.name)
        for name, expected in sums.items():
            target = folder / name if name.startswith(READ) else None
            try:
                with archive.open(members[name]) as packed:
                    is_whole = _copied(packed, target) == expected
            except _BROKEN:
                is_whole = False
            if not is_whole:
                raise _damaged(path, name)
    return Bundle(folder=folder, sums=sums, about=_about(path, (folder / ABOUT).read_bytes()))


def _unpacked(folder: Path) -> Bundle:
    """A folder that somebody has unpacked a bundle into; of files that are not listed, only those are refused that
    would be read.
    """
    files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if not file.is_dir()}
    if linked := sorted(name for name, file in files.items() if file.is_symlink()):
        raise ValueError(f"a bundle must hold no link, but {folder} has {linked[0]}")
    listed = files[SUMS].read_bytes() if SUMS in files else b""
    sums = _sums(folder, listed, {name for name in files if name != SUMS}, more_is_harmless=True)
    for name, expected in sums.items():
        with files[name].open("rb") as file:
            if _copied(file, None) != expected:
                raise _damaged(folder, name)
    return Bundle(folder=folder, sums=sums, about=_about(folder, files[ABOUT].read_bytes()))


@contextmanager
def _archive(path: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]]:
    """The archive and its files, by their names below its one folder; what is damaged is refused with its name."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive, _members(path, archive.infolist())
    except _BROKEN as error:
        raise ValueError(
            f"a bundle must be a whole zip archive, but {path} is damaged or cut short ({error}); copy it again"
        ) from error


def _members(path: Path, infos: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """The archive's files, by their names below its one folder.

    Raises:
        ValueError: a name or a kind of file is not safe, or the archive is too large.
    """
    unpacked = sum(info.file_size for info in infos)
    if len(infos) > MAX_FILES or unpacked > min(MAX_BYTES, max(MAX_GROWTH * path.stat().st_size, _CHUNK)):
        raise ValueError(
            f"a bundle must have at most {MAX_FILES} files that unpack to {MAX_BYTES >> 30} GiB and to {MAX_GROWTH} "
            f"times its own size, but {path} has {len(infos)} files of {unpacked} bytes: it may be made to fill a disk"
        )
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        mode = info.external_attr >> 16
        if info.orig_filename.endswith("/") and is_safe(info.filename.rstrip("/")):
            continue  # a folder, as other programs list it
        if not is_safe(info.filename) or info.filename != info.orig_filename or stat.S_ISLNK(mode):
            raise ValueError(
                f"the files of a bundle must lie in its own folder, but {path} has {info.orig_filename!r}: it was not "
                "written by `python -m analysis.bundle`"
            )
        name = PurePosixPath(*PurePosixPath(info.filename).parts[1:]).as_posix()
        if name in members:
            raise ValueError(f"a bundle must hold each file once, but {path} has {info.filename!r} twice")
        members[name] = info
    if len({PurePosixPath(info.filename).parts[0] for info in members.values()}) > 1 or "." in members:
        raise ValueError(f"a bundle must hold one folder, but {path} has several, or files beside it")
    return members


def _sums(path: Path, content: bytes, existing: set[str], *, more_is_harmless: bool = False) -> dict[str, str]:
    """The checksums by name, of files that all exist.

    Raises:
        ValueError: they are missing or unreadable, a listed file is missing, or a file is not listed.
    """
    lines = content.decode(errors="replace").splitlines()
    matches = [_LINE.fullmatch(line) for line in lines]
    sums = {match[2]: match[1] for match in matches if match and is_safe(match[2])}
    if not lines or len(sums) != len(lines):
        raise ValueError(f"a bundle must have a checksum per file in {SUMS}, but that of {path} is damaged or missing")
    if missing := sorted({*sums, RUNS, METRICS, ABOUT} - existing):
        raise ValueError(f"a bundle must be whole, but {missing[0]} is missing from {path}; copy it again")
    more = sorted(name for name in existing - set(sums) if name.startswith(READ) or not more_is_harmless)
    if more:
        raise ValueError(f"every file of a bundle must be listed in {SUMS}, but {more[0]} in {path} is not")
    return sums


def _copied(file: IO[bytes], target: Path | None) -> str:
    """The SHA-256 of a file, which is copied to `target` if there is one."""
    digest = hashlib.sha256()
    with ExitStack() as stack:
        copy = stack.enter_context(_new(target)) if target is not None else None
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            if copy is not None:
                copy.write(chunk)
    return digest.hexdigest()


def _new(target: Path) -> IO[bytes]:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.open("wb")


def _about(path: Path, content: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(content)
    except ValueError:
        facts = None
    if not isinstance(facts, dict) or not {"form", "dataset", "sweep"} <= set(facts):
        raise ValueError(
            f"a bundle must say in {ABOUT} what it holds, but {path} does not: it is no bundle, or damaged"
        )
    if facts["form"] != FORM:
        raise ValueError(
            f"a bundle must be of form {FORM} to be read, but {path} is of form {facts['form']}; use the version of "
            f"the code that made it ({facts.get('version', 'unknown')})"
        )
    return facts


def _damaged(path: Path, name: str) -> ValueError:
    return ValueError(
        f"every file of a bundle must be as it was packed, but {name} in {path} is not: it was changed or damaged; "
        "copy the bundle again"
    )
