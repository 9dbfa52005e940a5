"""Ask a confirmed student about pictures of your own: a folder, or a CSV, to a CSV with one row per picture."""

from __future__ import annotations

from platform.command_line.endings import end, say_errors
from platform.command_line.parsing import parser_of, request_of
from platform.command_line.prediction_request import PredictRequest


def main(arguments: list[str] | None = None) -> int:
    """Predicts; 0 when every picture has its row, 1 when some could not be read."""
    parser = parser_of(PredictRequest, "platform.predict", __doc__)
    typed = parser.parse_args(arguments)
    with say_errors(parser):
        request = request_of(PredictRequest, typed)
        from platform.predicting.conduct_prediction import conduct_prediction  # torch: only once the options are right

        return conduct_prediction(request)


if __name__ == "__main__":
    end(main())
