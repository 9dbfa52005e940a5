"""A message to a web address when a long command ends, however it ends."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

PATIENCE_S = 10.0  # for the address to answer


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
    except Exception as error:
        notice.text = f"{name} has ended with an error: {error}"
        raise
    finally:
        if url:
            _post(url, notice.text)


def _post(url: str, text: str) -> None:
    """One attempt; if it fails, a line says so, and the command ends as it would have."""
    body = json.dumps({"text": text, "content": text}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        urllib.request.urlopen(request, timeout=PATIENCE_S).close()
    except (OSError, ValueError) as error:
        reason = str(error).replace(url, "the address")
        print(f"the message to --notify-url could not be sent: {reason}", file=sys.stderr)
