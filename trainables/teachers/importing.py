"""Imports a network that was trained elsewhere, from any of the usual files, without losing anything silently.

It takes state dicts, dicts that hold one (``{"state_dict": ...}``), whole models such as CheXclusion's
``{"model": DataParallel(DenseNet), "best_loss": ..., ...}``, and safetensors.

The usual workaround for names that do not fit is ``strict=False``, which loads nothing and reports nothing. Here each
tensor is either matched or named, and a partial match is refused unless the caller says which parts may differ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainables.models.architectures import ARCHITECTURES, build, known, undrawn
from trainables.teachers import pickles
from trainables.teachers.lite0_names import is_lite0, timm_names

WRAPPERS = (
    "module.",
    "model.",
    "net.",
    *(f"{name}." for name in ARCHITECTURES),
)  # of DataParallel, and of the usual classes around a network
NESTED = (
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "weights",
)  # where a dict keeps its model, the first that is there
NUM_NAMED = 10  # tensors that an error names; the rest is counted


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A network's whole state, and how it came together; `differing` lies within the parts that may differ."""

    weights: dict[str, Tensor]
    num_labels: int
    matched: tuple[str, ...]
    differing: tuple[str, ...]  # one line per tensor: its name and what is wrong

    def report(self) -> str:
        """What matched and what did not, for a person."""
        lines = [f"{len(self.matched)} of {len(self.weights)} tensors matched, {self.num_labels} outputs"]
        return "\n".join([*lines, *(f"  not taken: {line}" for line in self.differing)])


def import_network(
    path: Path, *, architecture: str = "densenet121", num_labels: int | None = None, may_differ: Sequence[str] = ()
) -> Imported:
    """Reads the checkpoint `path` as a network of this project; a Sigmoid behind the last layer is left off (logits).

    Args:
        architecture: a name that `trainables.models.architectures` knows.
        num_labels: outputs of the network; the file's own number where it is not given.
        may_differ: parts by their names, such as "classifier": within them a tensor may be absent, of another shape or
            unknown. What is not taken keeps fresh random weights, always the same ones.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is refused or damaged (`trainables.teachers.pickles.read`), holds no network, or matches
            only in part; the tensors are named.
    """
    tensors = own_names(_tensors(pickles.read(path), path), architecture)
    if num_labels is None:
        num_labels = _num_labels(tensors, known(architecture).output, path)
    weights = undrawn(architecture, num_labels).state_dict()
    matched = tuple(name for name, tensor in weights.items() if name in tensors and tensors[name].shape == tensor.shape)
    differing = [
        f"{name} {tuple(weights[name].shape)}: {_why(tensors.get(name))}" for name in weights if name not in matched
    ]
    unknown = [name for name in tensors if name not in weights]
    differing += [f"{name} {tuple(tensors[name].shape)}: {architecture} has no such tensor" for name in unknown]
    wrong = [line for line in differing if not _within(line, may_differ)]
    if wrong:
        more = f" and {len(wrong) - NUM_NAMED} more" if len(wrong) > NUM_NAMED else ""
        raise ValueError(
            f"{path} must match {architecture} with {num_labels} outputs as a whole, but {len(wrong)} tensors do not "
            f"({len(matched)} of {len(weights)} do): {'; '.join(wrong[:NUM_NAMED])}{more}; "
            "name the parts that may differ, if any"
        )
    if differing:  # otherwise nothing is left of what was drawn
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            weights = build(architecture, num_labels).state_dict()
    taken = {name: tensors[name].to(weights[name].dtype).contiguous() for name in matched}
    return Imported(weights={**weights, **taken}, num_labels=num_labels, matched=matched, differing=tuple(differing))


def own_names(tensors: Mapping[str, Tensor], architecture: str = "densenet121") -> dict[str, Tensor]:
    """The tensors under the network's own names: no wrapper's prefix, norm1 for norm.1, the last layer as it is called.

    EfficientNet-Lite0's may have the names of EfficientNet-PyTorch (`trainables.teachers.lite0_names`). A batch norm
    from before PyTorch 0.4.1 has no count of its batches; it gets one, of 0, which nothing here reads.
    """
    tensors = timm_names(tensors) if is_lite0(tensors) else tensors
    renamed: dict[str, Tensor] = {}
    output = known(architecture).output
    for name, tensor in tensors.items():
        own = _own_name(name, output)
        if own in renamed:
            raise ValueError(f"two tensors of the checkpoint would both be {own!r}; the second is {name!r}")
        renamed[own] = tensor
    for name in [name for name in renamed if name.endswith(".running_var")]:
        renamed.setdefault(name.replace(".running_var", ".num_batches_tracked"), torch.tensor(0))
    return renamed


def _own_name(name: str, output: str) -> str:
    while wrapper := next((wrapper for wrapper in WRAPPERS if name.startswith(wrapper)), None):
        name = name.removeprefix(wrapper)
    name = re.sub(r"(denselayer\d+)\.(norm|conv)\.([12])\.", r"\1.\2\3.", name)
    # A last layer called as in another network, or with a sigmoid behind it in a Sequential.
    return re.sub(r"^(?:classifier|fc|head|head\.fc|last_linear)(?:\.\d+)*\.(weight|bias)$", rf"{output}.\1", name)


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    """The tensors of whatever a checkpoint holds, by their names in it."""
    if tensors := pickles.tensors_of(content):
        return tensors
    if isinstance(content, dict):
        tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
        # {"model": ..., "best_loss": tensor(...)}: a lone number beside a model is no state dict.
        nested = any(key in content and not isinstance(content[key], Tensor) for key in NESTED)
        if tensors and not nested:
            return tensors
        for key in NESTED:
            if key in content:
                return _tensors(content[key], path)
    raise ValueError(f"{path} must hold a network's weights, but holds {_description(content)}")


def _description(content: Any) -> str:
    if isinstance(content, dict):
        return f"a dict of {', '.join(map(repr, list(content)[:NUM_NAMED])) or 'nothing'}"
    return f"a {type(content).__name__}"


def _num_labels(tensors: Mapping[str, Tensor], output: str, path: Path) -> int:
    last = tensors.get(f"{output}.weight")
    if last is None or last.ndim != 2:
        named = ", ".join(list(tensors)[:3])
        raise ValueError(
            f"{path} must have a classifier, here {output}.weight, or its number of outputs must be given, "
            f"but begins with {named}"
        )
    return len(last)


def _why(tensor: Tensor | None) -> str:
    return "absent" if tensor is None else f"found {tuple(tensor.shape)}"


def _within(line: str, parts: Sequence[str]) -> bool:
    name = line.split(" ", 1)[0]
    return any(name == part or name.startswith(f"{part}.") for part in parts)
