"""The requests to list teachers, and to bring one in from a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from platform.command_line.image_requests import ResultsRequest
from platform.command_line.option import option
from platform.command_line.values import plain_name


@dataclass(frozen=True, kw_only=True)
class ImportRequest(ResultsRequest):
    """A network from a file, to be a teacher."""

    file: Path = option("a state dict, a whole-model pickle or safetensors", flag=None, parse=Path)
    name: str = option("what sweeps call it", parse=plain_name, metavar="NAME")
    architecture: str = option("its network", default="densenet121", metavar="NAME")
    labels: tuple[str, ...] = option("its outputs' names, in their order", default=(), several=True, metavar="LABEL")
    task: str = option("what its outputs are", default="multilabel", choices=("multilabel", "multiclass"))
    seen: str = option("the data set that it was trained on", default="", metavar="DATASET")
    trained_on: str = option(
        "what it was trained on, in its maker's words, where there is no list of patients", default="", metavar="TEXT"
    )
    source: str = option("where it comes from, in a sentence", default="", metavar="TEXT")
    may_differ: tuple[str, ...] = option(
        "parts that need not match, such as classifier", default=(), several=True, metavar="PART"
    )
