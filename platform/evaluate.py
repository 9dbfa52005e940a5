"""Test what sweeps do not: students at another hospital or on new classes, and networks with averaged weights."""

from __future__ import annotations

import argparse

from platform.command_line.average_request import WeightAverageRequest
from platform.command_line.endings import end, say_errors
from platform.command_line.external_request import ExternalRequest
from platform.command_line.parsing import add_options, request_of
from platform.command_line.student_requests import FewShotRequest, NewDiseaseRequest, StudentsRequest

KINDS: dict[str, tuple[type[StudentsRequest | WeightAverageRequest], str]] = {
    FewShotRequest.KIND: (
        FewShotRequest,
        "a linear classifier on K images of a class that was never trained on",
    ),
    ExternalRequest.KIND: (ExternalRequest, "the students as they are, on the images of another hospital"),
    NewDiseaseRequest.KIND: (NewDiseaseRequest, "AUC of the held-out finding, by the number of its images in training"),
    WeightAverageRequest.KIND: (
        WeightAverageRequest,
        "one network per cell with the mean of its repeats' weights, on the test set",
    ),
}


def parser() -> argparse.ArgumentParser:
    """The command line: one request per kind of evaluation."""
    parser = argparse.ArgumentParser(prog="python -m platform.evaluate", description=(__doc__ or "").splitlines()[0])
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="WHAT")
    for kind, (request, about) in KINDS.items():
        add_options(kinds.add_parser(kind, help=about, argument_default=argparse.SUPPRESS), request)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Evaluates; 0 when everything is written."""
    commands = parser()
    typed = commands.parse_args(arguments)
    with say_errors(commands):
        request = request_of(KINDS[typed.kind][0], typed)
        if isinstance(request, WeightAverageRequest):
            from platform.evaluating.conduct_weight_average import conduct_weight_average

            return conduct_weight_average(request)
        from platform.evaluating.conduct_evaluation import (
            conduct_evaluation,  # torch and MLflow: only once the options are right
        )

        return conduct_evaluation(request)


if __name__ == "__main__":
    end(main())
