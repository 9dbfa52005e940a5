"""Train a teacher on a prepared data set (CheXclusion's recipe), as a Ray trial in MLflow; run it again to resume.

Without --data the images are phantoms, and the teacher is marked as one.
"""

from __future__ import annotations

from platform.command_line.endings import end, say_errors
from platform.command_line.parsing import parser_of, request_of
from platform.command_line.training_requests import PretrainRequest
from platform.sources.names import check_pretraining
from platform.sources.places import Places
from platform.tracking.adopting import check_place


def main(arguments: list[str] | None = None) -> int:
    """Trains the teacher; 0 when it is finished, else the same command resumes the training."""
    parser = parser_of(PretrainRequest, "platform.pretrain", __doc__)
    typed = parser.parse_args(arguments)
    with say_errors(parser):
        request = request_of(PretrainRequest, typed)
        places = Places.under(request.results)
        check_pretraining(request, places)
        check_place(places)
        from platform.cluster import early_start  # Ray, torch and MLflow: only once the options are right

        early_start.begin(request)
        from platform.sweeping.conduct_pretraining import conduct_pretraining

        return conduct_pretraining(request)


if __name__ == "__main__":
    end(main())
