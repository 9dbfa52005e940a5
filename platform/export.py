"""Write a confirmed student for other programs and devices: safetensors, ONNX and a model card."""

from __future__ import annotations

from platform.command_line.endings import end, say_errors
from platform.command_line.parsing import parser_of, request_of
from platform.command_line.student_requests import ExportRequest


def main(arguments: list[str] | None = None) -> int:
    """Exports; 0 when the folder is written."""
    parser = parser_of(ExportRequest, "platform.export", __doc__)
    typed = parser.parse_args(arguments)
    with say_errors(parser):
        request = request_of(ExportRequest, typed)
        from platform.exporting.conduct_export import (
            conduct_export,
        )  # torch and MLflow: only once the options are right

        return conduct_export(request)


if __name__ == "__main__":
    end(main())
