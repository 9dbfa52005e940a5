"""The teacher `imagenet`, which also gives every network its first weights: torchvision's DenseNet-121.

The file is the one that torchvision would fetch; it is taken from torch hub's cache or from where the user says.
Nothing here goes to the network: a hospital's machine often may not, and a fetch in a worker would be made once a
trial.

Huang et al., Densely Connected Convolutional Networks, CVPR 2017, on ILSVRC 2012 (1,000 classes).
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import torch
from torchvision.models import DenseNet121_Weights

from trainables.teachers import ledger
from trainables.teachers.checkpoint import import_network
from trainables.teachers.ledger import Teacher

WEIGHTS = DenseNet121_Weights.IMAGENET1K_V1
NAME = "imagenet"


def find(weights_file: Path | None = None) -> Path:
    """Where the weights lie: `weights_file`, or torch hub's cache.

    Raises:
        FileNotFoundError: they are absent; one line says what to fetch and where to put it.
        ValueError: the cached file is not what its name says.
    """
    if weights_file is not None:
        if not weights_file.is_file():
            raise FileNotFoundError(f"no ImageNet weights at {weights_file}; {_fetch()}")
        return weights_file
    cached = _cache() / Path(WEIGHTS.url).name
    if not cached.is_file():
        raise FileNotFoundError(f"no ImageNet weights on this machine: {_fetch()}")
    return cached


def take(folder: Path, weights_file: Path | None = None) -> Teacher:
    """Puts the weights into the teachers' `folder` under the name "imagenet".

    Raises:
        FileNotFoundError: as `find`.
        ValueError: the file is damaged, or is not torchvision's DenseNet-121.
    """
    path = find(weights_file)
    _check_hash(path)
    imported = import_network(path)
    categories = tuple(WEIGHTS.meta["categories"])
    if imported.num_labels != len(categories):
        raise ValueError(f"ImageNet weights must have {len(categories)} outputs, but {path} has {imported.num_labels}")
    return ledger.save(
        folder,
        imported.weights,
        name=NAME,
        architecture="densenet121",
        task="multiclass",
        label_names=categories,
        source=f"torchvision, DenseNet121_Weights.{WEIGHTS.name}, from {path.name}",
        is_phantom=False,
        seen={"dataset": NAME, "split": "train"},
    )


def _cache() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _fetch() -> str:
    name = Path(WEIGHTS.url).name
    return f"fetch {WEIGHTS.url} and put it at {_cache() / name}, or name the file with --imagenet-weights FILE"


def _check_hash(path: Path) -> None:
    """torchvision's file names end in the first digits of the file's SHA-256."""
    promised = re.search(r"-([0-9a-f]{8,})\.pth$", path.name)
    if promised is None:
        return
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if not digest.startswith(promised[1]):
        raise ValueError(f"the SHA-256 of {path} must begin with {promised[1]}, but is {digest}: fetch it again")
