"""Open MLflow's pages of the runs in a results folder, and the newest report; Ctrl-C ends the pages."""

from __future__ import annotations

from platform.command_line.endings import end, say_errors
from platform.command_line.page_requests import UiRequest
from platform.command_line.parsing import parser_of, request_of


def main(arguments: list[str] | None = None) -> int:
    """Serves the pages until Ctrl-C; opens those of a tracking server and returns at once. 0 in either case."""
    parser = parser_of(UiRequest, "platform.ui", __doc__)
    typed = parser.parse_args(arguments)
    with say_errors(parser):
        request = request_of(UiRequest, typed)
        from platform.tracking.web_pages import show  # SQLAlchemy: only once the options are right

        return show(request)


if __name__ == "__main__":
    end(main())
