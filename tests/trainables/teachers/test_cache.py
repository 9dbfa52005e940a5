"""The knowledge cache: computed once, right in every case, and never more than its budget."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from trainables.models.architectures import build, known
from trainables.models.taps import Truncated
from trainables.teachers import cache
from trainables.teachers.cache import KnowledgeCache, in_batches, rounded
from trainables.transfer.attention import AttentionTransfer

NUM_IMAGES = 40
KEY = {"teacher": "t", "data": "d", "seed": 1}
PLENTY = 1 << 30
TAP = known("densenet121").taps["attention"].place


class Teacher:
    """Knows the mean of a view, times its four planes; counts what it was asked."""

    def __init__(self) -> None:
        self.batch_sizes: list[int] = []

    def __call__(self, views: Tensor) -> Tensor:
        self.batch_sizes.append(len(views))
        return views.mean(dim=(1, 2, 3))[:, None, None, None] * torch.arange(1.0, 5.0).view(1, 4, 1, 1)


def views_of(rows: np.ndarray, epoch: int) -> Tensor:
    generator = torch.Generator().manual_seed(epoch)
    return torch.rand((NUM_IMAGES, 3, 8, 8), generator=generator)[torch.from_numpy(rows)]


def ask(held: KnowledgeCache, teacher: Teacher, rows: list[int], epoch: int = 1) -> Tensor:
    chosen = np.array(rows)
    return held.knowledge(epoch, chosen, views_of(chosen, epoch), teacher, batch_size=4)


def expected(rows: list[int], epoch: int = 1) -> Tensor:
    return rounded(Teacher()(views_of(np.array(rows), epoch)))


def test_what_was_computed_is_read_and_is_the_same(tmp_path: Path) -> None:
    first, second = Teacher(), Teacher()
    assert torch.equal(
        ask(KnowledgeCache(tmp_path, KEY, NUM_IMAGES, PLENTY), first, [3, 5, 7, 9]), expected([3, 5, 7, 9])
    )
    again = KnowledgeCache(tmp_path, KEY, NUM_IMAGES, PLENTY)
    assert torch.equal(ask(again, second, [9, 3, 7]), expected([9, 3, 7]))
    assert (first.batch_sizes, second.batch_sizes) == ([4], []) and again.num_read == 3


def test_only_what_is_missing_is_computed_in_batches_of_one_size(tmp_path: Path) -> None:
    held, teacher = KnowledgeCache(tmp_path, KEY, NUM_IMAGES, PLENTY), Teacher()
    ask(held, teacher, [0, 1, 2, 3])
    rows = [0, 10, 1, 11, 12, 13, 14, 2]
    assert torch.equal(ask(held, teacher, rows), expected(rows))
    assert teacher.batch_sizes == [4, 4, 4]  # five missing: a batch, and one that is padded
    assert (held.num_read, held.num_computed) == (3, 9)


def test_epochs_and_keys_do_not_meet(tmp_path: Path) -> None:
    held, teacher = KnowledgeCache(tmp_path, KEY, NUM_IMAGES, PLENTY), Teacher()
    for epoch in (1, 2, 1):
        assert torch.equal(ask(held, teacher, [0, 1, 2, 3], epoch), expected([0, 1, 2, 3], epoch))
    other = KnowledgeCache(tmp_path, {**KEY, "seed": 2}, NUM_IMAGES, PLENTY)
    ask(other, teacher, [0, 1, 2, 3])
    assert teacher.batch_sizes == [4, 4, 4] and other.num_read == 0


@pytest.mark.parametrize("damage", ["a flipped bit", "a torn row", "cut short", "emptied"])
def test_a_damaged_row_is_computed_again(tmp_path: Path, damage: str) -> None:
    ask(KnowledgeCache(tmp_path, KEY, NUM_IMAGES, PLENTY), Teacher(), [0, 1, 2, 3])
    (path,) = tmp_path.glob("*/epoch-*.knowledge")
    content = bytearray(path.read_bytes())
    size = len(content) // NUM_IMAGES
    if damage == "a flipped bit":
        content[size + 7] ^= 1
    elif damage == "a torn row":
        content[size + 6 : 2 * size] = bytes(size - 6)
    else:
        content = content[: size // 2] if damage == "cut short" else bytearray()
    path.write_bytes(content)
    teacher = Teacher()
    held = KnowledgeCache(tmp_path, KEY, NUM_IMAGES, PLENTY)
    assert torch.equal(ask(held, teacher, [0, 1, 2, 3]), expected([0, 1, 2, 3]))
    assert len(teacher.batch_sizes) == 1
    assert torch.equal(ask(held, teacher, [0, 1, 2, 3]), expected([0, 1, 2, 3]))
    assert len(teacher.batch_sizes) == 1  # mended


def test_the_epochs_that_were_not_used_for_longest_are_dropped(tmp_path: Path) -> None:
    row_bytes = 4 + 2 * 4
    held, teacher = KnowledgeCache(tmp_path, KEY, NUM_IMAGES, 2 * NUM_IMAGES * row_bytes), Teacher()
    for number, epoch in enumerate((1, 2, 1, 3)):
        ask(held, teacher, [0, 1, 2, 3], epoch)
        os.utime(held.path(), ns=(number, number))
    assert sorted(path.name for path in tmp_path.glob("*/epoch-*")) == [
        "epoch-00001.knowledge",
        "epoch-00003.knowledge",
    ]


def test_without_room_it_computes_and_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = Teacher()
    held = KnowledgeCache(tmp_path, KEY, NUM_IMAGES, budget_bytes=10)
    assert torch.equal(ask(held, teacher, [0, 1]), expected([0, 1]))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    held = KnowledgeCache(tmp_path, KEY, NUM_IMAGES, PLENTY)
    assert torch.equal(ask(held, teacher, [0, 1]), expected([0, 1]))
    assert torch.equal(ask(held, teacher, [0, 1]), expected([0, 1]))
    assert not list(tmp_path.glob("*/epoch-*")) and len(teacher.batch_sizes) == 3


def test_it_may_be_deleted_while_a_trial_uses_it(tmp_path: Path) -> None:
    held, teacher, rows = KnowledgeCache(tmp_path / "cache", KEY, NUM_IMAGES, PLENTY), Teacher(), [0, 1, 2, 3]
    ask(held, teacher, rows)
    shutil.rmtree(tmp_path / "cache")
    assert torch.equal(ask(held, teacher, rows), expected(rows))
    assert torch.equal(ask(held, teacher, rows, epoch=2), expected(rows, epoch=2))
    other = KnowledgeCache(tmp_path / "cache", KEY, NUM_IMAGES, PLENTY)
    assert torch.equal(ask(other, teacher, rows), expected(rows))


def test_trials_that_fill_it_at_once_read_what_they_should(tmp_path: Path) -> None:
    wrong: list[int] = []

    def trial(seed: int) -> None:
        held, order = KnowledgeCache(tmp_path, KEY, NUM_IMAGES, PLENTY), np.random.default_rng(seed)
        for _ in range(30):
            rows = order.permutation(NUM_IMAGES)[:8].tolist()
            if not torch.equal(ask(held, Teacher(), rows), expected(rows)):
                wrong.append(seed)

    threads = [threading.Thread(target=trial, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_teachers_answer_does_not_depend_on_the_batch_that_it_comes_in() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    teacher = Truncated(build("densenet121", 2), [TAP]).to(memory_format=torch.channels_last)
    method = AttentionTransfer("multilabel", {})
    views = torch.randn(21, 3, 64, 64).contiguous(memory_format=torch.channels_last)

    def compute(batch: Tensor) -> Tensor:
        return method.knowledge({"attention": teacher(batch)[TAP]})

    whole = in_batches(compute, views, 8)
    order = torch.randperm(21)
    assert torch.equal(in_batches(compute, views[order], 8), whole[order])
    assert torch.equal(in_batches(compute, views[17:], 8), whole[17:])


def test_half_precision_changes_the_loss_by_less_than_a_thousandth() -> None:
    torch.manual_seed(0)
    method = AttentionTransfer("multilabel", {})
    student = {"attention": torch.randn(32, 32, 8, 8)}
    knowledge = method.knowledge({"attention": torch.randn(32, 32, 8, 8)})
    exact = method.loss(student, knowledge)
    assert abs(method.loss(student, rounded(knowledge)) - exact) / exact < 1e-3
    assert cache.rounded(knowledge).dtype == torch.float32


def test_a_cache_that_nobody_closes_leaves_no_file_open(tmp_path: Path) -> None:
    """A worker runs thousands of trials, each with a cache of its own."""

    def one_trial() -> None:
        held = KnowledgeCache(tmp_path, KEY, NUM_IMAGES, PLENTY)
        for epoch in (1, 2):
            ask(held, Teacher(), [0, 1, 2, 3], epoch)

    one_trial()
    before = len(os.listdir("/dev/fd"))
    for _ in range(20):
        one_trial()
    assert len(os.listdir("/dev/fd")) <= before
