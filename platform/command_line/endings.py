"""How a command ends: an error or a stop prints one line and sets the exit status, never a traceback."""

from __future__ import annotations

import argparse
import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from platform.command_line.stopping import clean_stops

EXIT_SOME_UNREADABLE = 1  # all that could be done is done, but some images could not be read
EXIT_UNFINISHED = 3  # something is left to do, and the same command resumes it

_status: list[int] = []  # of a command that has done its work


@atexit.register  # before any library's handler, and so the last to run
def _end_at_once() -> None:
    if _status:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_status[0])


def end(status: int) -> NoReturn:
    """Ends the program as `sys.exit` does, but for the seconds in which Python would take torch and Ray apart."""
    _status.append(status)
    sys.exit(status)


@contextmanager
def say_errors(parser: argparse.ArgumentParser) -> Iterator[None]:
    """Ends the program with one clear line, not a traceback, if input or machine is at fault or the user stops it."""
    try:
        with clean_stops():
            yield
    except ConnectionError as error:  # from MLflow: nothing is lost
        parser.exit(EXIT_UNFINISHED, f"{parser.prog}: error: {error}\n")
    except (ValueError, LookupError, OSError, ImportError) as error:
        parser.exit(2, f"{parser.prog}: error: {error}\n")
    except KeyboardInterrupt:
        parser.exit(EXIT_UNFINISHED, f"{parser.prog}: stopped; run the same command again to resume\n")
