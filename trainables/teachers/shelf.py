"""Teachers at hand: weights, and what is known of where they come from and what they have seen.

A teacher is a folder with ``weights.safetensors`` and ``teacher.json``, made in one step. The same files give students
their first weights.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from trainables import atomic
from trainables.init_names import is_matched
from trainables.models.architectures import known, restored
from trainables.models.eyes import PLAIN, Eyes, look_through

WEIGHTS_FILE, FACTS_FILE = "weights.safetensors", "teacher.json"


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """One teacher, ready for use."""

    name: str
    folder: Path
    architecture: str  # a name that `trainables.models.architectures` knows
    task: str  # "multiclass" or "multilabel"; "" without outputs
    label_names: tuple[str, ...]  # none for a foundation model without a head
    source: str  # a sentence: where the weights come from
    is_phantom: bool
    fingerprint: str  # of the weights
    scores: dict[str, float] = field(default_factory=dict)  # its own, on its own data
    eyes: Eyes = PLAIN  # what it was given to see
    licence: str = ""  # in its maker's words; "" where it is not known
    trained_on: str = ""  # in its maker's words, where nothing can be checked: a foundation model's
    seen: dict[str, Any] = field(
        default_factory=dict
    )  # data set, fingerprint, split, salted hashes of its training patients

    def state_dict(self) -> dict[str, Tensor]:
        """All weights, on the CPU."""
        return load_file(self.folder / WEIGHTS_FILE)

    def network(self) -> nn.Module:
        """The teacher itself: takes the project's views [B, 3, H, W], and sees them through its own eyes."""
        network = restored(self.architecture, len(self.label_names), self.state_dict())
        return look_through(network, self.eyes)


def eyes_of_first_weights(init: str, network: str, source: Teacher | None) -> Eyes:
    """Through which a network sees whose first weights are called `init`: the source's own, if they are its weights.

    Args:
        source: whose weights they are, or are drawn to match; None for random ones.
    """
    if source is None or is_matched(init) or source.architecture != network:
        return known(network).eyes
    return source.eyes


def save(folder: Path, weights: Mapping[str, Tensor], *, eyes: Eyes | None = None, **facts: Any) -> Teacher:
    """Puts a teacher into `folder`, in place of one of its name; `facts` are `Teacher`'s fields.

    Args:
        eyes: the architecture's where none are given.
    """
    place = folder / facts["name"]
    eyes = eyes or known(facts["architecture"], "teacher").eyes
    teacher = Teacher(folder=place, fingerprint=fingerprint(weights, eyes), eyes=eyes, **facts)
    stored = {name: value for name, value in asdict(teacher).items() if name != "folder"}
    with atomic.new_folder(place) as part:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}, part / WEIGHTS_FILE)
        (part / FACTS_FILE).write_text(json.dumps(stored, indent=2) + "\n")
    return teacher


def load(folder: Path, name: str) -> Teacher:
    """The teacher `name` of `folder`.

    Raises:
        FileNotFoundError: there is none; the message lists those that there are.
    """
    facts_path = folder / name / FACTS_FILE
    if not facts_path.is_file():
        names = ", ".join(teacher.name for teacher in listing(folder)) or "none"
        raise FileNotFoundError(f"no teacher named {name!r} in {folder} (available: {names})")
    facts = json.loads(facts_path.read_text())
    facts["label_names"] = tuple(facts["label_names"])
    facts["eyes"] = Eyes.from_dict(facts["eyes"])
    return Teacher(folder=facts_path.parent, **facts)


def listing(folder: Path) -> list[Teacher]:
    """Every teacher of `folder`, by name."""
    return [load(folder, path.parent.name) for path in sorted(folder.glob(f"[!.]*/{FACTS_FILE}"))]


def fingerprint(weights: Mapping[str, Tensor], eyes: Eyes = PLAIN) -> str:
    """16 hexadecimal digits of the SHA-256 over names, shapes and values, whatever file they are in; and over what is
    unusual about the eyes, through which the same weights give other answers."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().contiguous()
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.numpy().tobytes())
    if eyes.facts:
        digest.update(json.dumps(eyes.facts, sort_keys=True).encode())
    return digest.hexdigest()[:16]
