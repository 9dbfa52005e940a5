"""The request that a command makes of what is typed."""

from __future__ import annotations

from platform.command_line.parsing import Request, parser_of, request_of


def typed(request: type[Request], *arguments: str) -> Request:
    """The request; ends with SystemExit where `arguments` are none of its command's."""
    return request_of(request, parser_of(request, "a.command", request.__doc__).parse_args(arguments))
