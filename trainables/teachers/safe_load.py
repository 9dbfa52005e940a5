"""Reads a file that someone else's `torch.save` or safetensors wrote, without running anything that it holds.

Three locks, each enough by itself. Every name that a pickle asks for is looked up before anything is unpickled, and one
that is not on the list below is refused by name. What is on the list is then read by `torch.load(weights_only=True)`. And the
classes of a whole model are never made: inert objects take their places, of which only parameters and buffers are read.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor

MAX_BYTES = 1 << 30  # a DenseNet-121 with its optimizer's state is under 0.1 GB
MAX_PICKLE_BYTES = 1 << 26  # without its tensors: the names and classes alone
NUM_LEGACY_PICKLES = 5  # torch before 1.6: magic number, version, machine, the object, its storages' names
LEGACY_START = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"

# What torch itself restores. Not bytearray or an untyped storage, which take whatever memory a file tells them to.
TENSOR_PARTS = frozenset(
    {"collections.OrderedDict", "torch.Size", "torch.device", "torch.nn.parameter.Parameter", "_codecs.encode"}
    | {f"torch.{name}Storage" for name in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Byte", "Bool")}
    | {f"torch.{name}" for name in ("float16", "float32", "float64", "bfloat16", "int32", "int64", "uint8", "bool")}
    | {f"torch._utils._rebuild_{name}" for name in ("tensor", "tensor_v2", "parameter")}
)
SETS = frozenset({"__builtin__.set", "builtins.set"})
# The classes in a whole DenseNet, those that wrap it, and what stands beside it in a training script's checkpoint.
INERT_NAMES = frozenset(
    {f"torchvision.models.densenet.{name}" for name in ("DenseNet", "_DenseBlock", "_DenseLayer", "_Transition")}
    | {f"torch.nn.modules.activation.{name}" for name in ("ReLU", "Sigmoid", "Softmax", "LogSoftmax")}
    | {f"torch.nn.modules.pooling.{name}" for name in ("AvgPool2d", "MaxPool2d", "AdaptiveAvgPool2d")}
    | {"torch.nn.modules.batchnorm.BatchNorm2d", "torch.nn.modules.container.Sequential"}
    | {"torch.nn.modules.conv.Conv2d", "torch.nn.modules.linear.Linear", "torch.nn.modules.dropout.Dropout"}
    | {"torch.nn.parallel.data_parallel.DataParallel", "torch.nn.backends.thnn._get_thnn_function_backend"}
    | {f"numpy.{core}.multiarray.scalar" for core in ("core", "_core")}
    | {"numpy.dtype"}
)


class Inert:
    """Stands for an object of a listed class: keeps the state that was stored for it and does nothing."""

    __slots__ = ("state",)
    state: dict[str, Any]

    def __new__(cls, *arguments: object) -> Inert:
        made = super().__new__(cls)
        made.state = {}
        return made

    def __setstate__(self, state: object) -> None:
        self.state = state if isinstance(state, dict) else {}


def read(path: Path) -> Any:
    """What the file holds: numbers, text, tensors on the CPU, and dicts and lists of them; `Inert` for a module.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no checkpoint, is damaged or absurdly large, or asks for a name that is not listed.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"a checkpoint must be smaller than {MAX_BYTES} bytes, but {path} has {path.stat().st_size}")
    with path.open("rb") as file:
        start = file.read(len(LEGACY_START))
    try:
        if start.startswith(b"PK"):
            return _torch_load(path, io.BytesIO(_checked_archive(path)), path.open("rb"))
        if start == LEGACY_START:
            with path.open("rb") as file:
                names = io.BytesIO(file.read())
            return _torch_load(path, names, _without_class_ids(names.getvalue()))
        if start[8:9] == b"{":
            return load_file(path)
    except (pickle.UnpicklingError, safetensors.SafetensorError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} must be a whole checkpoint, but cannot be read: {error}") from error
    raise ValueError(f"{path} must be a file of torch.save or safetensors, but begins with {start[:8]!r}")


