"""The requests to list teachers, and to bring one in from a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from platform.command_line.image_requests import ResultsRequest
from platform.command_line.option import option
from platform.command_line.values import plain_name


@dataclass(frozen=True, kw_only=True)
class ImportRequest(ResultsRequest):
    """A network in a file that is to become a teacher."""

    file: Path = option("a state dict, a pickled model or safetensors", flag=None, parse=Path)
    name: str = option("the teacher's name in sweeps", parse=plain_name, metavar="NAME")
    architecture: str = option("the teacher's architecture", default="densenet121", metavar="NAME")
    labels: tuple[str, ...] = option("names of the outputs, in order", default=(), several=True, metavar="LABEL")
    task: str = option("kind of the outputs", default="multilabel", choices=("multilabel", "multiclass"))
    seen: str = option("the data set that the teacher was trained on", default="", metavar="DATASET")
    trained_on: str = option(
        "the training data, in its maker's words, where there is no list of patients", default="", metavar="TEXT"
    )
    source: str = option("where the teacher comes from, in a sentence", default="", metavar="TEXT")
    may_differ: tuple[str, ...] = option(
        "parts that need not match, such as classifier", default=(), several=True, metavar="PART"
    )
