"""Where MLflow's store is, and what kind of store that is: everything that depends on the form of a tracking URI."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from trainables.pasting import command_line

SQLITE = "sqlite:///"
BUNDLE = "bundle:"  # then the path of what `python -m analysis.bundle` wrote, or of the folder unpacked from it
LOCAL_PAGES = "http://127.0.0.1:5000"  # where `python -m platform.ui` serves


def from_environment() -> str | None:
    """MLFLOW_TRACKING_URI; None where it is unset or empty."""
    return os.environ.get("MLFLOW_TRACKING_URI") or None


def results_folder(results: Path | None = None) -> Path:
    """This results folder; None: TRANSFER_RESULTS, or `results` in the current folder, as of every command."""
    return (results or Path(os.environ.get("TRANSFER_RESULTS") or "results")).resolve()


def default(results: Path | None = None) -> str:
    """MLFLOW_TRACKING_URI, or else the SQLite file of this results folder (None: as `results_folder`)."""
    return from_environment() or of_folder(results_folder(results))


def of_folder(results: Path) -> str:
    """The SQLite file of this results folder, whatever the environment says."""
    return f"{SQLITE}{results.resolve() / 'mlflow.db'}"


def of_bundle(path: Path) -> str:
    """The address of the runs in a bundle, for whatever takes a tracking URI."""
    return f"{BUNDLE}{path.resolve()}"


class Located(NamedTuple):
    """Where runs are read from."""

    uri: str  # MLflow's, or that of a bundle
    results: Path | None  # the folder of prepared images and teachers; None where it is not known

    @property
    def folder(self) -> Path:
        """`results`, or else the usual folder: for what writes there."""
        return self.results or results_folder()


def located(uri: str | None, results: Path | None) -> Located:
    """Where the runs and the files are that --tracking-uri and --results name; None for what was not typed.

    --results is the folder that a sweep was given by that name: it holds MLflow's file, unless MLFLOW_TRACKING_URI or
    --tracking-uri name another store. Without it, it is the folder of MLflow's file; a bundle has none.
    """
    uri = uri or default(results)
    if results is not None:
        return Located(uri, results.resolve())
    if is_bundle(uri):
        return Located(uri, None)
    file = sqlite_file(uri)
    folder = file.parent if file else results_folder()
    return Located(uri, folder if folder.is_dir() else None)


def is_server(tracking_uri: str) -> bool:
    """Whether it is the address of a tracking server."""
    return tracking_uri.startswith(("http://", "https://"))


def is_database(tracking_uri: str) -> bool:
    """Whether it is the address of a database, and not of a server or a folder."""
    return "://" in tracking_uri and not is_server(tracking_uri) and not tracking_uri.startswith("file:")


def sqlite_file(tracking_uri: str) -> Path | None:
    """The file of an SQLite store; None for any other store."""
    return Path(tracking_uri.removeprefix(SQLITE)) if tracking_uri.startswith(SQLITE) else None


def no_answer(where: str, reason: str) -> str:
    """What is said where MLflow's store does not answer: what to do, by the kind of store.

    Args:
        where: its address, without a password, or the path of MLflow's file.
    """
    if is_server(where):
        cure = "start the server, or correct MLFLOW_TRACKING_URI"
    elif "locked" in reason:
        cure = f"end the program that has this file open (`lsof {where.removeprefix(SQLITE)}` names it)"
    elif "is full" in reason:
        cure = "free some space on its disk"
    else:
        cure = "see to it that it can be read and written"
    return f"MLflow must answer at {where}, but: {reason}; {cure}, then run the same command again"


def is_bundle(tracking_uri: str) -> bool:
    """Whether it is the address of a bundle, which is read without MLflow (`analysis.reading.bundles`)."""
    return tracking_uri.startswith(BUNDLE)


def bundle_path(tracking_uri: str) -> Path:
    """The file or folder of a bundle's address."""
    return Path(tracking_uri.removeprefix(BUNDLE)).resolve()


def pages(tracking_uri: str, local_pages: str = LOCAL_PAGES) -> str:
    """The address of MLflow's web pages: a server's own, without a password, or else `local_pages`; "" of a bundle."""
    if is_bundle(tracking_uri):
        return ""
    return without_password(tracking_uri) if is_server(tracking_uri) else local_pages


def experiment_page(ui: str, experiment_id: int | str) -> str:
    """The page of an experiment among MLflow's web pages at `ui`; those of its runs lie below it."""
    return f"{ui.rstrip('/')}/#/experiments/{experiment_id}"


def runs_page(ui: str, experiment_id: int | str) -> str:
    """The page of an experiment's runs; without the type of workflow, MLflow opens its page for language models."""
    return f"{experiment_page(ui, experiment_id)}/runs?workflowType=machine_learning"


def without_password(tracking_uri: str) -> str:
    """The URI as it may be shown: without a user's name and password."""
    parts = urlsplit(tracking_uri)
    if "@" not in parts.netloc:
        return tracking_uri
    return tracking_uri.replace(f"{parts.netloc.rpartition('@')[0]}@", "", 1)


def require_store(tracking_uri: str) -> None:
    """Refuses a file that does not exist, and a store that is neither a database, nor a server, nor a bundle.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: MLflow's folder of files, for example, which MLflow itself no longer reads.
    """
    if is_bundle(tracking_uri):
        if not bundle_path(tracking_uri).exists():
            raise FileNotFoundError(
                f"no bundle at {bundle_path(tracking_uri)}; give the file that `python -m analysis.bundle SWEEP` wrote"
            )
        return
    # MLflow makes the file where it is absent, and then finds no run in it: a typing error would look like no results.
    path = sqlite_file(tracking_uri)
    if path is not None and not path.exists():
        first = command_line("platform.sweep", "DATASET")
        raise FileNotFoundError(
            f"no MLflow file at {path}; run `{first}` first, or use --results or --tracking-uri to say where it is"
        )
    if not is_database(tracking_uri) and not is_server(tracking_uri):
        raise ValueError(
            "tracking URI must be a database (sqlite://), a server (http:) or a bundle (bundle:FILE), but got "
            f"{tracking_uri!r}"
        )
