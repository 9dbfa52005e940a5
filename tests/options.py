"""Writes docs/options.md, every option of every command, from the declarations: `python -m tests.options`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import platform.evaluate
import platform.sweep
import platform.teachers
from platform.command_line.image_requests import PrepareRequest
from platform.command_line.page_requests import UiRequest
from platform.command_line.parsing import parser_of
from platform.command_line.prediction_request import PredictRequest
from platform.command_line.status_request import StatusRequest
from platform.command_line.student_requests import ExportRequest
from platform.command_line.training_requests import PretrainRequest

PAGE = Path(__file__).parents[1] / "docs" / "options.md"
HEAD = """# Options

Every option of every command, as `--help` prints it. This page is generated: `make docs` rewrites it from the fields
of `trainables.config.TrialConfig` (what decides a trial's result) and of the requests in `platform/command_line`.
"""
DEFAULT = re.compile(r"(?P<help>.*) \(default: (?P<default>.*)\)", re.DOTALL)


def page() -> str:
    """The text of the page."""
    return "\n".join([HEAD, *(line for parser in _parsers() for line in _section(parser))])


def _parsers() -> Iterator[argparse.ArgumentParser]:
    yield parser_of(PrepareRequest, "platform.prepare", PrepareRequest.__doc__)
    yield platform.sweep.parser()
    yield parser_of(PretrainRequest, "platform.pretrain", PretrainRequest.__doc__)
    yield from _verbs(platform.teachers.parser())
    yield from _verbs(platform.evaluate.parser())
    yield parser_of(ExportRequest, "platform.export", ExportRequest.__doc__)
    yield parser_of(StatusRequest, "platform.status", StatusRequest.__doc__)
    yield parser_of(UiRequest, "platform.ui", UiRequest.__doc__)
    yield parser_of(PredictRequest, "platform.predict", PredictRequest.__doc__)


def _verbs(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.values()


def _section(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f"## `{parser.prog}`\n"
    for group in parser._action_groups:
        actions = [each for each in group._group_actions if not isinstance(each, argparse._HelpAction)]
        if not actions:
            continue
        title = (group.title or "").removesuffix(" arguments")
        yield f"| {title} | | default |\n| --- | --- | --- |"
        yield from (_row(each) for each in actions)
        yield ""


def _row(action: argparse.Action) -> str:
    name = ", ".join(action.option_strings) or str(action.metavar)
    if action.option_strings and action.nargs != 0:
        value = "{" + ",".join(action.choices) + "}" if action.choices else str(action.metavar)
        name += f" {value}" + (" ..." if action.nargs == "+" else "")
    help_text = (action.help or "").replace("%%", "%")
    parts = DEFAULT.fullmatch(help_text)
    text, default = (parts["help"], parts["default"]) if parts else (help_text, "")
    return f"| `{name}` | {text} | {default} |"


def main() -> None:
    """Writes the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