def parameters_and_buffers(module: Inert, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """The names and tensors that the module's own `state_dict` would have.

    Raises:
        ValueError: modules lie within modules without end.
    """
    if depth > 20:
        raise ValueError(
            f"a DenseNet's modules must not lie within one another more than 20 deep, but got {prefix[:200]}"
        )
    for group in ("_parameters", "_buffers"):
        for name, tensor in _mapping(module.state.get(group)).items():
            if isinstance(tensor, Tensor):
                yield f"{prefix}{name}", tensor
    for name, child in _mapping(module.state.get("_modules")).items():
        if isinstance(child, Inert):
            yield from parameters_and_buffers(child, f"{prefix}{name}.", depth + 1)


def _mapping(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _torch_load(path: Path, pickles: BinaryIO, content: BinaryIO) -> Any:
    """Refuses unlisted names in `pickles`, then lets torch restore `content`."""
    num_pickles = NUM_LEGACY_PICKLES if pickles.read(len(LEGACY_START)) == LEGACY_START else 1
    pickles.seek(0)
    for _ in range(num_pickles):
        _refuse_unlisted(path, pickles)
    inert = [(Inert, name) for name in INERT_NAMES]
    with content, torch.serialization.safe_globals([*inert, (_class_of, CLASS_OF)]):
        try:
            return torch.load(content, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, MemoryError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise pickle.UnpicklingError(f"{type(error).__name__}: {error}") from error


def _refuse_unlisted(path: Path, pickles: BinaryIO) -> None:
    """Walks over one pickle's instructions, running none."""
    try:
        for instruction, argument, _ in pickletools.genops(pickles):
            if instruction.name in ("STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4", "NEWOBJ_EX"):
                raise ValueError(
                    f"{path} is refused: torch.save writes no {instruction.name}, by which a pickle runs code"
                )
            name = str(argument).replace(" ", ".", 1)
            if instruction.name == "GLOBAL" and name not in TENSOR_PARTS | INERT_NAMES | SETS:
                raise ValueError(
                    f"{path} is refused, and nothing in it was run: it asks for {name}, which is none of the classes in "
                    "a DenseNet; have its owner save model.state_dict() instead"
                )
    except (EOFError, UnicodeDecodeError) as error:
        raise pickle.UnpicklingError(str(error)) from error


def _checked_archive(path: Path) -> bytes:
    """The pickle in a torch archive whose entries are few, plain and of a sane size."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        num_bytes = sum(entry.file_size for entry in entries)
        if num_bytes > MAX_BYTES:
            raise ValueError(
                f"a checkpoint must unpack to less than {MAX_BYTES} bytes, but {path} unpacks to {num_bytes}"
            )
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError(f"{path} is refused: torch.save compresses nothing, but its entries are compressed")
        if len({entry.filename for entry in entries}) < len(entries):
            raise ValueError(f"{path} is refused: it has two entries of one name")
        pickles = [entry for entry in entries if entry.filename.split("/")[1:] == ["data.pkl"]]
        if len(pickles) != 1 or pickles[0].file_size > MAX_PICKLE_BYTES:
            sizes = [entry.file_size for entry in pickles]
            raise ValueError(f"{path} must hold one data.pkl of at most {MAX_PICKLE_BYTES} bytes, but holds {sizes}")
        return archive.read(pickles[0])


def _class_of(kind: str, inert: type[Inert], source_file: object, source: object) -> type[Inert]:
    """The class in a legacy persistent id ("module", class, file, its source code); the source is never looked at."""
    return inert


CLASS_OF = f"{_class_of.__module__}.{_class_of.__qualname__}"


def _without_class_ids(legacy: bytes) -> BinaryIO:
    """A legacy file in which each class is named plainly.

    Before torch 1.6 a whole model's classes were stored as persistent ids, with their source code, and
    `weights_only=True` knows only those of storages. Each such id becomes a call of `_class_of`.
    """
    stream, edits = io.BytesIO(legacy), []  # an edit: position, bytes to put there, how many to leave out
    for _ in range(NUM_LEGACY_PICKLES):
        open_marks: list[tuple[int, list[object]]] = []  # position, and the first thing pushed after it
        texts: dict[int, object] = {}  # by place in the pickle's memo
        ended, pushed = (0, [None]), None
        for instruction, argument, position in pickletools.genops(stream):
            code = instruction.name
            if code in ("BINPUT", "LONG_BINPUT"):
                texts[argument] = pushed
                continue
            if code == "BINPERSID" and ended[1][:1] == ["module"]:
                edits += [
                    (ended[0], f"c{CLASS_OF.replace('._', chr(10) + '_')}\n".encode(), 0),
                    (position, pickle.REDUCE, 1),
                ]
            pushed = texts.get(argument) if code in ("BINGET", "LONG_BINGET") else argument
            if code == "MARK":
                open_marks.append((position, []))
            elif instruction.stack_before[:1] == [pickletools.markobject] and open_marks:
                ended = open_marks.pop()
            elif open_marks:
                open_marks[-1][1].append(pushed)
    written, copied = io.BytesIO(), 0
    for position, text, num_left_out in sorted(edits):
        written.write(legacy[copied:position] + text)
        copied = position + num_left_out
    written.write(legacy[copied:])
    written.seek(0)
    return written
