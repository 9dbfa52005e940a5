"""The message when a command ends, as a real server on loopback receives it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from platform.command_line.notice import announced
from platform.command_line.parsing import parser_of, request_of, retyped
from platform.command_line.sweep_requests import SweepRequest
from trainables.version import VERSION


class Mailbox:
    """A web server, and what was posted to it."""

    def __init__(self, status: int = 200) -> None:
        self.messages: list[dict[str, str]] = []
        self.agents: list[str] = []
        mailbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                mailbox.messages.append(json.loads(body))
                mailbox.agents.append(self.headers["User-Agent"])
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/secret"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    yield box
    box.server.shutdown()


def test_an_end_a_stop_and_an_error_are_told_apart(mailbox: Mailbox) -> None:
    with announced(mailbox.url, "mine") as notice:
        notice.text = "mine: 35 trials done"
    with pytest.raises(KeyboardInterrupt), announced(mailbox.url, "mine"):
        raise KeyboardInterrupt
    with pytest.raises(ValueError, match="no teacher"), announced(mailbox.url, "mine"):
        raise ValueError("no teacher")
    texts = ["mine: 35 trials done", "mine was stopped; the same command resumes it"]
    texts.append("mine has ended with an error; its terminal, or its log, says which")
    assert mailbox.messages == [{"text": text, "content": text} for text in texts]


def test_a_long_message_is_cut(mailbox: Mailbox) -> None:
    with announced(mailbox.url, "mine") as notice:
        notice.text = "x" * 3000
    assert len(mailbox.messages[0]["text"]) == 1900 and mailbox.agents == [f"knowledge-transfer/{VERSION}"]


def test_what_the_environment_holds_is_checked_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFER_NOTIFY_URL", "hooks.slack.com/secret")
    typed = parser_of(SweepRequest, "platform.sweep", "A sweep.").parse_args(["retina"])
    with pytest.raises(ValueError, match=r"^TRANSFER_NOTIFY_URL must begin with http:// or https://$"):
        request_of(SweepRequest, typed)


def test_no_address_no_message(mailbox: Mailbox) -> None:
    with announced(None, "mine"):
        pass
    assert mailbox.messages == []


def test_an_address_that_refuses_or_is_not_there_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    refusing = Mailbox(status=500)
    for url in (refusing.url, "http://127.0.0.1:1/secret", "http://127.0.0.1:secret/x"):
        with announced(url, "mine"):
            pass
        error = capsys.readouterr().err
        assert error.startswith("the message to --notify-url could not be sent: ") and "secret" not in error
    refusing.server.shutdown()


def test_the_address_is_not_in_the_command_that_resumes() -> None:
    parser = parser_of(SweepRequest, "platform.sweep", "A sweep.")
    words = ["retina", "--notify-url", "https://h/secret", "--trials", "3"]
    request = request_of(SweepRequest, parser.parse_args(words))
    assert request.notify_url == "https://h/secret"
    assert retyped(request).endswith("-m platform.sweep retina --trials 3")


@pytest.mark.parametrize("text", ["hooks.slack.com/x", "ftp://h/x", "https://", "https://a b"])
def test_what_is_no_web_address_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser_of(SweepRequest, "platform.sweep", "A sweep.").parse_args(["retina", "--notify-url", text])
    assert capsys.readouterr().err.endswith("argument --notify-url: must begin with http:// or https://\n")
