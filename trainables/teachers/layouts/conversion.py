"""From a published model's file to the weights of one of our networks, and a report that a person can check."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trainables.models import timm_networks
from trainables.models.architectures import known, undrawn
from trainables.models.eyes import Eyes
from trainables.teachers import pickles
from trainables.teachers.layouts import general, photographs, radiographs, xrayvision
from trainables.teachers.layouts.layout import Published, Tensors
from trainables.teachers.layouts.tensor_fit import Fit, fit

NUM_NAMED = 10  # tensors that an error names; the rest is counted
TIMM = "timm:"


def _always(published: Published) -> Callable[[str, Sequence[str]], Published]:
    return lambda stem, labels: replace(published, label_names=tuple(labels))


# By the name that ``--as`` takes: from the file's name without its ending, and the labels that were typed.
PUBLISHED: dict[str, Callable[[str, Sequence[str]], Published]] = {
    "retfound": photographs.retfound,
    "retfound-dinov2": _always(photographs.RETFOUND_DINOV2),
    "retfound-green": _always(photographs.RETFOUND_GREEN),
    "rad-dino": _always(radiographs.RAD_DINO),
    "ark": _always(radiographs.ARK),
    "dinov3": _always(general.DINOV3),
    "torchxrayvision": xrayvision.torchxrayvision,
}


@dataclass(frozen=True, kw_only=True)
class Converted:
    """A network's whole state; every tensor of the file is in it or in `left_out`."""

    published: Published
    architecture: str
    weights: Tensors
    num_labels: int  # 0 without a head
    left_out: dict[str, str]  # name in the file -> why
    eyes: Eyes

    def report(self) -> str:
        """What was taken and what was not, for a person."""
        head = f"{self.num_labels} outputs" if self.num_labels else "no outputs"
        lines = [f"{self.published.title}: all {len(self.weights)} tensors of {self.architecture}, {head}; {self.eyes}"]
        names_of: dict[str, list[str]] = {}
        for name, why in self.left_out.items():
            names_of.setdefault(why, []).append(name)
        lines += [f"  left out: {_few(names)} ({why})" for why, names in names_of.items()]
        return "\n".join(lines)


def published_as(name: str, file: Path, labels: Sequence[str] = ()) -> Published:
    """What is known of the model `name` in a file of that name.

    Args:
        labels: the names of its outputs in order; () where it has none, or the file's name tells them.

    Raises:
        ValueError: there is no model of that name, or what the outputs mean is not known.
    """
    if name.startswith(TIMM):
        weights = name.removeprefix(TIMM)
        network = weights.partition(".")[0]
        known(network, "teacher")
        eyes = timm_networks.eyes_of_weights(weights)
        return replace(general.of_timm(network), label_names=tuple(labels), source=f"timm, {weights}", eyes=eyes)
    if name not in PUBLISHED:
        raise ValueError(f"--as must name one of {', '.join(PUBLISHED)}, or {TIMM}NAME, but got {name!r}")
    stem = re.sub(r"(\.pth|\.pt|\.safetensors|\.tar|\.bin|\.ckpt)+$", "", file.name)
    return PUBLISHED[name](stem, labels)


def convert(path: Path, published: Published) -> Converted:
    """Reads the file `path` as that model.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is refused or damaged (`trainables.teachers.pickles.read`), holds no such model, or a
            tensor is absent, surplus or of another shape; the tensors are named.
    """
    tensors = published.tensors(pickles.read(path))
    if not tensors:
        raise ValueError(f"{path} must hold the tensors of {published.title}, but holds none where they should be")
    translation = published.translated(tensors)
    architecture, fitted = _nearest(translation.tensors, published.architectures)
    if fitted.wrong:
        more = f" and {len(fitted.wrong) - NUM_NAMED} more" if len(fitted.wrong) > NUM_NAMED else ""
        raise ValueError(
            f"{path} must match {published.title} as a whole, but of {architecture} {len(fitted.wrong)} tensors do "
            f"not: {'; '.join(fitted.wrong[:NUM_NAMED])}{more}; is it another model's file?"
        )
    num_labels = _num_labels(fitted.weights, architecture)
    if published.label_names and num_labels != len(published.label_names):
        raise ValueError(
            f"there must be a label for each output, but {path} has {num_labels} outputs and there are "
            f"{len(published.label_names)} labels"
        )
    return Converted(
        published=published,
        architecture=architecture,
        weights=fitted.weights,
        num_labels=num_labels,
        left_out=translation.left_out | fitted.dropped,
        eyes=published.eyes or known(architecture).eyes,
    )


def _nearest(tensors: Tensors, architectures: Sequence[str]) -> tuple[str, Fit]:
    """The architecture that these are the tensors of; where they are of none, the one that they fit best."""
    fits: dict[str, Fit] = {}
    for name in architectures:
        num_labels = _num_labels(tensors, name)
        fits[name] = fit(tensors, undrawn(name, num_labels))
        if not fits[name].wrong:
            return name, fits[name]
    best = max(fits, key=lambda name: len(fits[name].weights))
    return best, fits[best]


def _num_labels(tensors: Tensors, architecture: str) -> int:
    """The outputs of a head, under its own name or that of the module around it (before timm's filter); 0 without."""
    output = known(architecture).output
    last = tensors.get(f"{output}.weight", tensors.get(f"{output.partition('.')[0]}.weight"))
    return len(last) if last is not None and last.ndim == 2 else 0


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
