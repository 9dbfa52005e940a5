"""The teacher `imagenet`, torchvision's DenseNet-121, and other networks as `imagenet-resnet50` and so on.

They also give students their first weights, each student those of its own architecture. Whose weights they are, and
where their file is looked for, says `trainables.teachers.imagenet_files`. Nothing here uses the network: a hospital's
machine often may not, and a worker would download the file once per trial.

All tell the 1,000 classes of ILSVRC 2012 apart; some have seen more images than that, which the teacher's record says.
"""

from __future__ import annotations

from pathlib import Path

from torchvision.models import DenseNet121_Weights

from trainables.init_names import source_of
from trainables.models import timm_networks
from trainables.models.architectures import ARCHITECTURES, known
from trainables.teachers import shelf
from trainables.teachers.imagenet_files import NUM_CLASSES, PAPERS, check_hash, find
from trainables.teachers.importing import import_network
from trainables.teachers.shelf import Teacher

NAME = "imagenet"
CLASSES: tuple[str, ...] = tuple(DenseNet121_Weights.IMAGENET1K_V1.meta["categories"])  # in the order of their synsets


def name_of(architecture: str) -> str:
    """The teacher's name: "imagenet" for DenseNet-121, "imagenet-resnet50" for another."""
    return NAME if architecture == PAPERS else f"{NAME}-{architecture}"


def architecture_of(name: str) -> str | None:
    """The inverse of `name_of`; None for the name of another teacher.

    Raises:
        ValueError: there is no such network.
    """
    if name == NAME:
        return PAPERS
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


def take(folder: Path, given: Path | None = None, architecture: str = PAPERS) -> Teacher:
    """Puts the weights into the teachers' `folder` under the name that `name_of` gives.

    Args:
        given: what `--imagenet-weights` says: a file, or a folder of files.

    Raises:
        FileNotFoundError: they are not on this machine; one line says what to fetch and where to put it.
        ValueError: nobody publishes such weights, or the file is damaged or of another network.
    """
    path, weights = find(architecture, given)
    check_hash(path)
    imported = import_network(path, architecture=architecture)
    if imported.num_labels != NUM_CLASSES:
        raise ValueError(f"ImageNet weights must have {NUM_CLASSES:,} outputs, but {path} has {imported.num_labels}")
    licence = f" (licence {weights.licence})" if weights.licence else ""
    return shelf.save(
        folder,
        imported.weights,
        name=name_of(architecture),
        architecture=architecture,
        task="multiclass",
        label_names=CLASSES,
        source=f"{weights.title}{licence}, from {path.name}",
        is_phantom=False,
        trained_on=weights.trained_on,
        eyes=None if architecture in ARCHITECTURES else timm_networks.eyes_of_weights(architecture),
        seen={"dataset": NAME, "split": "train"},
    )
