"""Reads PyTorch files made by others, without ever running any code in them.

Everything goes through `torch.load(weights_only=True)`. Whole models are pickles of classes: those on the list below
are read as inert records that hold attributes and have no methods, any other is refused by its name. So not even the
constructors of PyTorch run on a stranger's arguments, and a model of any version of PyTorch can be read.

Files older than PyTorch 1.6 also store the source text of each class; the reader drops it.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
import struct
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor

# What our networks of torchvision's and torchxrayvision's are made of (`trainables.models.architectures`), and what
# training scripts put beside it.
RECORDS = (
    *(f"torchvision.models.densenet.{name}" for name in ("DenseNet", "_DenseBlock", "_DenseLayer", "_Transition")),
    *(f"torchxrayvision.models.{name}" for name in ("DenseNet", "_DenseBlock", "_DenseLayer", "_Transition")),
    *(f"torchvision.models.resnet.{name}" for name in ("ResNet", "BasicBlock", "Bottleneck")),
    *(f"torch.nn.modules.container.{name}" for name in ("Sequential", "ModuleList", "ModuleDict")),
    *(f"torch.nn.modules.activation.{name}" for name in ("ReLU", "SiLU", "GELU", "Sigmoid", "Softmax", "LogSoftmax")),
    *(f"torch.nn.modules.pooling.{name}" for name in ("MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d")),
    "torch.nn.modules.conv.Conv2d",
    "torch.nn.modules.batchnorm.BatchNorm2d",
    "torch.nn.modules.normalization.LayerNorm",
    "torch.nn.modules.linear.Linear",
    "torch.nn.modules.linear.Identity",
    "torch.nn.modules.dropout.Dropout",
    "torch.nn.modules.flatten.Flatten",
    "torch.nn.parallel.data_parallel.DataParallel",
    "torch.nn.backends.thnn._get_thnn_function_backend",  # an attribute of every layer before PyTorch 1.2
    "argparse.Namespace",  # the options of the training, as RETFound keeps them
    "numpy.core.multiarray.scalar",  # best_loss and the like
    "numpy._core.multiarray.scalar",
    "numpy.dtype",
)
_CLASS_OF = "trainables.teachers.pickles.class_of"
_LEGACY_MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)  # opens a file from before PyTorch 1.6
_NUM_PICKLES_BEFORE_THE_OBJECT = 3  # magic number, protocol, machine


class Record:
    """An object of a pickle as data: its class's code is not there."""

    def __new__(cls, *arguments: Any) -> Record:
        return super().__new__(cls)

    def __init__(self, *arguments: Any) -> None:
        self.attributes: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.attributes = state if isinstance(state, dict) else {}


def read(path: Path) -> Any:
    """What the file holds: tensors, plain values, lists, dicts, a `Record` for each object; safetensors give a dict.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file holds something that is not on the list, which is named, or is damaged or of another kind.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        data = path.read_bytes()
        if data.startswith(_LEGACY_MAGIC):
            data = _without_sources(data)
        with torch.serialization.safe_globals([*((Record, name) for name in RECORDS), (class_of, _CLASS_OF)]):
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(_refusal(path, str(error))) from error
    except (
        RuntimeError,
        EOFError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        AssertionError,  # PyTorch's own, on a damaged file
        struct.error,
        safetensors.SafetensorError,
    ) as error:
        raise ValueError(
            f"{path} must be a checkpoint of PyTorch or safetensors, but cannot be read "
            f"({type(error).__name__}: {error})"
        ) from error


def tensors_of(module: Any) -> dict[str, Tensor]:
    """The tensors below a module's record, named as its ``state_dict()`` would name them; none for anything else."""
    tensors: dict[str, Tensor] = {}
    pending, visited = [("", module)], set()
    while pending:
        prefix, part = pending.pop()
        if not isinstance(part, Record) or id(part) in visited:
            continue
        visited.add(id(part))
        for kind in ("_parameters", "_buffers"):
            named = _dict(part.attributes.get(kind))
            tensors |= {f"{prefix}{name}": tensor for name, tensor in named.items() if isinstance(tensor, Tensor)}
        pending += [(f"{prefix}{name}.", child) for name, child in _dict(part.attributes.get("_modules")).items()]
    return tensors


def class_of(kind: str, cls: Any, file: Any, source: Any) -> Any:
    """What stands for a class of an old file, which also carries the class's source: the class alone."""
    return cls


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _refusal(path: Path, reason: str) -> str:
    named = re.search(r"GLOBAL (\S+)|(?:function|got) (<[^>]+>)", reason)
    if named is None:
        # PyTorch's message begins by advising weights_only=False, which would run what is in the file.
        detail = re.search(r"WeightsUnpickler error:\s+(.+)", reason)
        why = f": {detail[1]}" if detail else ""
        return f"{path} must be a checkpoint of PyTorch or safetensors, but cannot be read{why}"
    return (
        f"{path} may hold only tensors, plain values and networks of torchvision and torchxrayvision that we have, "
        f"but holds {named[1] or named[2]}: refused, and nothing of it was run; "
        "save the model's state_dict() where it was made, and import that"
    )


def _without_sources(data: bytes) -> bytes:
    """Turns each ('module', class, file, source) that an old file refers to into a call of `class_of` with these four.

    PyTorch's safe reader knows no reference but to a tensor's storage. It still is what judges the outcome: a call
    of anything that is not on the list is refused.
    """
    stream = io.BytesIO(data)
    for _ in range(_NUM_PICKLES_BEFORE_THE_OBJECT):
        for _ in pickletools.genops(stream):
            pass
    start = stream.tell()
    # Only a string that ends early has no position, and `genops` raises there.
    ops = [(op.name, argument, position or 0) for op, argument, position in pickletools.genops(stream)]
    end = stream.tell()

    call = b"c" + _CLASS_OF.rpartition(".")[0].encode() + b"\n" + _CLASS_OF.rpartition(".")[2].encode() + b"\n"
    edits: list[tuple[int, int, bytes]] = []  # position, how many bytes to drop, what to put there
    marks: list[tuple[int, int]] = []  # the open marks: place in `ops`, position
    closed = (0, 0)
    strings: dict[Any, Any] = {}  # by place in the memo
    for place, (name, argument, position) in enumerate(ops):
        if name == "MARK":
            marks.append((place, position))
        elif name in ("TUPLE", "LIST", "DICT", "APPENDS", "SETITEMS"):
            closed = marks.pop()
        elif name.endswith("BINPUT") and place:
            strings[argument] = ops[place - 1][1]
        elif name == "BINPERSID":
            kind, value, _ = ops[closed[0] + 1]
            if (strings.get(value) if kind.endswith("BINGET") else value) == "module":
                edits += [(closed[1], 0, call), (position, 1, pickle.REDUCE)]
    out, done = [data[:start]], start
    for position, num_dropped, put in sorted(edits):
        out += [data[done:position], put]
        done = position + num_dropped
    return b"".join([*out, data[done:end], data[end:]])
