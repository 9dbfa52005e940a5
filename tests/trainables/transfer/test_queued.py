"""The queue of earlier batches: what it holds, when it is empty, and that a training with one resumes bit for bit."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.trainables.small_training import CPU, make, numbers
from trainables.batches import batches, micro_batches
from trainables.data.store import Store
from trainables.loop import train
from trainables.models.architectures import build
from trainables.teachers import shelf
from trainables.teachers.guide import Guide
from trainables.teachers.shelf import Teacher
from trainables.training import Training, resume, state_of
from trainables.transfer import METHODS, queued
from trainables.transfer.queued import Queued

NAME = "compared"


class Compared(Queued):
    """L = mean_ij tanh(v_S^i . v_T^j), far from linear in the queue; it notes what each batch was compared with."""

    teacher_roles = student_roles = ("middle",)

    def __init__(self, task: str, planes: Mapping[str, tuple[int, int]], **knobs: float) -> None:
        super().__init__(task, planes, **knobs)
        self.projection = nn.Linear(*planes["middle"])
        self.seen: list[Tensor] = []

    def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
        return teacher["middle"].mean(dim=(2, 3))

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        self.seen.append(self.with_earlier(knowledge))
        own_BK = self.projection(student["middle"].mean(dim=(2, 3)))
        return (own_BK @ self.seen[-1].T).tanh().mean()


@pytest.fixture(scope="module", autouse=True)
def listed() -> Iterator[None]:
    """No other file knows the method: it has no name before the first of these tests, and none after the last."""
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Compared, "name", NAME, raising=False)
        patched.setitem(METHODS, NAME, Compared)
        yield


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, tiny: str) -> Teacher:
    torch.manual_seed(99)
    facts: dict[str, Any] = {"task": "multiclass", "label_names": ("a", "b"), "source": "drawn"}
    weights, folder = build(tiny, 2).state_dict(), tmp_path_factory.mktemp("teachers")
    return shelf.save(folder, weights, name="imagenet", architecture=tiny, is_phantom=True, **facts)


def training_of(store: Store, teacher: Teacher, micro_batch_size: int | None = None, **changes: Any) -> Training:
    """Two epochs of batches of 6, 6 and 4."""
    torch.manual_seed(3)
    guide = Guide(NAME, teacher.architecture, teacher, CPU)
    taught: dict[str, Any] = {"method": NAME, "teacher": "imagenet", "beta": 0.1, "max_epochs": 2, **changes}
    training = make(store, build(teacher.architecture, 5), guide, **taught)
    training.micro_batch_size = micro_batch_size
    return training


def seen(training: Training) -> list[Tensor]:
    assert training.guide is not None and isinstance(training.guide.method, Compared)
    return training.guide.method.seen


def rows(*values: float) -> Tensor:
    return torch.tensor(values)[:, None]


def queue() -> Compared:
    return Compared("multilabel", {"middle": (1, 1)})


def test_the_newest_rows_come_first_behind_the_batchs_own() -> None:
    method = queue()
    assert torch.equal(method.with_earlier(rows(1, 2)), rows(1, 2))
    method.remember(rows(1, 2))
    method.remember(rows(3, 4))
    assert torch.equal(method.with_earlier(rows(5)), rows(5, 3, 4, 1, 2))


def test_the_oldest_rows_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued, "QUEUE_SIZE", 3)
    method = queue()
    method.remember(rows(1, 2))
    method.remember(rows(3, 4))
    assert torch.equal(method.with_earlier(rows(5)), rows(5, 3, 4, 1))
    method.remember(rows(6, 7, 8, 9))
    assert torch.equal(method.with_earlier(rows(5)), rows(5, 6, 7, 8))


def test_it_is_no_part_of_the_methods_state_and_a_new_epoch_empties_it() -> None:
    method = queue()
    names = set(method.state_dict())
    method.remember(rows(1, 2))
    assert set(method.state_dict()) == names == {"projection.weight", "projection.bias"}
    method.begin_epoch(2)
    assert torch.equal(method.with_earlier(rows(3)), rows(3))


@pytest.mark.parametrize(("micro_batch_size", "num_unlabelled"), [(None, 0), (3, 0), (3, 1)])
def test_a_batch_meets_those_before_it_in_its_epoch(
    store: Store, teacher: Teacher, micro_batch_size: int | None, num_unlabelled: int
) -> None:
    training = training_of(store, teacher, micro_batch_size, unlabelled_epochs=num_unlabelled)
    list(train(training))
    guide, met = training.guide, iter(seen(training))
    assert guide is not None
    for epoch in (1, 2):
        earlier: list[Tensor] = []
        for batch in batches(training.rows, 6, 0, epoch):
            for part in micro_batches(batch, micro_batch_size):
                earlier.insert(0, guide.knowledge_of(training.views(part, epoch), part, epoch))
                torch.testing.assert_close(next(met), torch.cat(earlier), rtol=1e-3, atol=1e-5)
        assert len(torch.cat(earlier)) == 16
    assert next(met, None) is None


def test_what_was_seen_while_a_step_was_timed_is_forgotten(store: Store, teacher: Teacher) -> None:
    fresh, timed = training_of(store, teacher), training_of(store, teacher)
    assert timed.guide is not None
    timed.guide.remember(torch.ones(4, 12))
    assert numbers(list(train(timed))) == numbers(list(train(fresh)))


def test_a_training_resumed_after_its_first_epoch_is_the_undisturbed_one(store: Store, teacher: Teacher) -> None:
    whole, stopped, resumed = (training_of(store, teacher) for _ in range(3))
    undisturbed = list(train(whole))
    next(train(stopped))
    buffer = io.BytesIO()
    torch.save(state_of(stopped), buffer)
    buffer.seek(0)
    resume(resumed, torch.load(buffer, weights_only=True), stopped.best_weights)
    assert numbers(list(train(resumed))) == numbers(undisturbed)
    assert len(seen(resumed)) == 3 and all(map(torch.equal, seen(resumed), seen(whole)[3:]))
    assert whole.guide is not None and resumed.guide is not None
    ends = [{**each.student.state_dict(), **each.guide.method.state_dict()} for each in (whole, resumed) if each.guide]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_every_method_with_a_queue_is_listed_and_the_queue_itself_is_not() -> None:
    assert {"embedding-queue", "embedding-queue-spatial", "crd"} <= {
        name for name, kind in METHODS.items() if issubclass(kind, Queued)
    }
    assert Queued not in METHODS.values()
