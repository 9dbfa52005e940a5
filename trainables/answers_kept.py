"""Which trials share a teacher's kept answers: the key of the knowledge cache, from all that decides an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import torch

from trainables.config import TrialConfig
from trainables.data import mixup
from trainables.data.store import Store
from trainables.recipe_views import ViewRecipe
from trainables.teachers.shelf import Teacher
from trainables.transfer import code_fingerprint
from trainables.trial import RECIPE_VERSION


def cache_key(
    config: TrialConfig, teachers: Sequence[Teacher], store: Store, device: torch.device, *, num_threads: int
) -> dict[str, Any]:
    """All that decides what the teachers know of (epoch, image), for `trainables.teachers.cache.KnowledgeCache`."""
    return {
        "teachers": [[teacher.fingerprint, teacher.architecture, asdict(teacher.eyes)] for teacher in teachers],
        "method": config.method,
        # Whose outputs stand in which column: the fingerprints are of weights and pixels alone.
        "labels": [store.task, store.label_names, [[each.task, each.label_names] for each in teachers]],
        "code": [RECIPE_VERSION, code_fingerprint()],
        "data": store.prepared.fingerprint,  # of any split: an answer depends on the view alone
        "seed": config.seed,
        "views": {each.name: getattr(config, each.name) for each in fields(ViewRecipe)},
        "mixed_with": _mixed_with(config, store) if config.mixup_alpha else "",
        # What may change the last bits of the teacher's answer.
        "batch_size": config.batch_size,
        "num_threads": num_threads,
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else torch.backends.cpu.get_cpu_capability(),
    }


def _mixed_with(config: TrialConfig, store: Store) -> list[str | int]:
    """Which images are mixed with others, and where the first epochs have more of them, until when."""
    labelled, num_unlabelled = mixup.fingerprint(store.rows("train", config.data_fraction)), config.num_unlabelled
    return [labelled, mixup.fingerprint(store.rows("train")), num_unlabelled] if num_unlabelled else [labelled]
