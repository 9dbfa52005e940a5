"""Which trials share a teacher's answers: those whose views are the same, however they learn from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tiny_network import NAME
from tests.trainables.other_values import OTHERS
from trainables import job as jobs
from trainables.config import TrialConfig
from trainables.data.store import Store
from trainables.job import Job
from trainables.models.architectures import build
from trainables.recipe_learning import LearningRecipe
from trainables.recipe_views import ViewRecipe
from trainables.teachers import shelf
from trainables.teachers.cache import KnowledgeCache
from trainables.trial import TrialSpec

KeyOf = Callable[..., Mapping[str, Any]]


@pytest.fixture
def key_of(store: Store, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyOf:
    """The key of a trial's cache."""
    facts: dict[str, Any] = {"task": store.task, "label_names": store.label_names, "source": "drawn"}
    weights = build(tiny, 5).state_dict()
    shelf.save(tmp_path, weights, name="wise", architecture=tiny, is_phantom=True, **facts)
    keys: list[Mapping[str, Any]] = []

    def noted(folder: Path, key: Mapping[str, Any], num_images: int, budget: int) -> KnowledgeCache:
        keys.append(key)
        return KnowledgeCache(folder, key, num_images, budget)

    monkeypatch.setattr(jobs, "KnowledgeCache", noted)
    fixed: dict[str, Any] = {"dataset": "retina", "teacher": "wise", "student": NAME, "init": "random", "beta": 2.0}

    def key(**changes: Any) -> Mapping[str, Any]:
        config = TrialConfig(**{**fixed, **changes})
        spec = TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s")
        job = Job(
            spec=spec,
            store=str(store.path),
            teachers=str(tmp_path),
            folder=str(tmp_path / "trial"),
            cache=str(tmp_path / "cache"),
            cache_bytes=1,
        )
        job.training(store)
        return keys.pop()

    return key


@pytest.mark.parametrize("name", [each.name for each in fields(ViewRecipe)])
def test_every_knob_of_a_view_is_in_the_key(key_of: KeyOf, name: str) -> None:
    other = OTHERS[name]
    assert other.changes == "views"
    assert key_of(**other.given) != key_of(**other.given, **{name: other.value})


def test_knobs_of_learning_are_not(key_of: KeyOf) -> None:
    others = {each.name: OTHERS[each.name].value for each in fields(LearningRecipe)}
    for left_out in ("focal_gamma", "lr_halving_epochs"):  # which contradict the others
        del others[left_out]
    assert key_of() == key_of(**others)


def test_a_mixed_view_depends_on_the_images_in_use_and_no_other_view_does(key_of: KeyOf) -> None:
    assert key_of() == key_of(data_fraction=0.5)
    mixed = {"mixup_alpha": 0.4}
    assert key_of(**mixed) == key_of(**mixed) != key_of(**mixed, data_fraction=0.5)


def test_the_seed_and_the_device_are_in_the_key(key_of: KeyOf) -> None:
    assert key_of() != key_of(seed=1)
    assert torch.__version__ in key_of().values()
