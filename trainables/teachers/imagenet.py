"""The teacher `imagenet`, torchvision's DenseNet-121, and its other networks as `imagenet-resnet50` and so on.

They also give students their first weights, each student those of its own architecture.

The file is the one that torchvision would fetch; it is taken from torch hub's cache or from where the user says.
Nothing here uses the network: a hospital's machine often may not, and a worker would download the file once per
trial.

All are trained on ILSVRC 2012 (1,000 classes); for the networks' sources, see `trainables.models.architectures`.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import torch
from torchvision.models import WeightsEnum

from trainables.init_names import source_of
from trainables.models.architectures import known
from trainables.teachers import shelf
from trainables.teachers.importing import import_network
from trainables.teachers.shelf import Teacher

NAME = "imagenet"
PAPER = "densenet121"  # the architecture of the teacher that is `imagenet` alone


def name_of(architecture: str) -> str:
    """The teacher's name: "imagenet" for DenseNet-121, "imagenet-resnet50" for another."""
    return NAME if architecture == PAPER else f"{NAME}-{architecture}"


def architecture_of(name: str) -> str | None:
    """The inverse of `name_of`; None for the name of another teacher.

    Raises:
        ValueError: torchvision has no such network, or we do not.
    """
    if name == NAME:
        return PAPER
    if not name.startswith(f"{NAME}-"):
        return None
    architecture = name.removeprefix(f"{NAME}-")
    known(architecture, "teacher")
    return architecture


def first_weights(init: str, student: str) -> str:
    """The teacher's name whose weights a student begins with, or which its own are drawn to match; "random" for none.

    "imagenet" means the weights of the student's own architecture.

    Raises:
        ValueError: there is no such student.
    """
    source = source_of(init)
    return name_of(known(student).first_weights) if source == NAME else source


def find(weights_file: Path | None = None, architecture: str = PAPER) -> Path:
    """Where the weights lie: `weights_file`, or torch hub's cache.

    Args:
        weights_file: DenseNet-121's; or a folder that holds torchvision's files under their own names.

    Raises:
        FileNotFoundError: they are absent; one line says what to fetch and where to put it.
        ValueError: the cached file is not what its name says.
    """
    weights = _weights(architecture)
    if weights_file is not None and weights_file.is_dir():
        weights_file = weights_file / Path(weights.url).name
    elif architecture != PAPER:
        weights_file = None  # a single file is DenseNet-121's
    if weights_file is not None:
        if not weights_file.is_file():
            raise FileNotFoundError(f"no ImageNet weights at {weights_file}; {_fetch(weights)}")
        return weights_file
    cached = _cache() / Path(weights.url).name
    if not cached.is_file():
        raise FileNotFoundError(f"no ImageNet weights of {architecture} on this machine: {_fetch(weights)}")
    return cached


def take(folder: Path, weights_file: Path | None = None, architecture: str = PAPER) -> Teacher:
    """Puts the weights into the teachers' `folder` under the name that `name_of` gives.

    Raises:
        FileNotFoundError: as `find`.
        ValueError: the file is damaged, or is not torchvision's network of that architecture.
    """
    weights, path = _weights(architecture), find(weights_file, architecture)
    _check_hash(path)
    imported = import_network(path, architecture=architecture)
    categories = tuple(weights.meta["categories"])
    if imported.num_labels != len(categories):
        raise ValueError(f"ImageNet weights must have {len(categories)} outputs, but {path} has {imported.num_labels}")
    return shelf.save(
        folder,
        imported.weights,
        name=name_of(architecture),
        architecture=architecture,
        task="multiclass",
        label_names=categories,
        source=f"torchvision, {type(weights).__name__}.{weights.name}, from {path.name}",
        is_phantom=False,
        seen={"dataset": NAME, "split": "train"},
    )


def _weights(architecture: str) -> WeightsEnum:
    weights = known(architecture, "teacher").weights
    if weights is None:
        raise ValueError(f"an ImageNet teacher must have weights of torchvision's, but {architecture} has none")
    return weights


def _cache() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _fetch(weights: WeightsEnum) -> str:
    place = _cache() / Path(weights.url).name
    return f"fetch {weights.url} and put it at {place}, or name the file, or its folder, with --imagenet-weights FILE"


def _check_hash(path: Path) -> None:
    """torchvision's file names end in the first digits of the file's SHA-256."""
    promised = re.search(r"-([0-9a-f]{8,})\.pth$", path.name)
    if promised is None:
        return
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if not digest.startswith(promised[1]):
        raise ValueError(f"the SHA-256 of {path} must begin with {promised[1]}, but is {digest}: fetch it again")
