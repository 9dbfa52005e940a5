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
    published: str = option(
        "the published model that the file is of: retfound, retfound-dinov2, retfound-green, rad-dino, ark, dinov3, "
        "torchxrayvision, or timm:NAME with the name of a network of timm's, or timm:NAME.TAG with that of its weights",
        flag="--as",
        default="",
        metavar="MODEL",
    )
    name: str = option(
        "the teacher's name in sweeps; that of the published model, if there is one",
        default="",
        parse=plain_name,
        metavar="NAME",
    )
    architecture: str = option(
        "the teacher's architecture, densenet121 where nothing is said; a published model has its own",
        default="",
        metavar="NAME",
    )
    labels: tuple[str, ...] = option(
        "names of the outputs, in order; '' for one that torchxrayvision does not use",
        default=(),
        several=True,
        metavar="LABEL",
    )
    task: str = option("kind of the outputs", default="multilabel", choices=("multilabel", "multiclass"))
    seen: tuple[str, ...] = option(
        "the data sets that the teacher was trained on, besides those that are known of a published model",
        default=(),
        several=True,
        metavar="DATASET",
    )
    training_images: Path | None = option(
        "a list of the images that the teacher was trained on, as RAD-DINO's makers publish it: patients are then "
        "compared, and not only names of data sets",
        default=None,
        parse=Path,
        metavar="CSV",
    )
    trained_on: str = option(
        "the training data, in its maker's words, where there is no list of patients", default="", metavar="TEXT"
    )
    source: str = option("where the teacher comes from, in a sentence", default="", metavar="TEXT")
    may_differ: tuple[str, ...] = option(
        "parts that need not match, such as classifier", default=(), several=True, metavar="PART"
    )

    def __post_init__(self) -> None:
        if self.published and (self.architecture or self.may_differ):
            raise ValueError(
                f"--as {self.published} says which network the file is of and which parts it may lack: leave out "
                "--architecture and --may-differ"
            )
        if not self.published and not self.name:
            raise ValueError("a teacher must have a name: give --name NAME, or --as MODEL for a published model")
