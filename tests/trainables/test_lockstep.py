"""Students in lockstep: numbers of trainings by themselves, from views that are made once and a teacher asked once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.tiny_network import NAME
from tests.trainables.packs import GUIDED, QUEUED, draw_teacher
from tests.trainables.small_training import CPU, make, numbers, small_student
from trainables.data import augment
from trainables.data.store import Store
from trainables.lockstep import train_together
from trainables.loop import train
from trainables.models.architectures import build
from trainables.teachers import shelf
from trainables.teachers.cache import KnowledgeCache
from trainables.teachers.guide import Guide
from trainables.training import EpochResult, Training

CHANGES: tuple[dict[str, Any], ...] = (
    {"learning_rate": 1e-3},
    {"learning_rate": 4e-3, "weight_decay": 1e-2},
    {"learning_rate": 2e-3},
)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, tiny: str) -> shelf.Teacher:
    return shelf.load(draw_teacher(tmp_path_factory.mktemp("teachers")), "wise")


def dropping_student() -> nn.Module:
    """Half of its features are dropped in each step, by draws of torch's generator."""
    student = small_student()
    return nn.Sequential(*list(student.children())[:-1], nn.Dropout(), nn.Linear(8, 5))


def through(members: Sequence[Training]) -> list[list[EpochResult]]:
    """The results of all epochs of each, in lockstep."""
    for epoch in range(1, members[0].config.max_epochs + 1):
        outcomes = train_together(members, epoch)
        assert outcomes == [member.history[-1] for member in members]
    return [member.history for member in members]


def assert_equal(together: Sequence[Training], apart: Sequence[Training]) -> None:
    results, expected = through(together), [list(train(training)) for training in apart]
    assert [numbers(each) for each in results] == [numbers(each) for each in expected]
    assert len({each[-1].metrics["train_loss"] for each in expected}) == len(expected)  # they do differ
    for one, other in zip(together, apart, strict=True):
        weights = other.student.state_dict()
        assert [name for name, each in one.student.state_dict().items() if not torch.equal(each, weights[name])] == []
        assert one.best_weights.keys() == other.best_weights.keys()
        assert all(torch.equal(each, other.best_weights[name]) for name, each in one.best_weights.items())


def test_without_a_teacher(store: Store) -> None:
    assert_equal(*([make(store, **changes) for changes in CHANGES] for _ in range(2)))


def test_each_student_draws_its_own_dropout(store: Store) -> None:
    assert_equal(*([make(store, dropping_student(), **changes) for changes in CHANGES] for _ in range(2)))


def test_averaged_weights_and_mixed_views(store: Store) -> None:
    shared: dict[str, Any] = {"ema_decay": 0.9, "mixup_alpha": 0.4, "label_smoothing": 0.1}
    assert_equal(*([make(store, **shared, **changes) for changes in CHANGES] for _ in range(2)))


def guided(
    store: Store, teacher: shelf.Teacher, of_method: dict[str, Any], cache: Path | None = None, *, shared: bool
) -> list[Training]:
    members: list[Training] = []
    for number, changes in enumerate(CHANGES):
        torch.manual_seed(3)
        student, knobs = build(NAME, 5), {"temperature": 0.1 + 0.1 * number} if of_method is QUEUED else {}
        kept = KnowledgeCache(cache, {"data": "d"}, store.num_images, 10**8) if cache else None
        guide = Guide(
            of_method["method"],
            NAME,
            teacher,
            CPU,
            task=store.task,
            knobs=knobs,
            batch_size=6,
            cache=kept,
            beside=members[0].guide if members and shared else None,
        )
        of_trial = {**of_method, "beta": of_method["beta"] * (number + 1), "knobs": tuple(knobs.items())}
        members.append(make(store, student, guide, student=NAME, **of_trial, **changes))
    return members


@pytest.mark.parametrize("of_method", [GUIDED, QUEUED], ids=["attention", "queue"])
@pytest.mark.parametrize("cached", [False, True], ids=["without a cache", "cold and warm"])
def test_with_a_teacher(
    store: Store, teacher: shelf.Teacher, tmp_path: Path, of_method: dict[str, Any], cached: bool
) -> None:
    for _ in range(2 if cached else 1):  # the second time from what the first has kept
        together = guided(store, teacher, of_method, tmp_path if cached else None, shared=True)
        assert_equal(together, guided(store, teacher, of_method, shared=False))


def test_views_are_made_once_and_the_teacher_is_asked_once(
    store: Store, teacher: shelf.Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    asked: list[int] = []
    views, knowledge = augment.training_views, Guide.knowledge

    def noted(images: Any, rows_B: Any, *recipe: Any, **of_view: Any) -> Any:
        made.append(len(rows_B))
        return views(images, rows_B, *recipe, **of_view)

    def answered(self: Guide, views_BCHW: Any) -> Any:
        asked.append(len(views_BCHW))
        return knowledge(self, views_BCHW)

    monkeypatch.setattr("trainables.training.training_views", noted)
    monkeypatch.setattr(Guide, "knowledge", answered)
    members = guided(store, teacher, GUIDED, shared=True)
    train_together(members, 1)
    assert made == [6, 6, 4] and asked == [6, 6, 6]  # of 16 images, the last batch padded
    assert len({id(member.guide.members) for member in members if member.guide}) == 1
    first = members[0].guide
    assert first is not None and first.take_work()["cost_teacher_views"] == 16


def test_a_training_whose_loss_is_not_finite_ends_alone(store: Store) -> None:
    broken = [{"learning_rate": 1e38}, *CHANGES[1:]]
    members = [make(store, **changes) for changes in broken]
    ending, *results = train_together(members, 1)
    assert str(ending).startswith("the training loss of epoch 1 must be finite") and members[0].history == []
    apart = [next(train(make(store, **changes))) for changes in CHANGES[1:]]
    assert numbers([each for each in results if isinstance(each, EpochResult)]) == numbers(apart)


def test_each_has_an_equal_part_of_the_time(store: Store) -> None:
    members = [make(store, **changes) for changes in CHANGES]
    train_together(members, 1)
    assert len({member.history[0].metrics["images_per_s"] for member in members}) == 1
