"""The teacher `imagenet`: torchvision's DenseNet-121, trained on ImageNet-1K; also every student's first weights.

Nothing is downloaded: the file must be in torch hub's cache, or be given.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import torch
from torchvision.models import DenseNet121_Weights

from trainables.teachers import foreign, ledger
from trainables.teachers.ledger import Teacher

NAME = "imagenet"
WEIGHTS = DenseNet121_Weights.IMAGENET1K_V1


def cached_file() -> Path:
    """Where torchvision keeps the weights once it has downloaded them."""
    return Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS.url.rsplit("/", 1)[1]


def take(folder: Path, file: Path | None = None) -> Teacher:
    """Puts the teacher `imagenet` into `folder`, from `file` or torch hub's cache.

    Raises:
        FileNotFoundError: the file is absent; the message says what to fetch and where to put it.
        ValueError: the file is damaged, or is no DenseNet-121 of 1000 classes.
    """
    path = file or cached_file()
    if not path.is_file():
        where = f"put it at {path}" if file is None else f"there is no {path}"
        raise FileNotFoundError(
            f"the ImageNet weights of DenseNet-121 are needed: fetch {WEIGHTS.url} and {where}, "
            "or give the file with --imagenet-weights FILE"
        )
    _check_digest(path)
    categories = WEIGHTS.meta["categories"]
    match = foreign.take(path)
    if match.num_labels != len(categories):
        raise ValueError(
            f"ImageNet's classifier has {len(categories)} classes, but that of {path} has {match.num_labels}"
        )
    published = WEIGHTS.meta["_metrics"]["ImageNet-1K"]
    return ledger.save(
        folder,
        match.weights,
        name=NAME,
        architecture=foreign.ARCHITECTURE,
        task="multiclass",
        label_names=tuple(categories),
        source=f"torchvision's {WEIGHTS} ({path.name}); scores as torchvision publishes them",
        is_phantom=False,
        scores={"accuracy": published["acc@1"] / 100, "accuracy_top_5": published["acc@5"] / 100},
        seen={"dataset": NAME, "split": "train"},
    )


def _check_digest(path: Path) -> None:
    """A file under torchvision's name begins its SHA-256 as that name says; under another name it is taken as it is."""
    expected = re.search(r"-([0-9a-f]{8,})\.pth$", path.name)
    if not expected or path.name != cached_file().name:
        return
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if not digest.startswith(expected[1]):
        raise ValueError(
            f"the SHA-256 of {path} must begin with {expected[1]}, but is {digest[:16]}: the file is damaged; "
            f"delete it and fetch {WEIGHTS.url} again"
        )
