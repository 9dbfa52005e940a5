"""How a command ends: an error or a stop prints one line and sets the exit status, never a traceback."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from platform.command_line.stopping import clean_stops

EXIT_UNFINISHED = 3  # something is left to do, and the same command resumes it


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
