"""Whether MLflow answers, and what its errors mean: to wait, to begin again, or that a record is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import OperationalError

from analysis.reading import tracking_uri
from platform.tracking.restored import LostRecordsError

GONE = "RESOURCE_DOES_NOT_EXIST"  # a run that this process has made, or found
REFUSALS = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS")


@contextmanager
def must_answer(where: str) -> Iterator[None]:
    """For the steps that need MLflow: beginning a sweep, and printing its table.

    Raises:
        ConnectionError: it does not answer, or a run is gone that it had.
    """
    try:
        yield
    except (MlflowException, OperationalError) as error:
        if is_gone(error):
            raise LostRecordsError(f"a run that it had is gone ({reason(error)})") from error
        if not may_pass(error):
            raise
        raise ConnectionError(tracking_uri.no_answer(where, reason(error))) from error


def ask_server(uri: str, where: str) -> None:
    """Asks a server for anything at all: hours of decoding may lie between a command's start and its first record.

    Args:
        uri: the address of MLflow's store; only a server is asked.
        where: the same without a password.

    Raises:
        ConnectionError: it does not answer.
    """
    if tracking_uri.is_server(uri):
        with must_answer(where):
            MlflowClient(uri).search_experiments(max_results=1)


def masked(error: Exception) -> str:
    """The error's message without the name and password that an address in it may have."""
    return re.sub(r"(\w+://)[^/\s@]+@", r"\1", str(error))


def reason(error: Exception) -> str:
    """What went wrong, in the system's own words, "Connection refused", where there are any: HTTP libraries wrap them
    four times, and SQLAlchemy says first what it was about to do."""
    lines = masked(error).splitlines()
    words = next((line for line in lines if not line.startswith("(raised as a result of")), lines[0])
    cause = re.search(r"\[Errno -?\d+\] ([^\"')]+)", words)
    return cause[1] if cause else words


def is_gone(error: Exception) -> bool:
    """Whether MLflow lacks a run that it had."""
    return isinstance(error, MlflowException) and error.error_code == GONE


def may_pass(error: Exception) -> bool:
    """Whether retrying can help: with a server that is away or busy, not with a record that is wrong."""
    if isinstance(error, MlflowException):
        return error.error_code not in REFUSALS
    if isinstance(error, OperationalError):  # a locked file, when MLflow opens it, raises this unwrapped
        return True
    return isinstance(error, OSError) and not isinstance(error, FileNotFoundError)
