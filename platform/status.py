"""Show where every sweep of these results stands: done and left, time left, the best so far, failures, GPU-hours."""

from __future__ import annotations

from platform.command_line.endings import end, say_errors
from platform.command_line.parsing import parser_of, request_of
from platform.command_line.status_request import StatusRequest
from platform.sources.places import Places
from platform.sweeping.status_page import show, watch


def main(arguments: list[str] | None = None) -> int:
    """Prints the status, once or again and again; 0."""
    parser = parser_of(StatusRequest, "platform.status", __doc__)
    typed = parser.parse_args(arguments)
    with say_errors(parser):
        request = request_of(StatusRequest, typed)
        places = Places.under(request.results)
        if request.watch:
            watch(places, request.sweep)
        else:
            print(show(places, request.sweep))
    return 0


if __name__ == "__main__":
    end(main())
