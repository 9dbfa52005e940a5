"""A message to a web address when a long command ends, however it ends."""

from __future__ import annotations

import http.client
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from trainables.version import VERSION

PATIENCE_S = 10.0  # for the address to answer
MAX_CHARS = 1900  # Discord takes 2000
AGENT = f"knowledge-transfer/{VERSION}"  # Discord refuses Python's own


@dataclass
class Notice:
    """What the message says, unless an error says otherwise."""

    text: str


@contextmanager
def announced(url: str | None, name: str) -> Iterator[Notice]:
    """Posts how what runs within it ended: ``{"text": ..., "content": ...}``, which Slack, Mattermost and Discord show.

    Args:
        url: where to; None for nowhere. It is often a secret, and is printed nowhere.
        name: what the message is about.
    """
    notice = Notice(f"{name} has ended")
    try:
        yield notice
    except KeyboardInterrupt:
        notice.text = f"{name} was stopped; the same command resumes it"
        raise
    except Exception:
        notice.text = f"{name} has ended with an error; its terminal, or its log, says which"  # it may hold a password
        raise
    finally:
        if url:
            _post(url, notice.text)


def _post(url: str, text: str) -> None:
    """One attempt; if it fails, a line says so, and the command ends as it would have."""
    shown = text[:MAX_CHARS]
    body = json.dumps({"text": shown, "content": shown}).encode()
    try:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json", "User-Agent": AGENT})
        urllib.request.urlopen(request, timeout=PATIENCE_S).close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = str(error).replace(url, "the address")
        if not isinstance(error, OSError):  # its message quotes parts of the address
            reason = "the address, or its answer, is not valid"
        print(f"the message to --notify-url could not be sent: {reason}", file=sys.stderr)
