"""Jobs that are trained together: results, files and costs of jobs by themselves, whatever happens to one of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.tiny_network import Tiny
from tests.trainables.packs import GUIDED, QUEUED, RATES, alone, draw_teacher, jobs_of, kept, together
from trainables import checkpoint
from trainables.data.store import Store
from trainables.epoch import Epoch
from trainables.job import Job
from trainables.pack import Pack
from trainables.training import EpochResult

BROKEN = (1e38, *RATES[1:])


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory, tiny: str) -> Path:
    return draw_teacher(tmp_path_factory.mktemp("teachers"))


@pytest.fixture
def jobs(store: Store, teachers: Path, tmp_path: Path) -> Callable[..., list[Job]]:
    """Jobs in a folder of that name."""
    return lambda name, **changes: jobs_of(store, teachers, tmp_path / name, **changes)


def folder(job: Job) -> Path:
    return Path(job.folder)


@pytest.mark.parametrize("changes", [{}, GUIDED, QUEUED], ids=["transfer", "attention", "queue"])
def test_results_and_files_are_those_of_jobs_by_themselves(
    jobs: Callable[..., list[Job]], tmp_path: Path, changes: dict[str, Any]
) -> None:
    apart = jobs("apart", phase="confirm", **changes)
    expected = {job.spec.key: alone(job) for job in apart}
    for name in ("cold", "warm"):
        packed = jobs(name, phase="confirm", cache=tmp_path / "cache" if changes else None, **changes)
        assert together(Pack(packed)) == expected
        assert [kept(folder(job)) for job in packed] == [kept(folder(job)) for job in apart]
    assert all(len(results) == 3 and "test_accuracy" in results[-1].metrics for results in expected.values())


def test_the_costs_add_up_to_what_was_spent(jobs: Callable[..., list[Job]]) -> None:
    started_s = time.perf_counter()
    last = [*Pack(packed := jobs("packed", **GUIDED)).run()][-1]
    spent_s = time.perf_counter() - started_s
    costs = [report.costs for report in last.values() if isinstance(report, EpochResult)]
    assert len(costs) == len(packed) == 3
    assert sum(each["cost_teacher_views"] for each in costs) == pytest.approx(3 * 16)  # three epochs of 16 images
    assert 0 < sum(each["cost_s"] for each in costs) < spent_s
    assert max(each["cost_s"] for each in costs) == pytest.approx(min(each["cost_s"] for each in costs))


def test_a_member_that_is_over_trains_no_further(jobs: Callable[..., list[Job]]) -> None:
    expected = {job.spec.key: alone(job) for job in jobs("apart", **GUIDED)}
    packed = jobs("packed", **GUIDED)
    first = packed[0]  # whose teacher the others share
    pack = Pack(packed, lambda job: job is first and checkpoint.newest_epoch(folder(first)) == 1)
    assert together(pack) == expected | {first.spec.key: expected[first.spec.key][:1]}
    assert checkpoint.newest_epoch(folder(first)) == 1 and pack.num_left() == 0


def test_a_member_whose_loss_is_not_finite_says_so_and_the_rest_goes_on(jobs: Callable[..., list[Job]]) -> None:
    expected = {job.spec.key: alone(job) for job in jobs("apart", rates=BROKEN)[1:]}
    packed = jobs("packed", rates=BROKEN)
    reported = together(Pack(packed))
    (ending,) = reported.pop(packed[0].spec.key)
    assert "must be finite" in ending and "learning_rate=1e+38" in ending
    assert reported == expected


@pytest.mark.parametrize("where", ["within an epoch", "between two members"])
def test_a_pack_that_was_killed_goes_on_as_if_it_had_not_been(
    jobs: Callable[..., list[Job]], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    expected = {job.spec.key: alone(job) for job in jobs("apart", **QUEUED)}
    calls = iter(range(1000))
    of = {"within an epoch": (Epoch, "step", 13), "between two members": (checkpoint, "save_state", 4)}
    owner, name, number = of[where]  # 3 steps of 3 members in an epoch; a state of each
    real = getattr(owner, name)

    def die(*args: Any) -> Any:
        if next(calls) == number:
            raise KeyboardInterrupt
        return real(*args)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(owner, name, die)
        together(Pack(jobs("packed", **QUEUED)))
    packed = jobs("packed", **QUEUED)
    reached = [checkpoint.newest_epoch(folder(job)) for job in packed]
    assert reached == ([1, 1, 1] if where == "within an epoch" else [2, 1, 1])
    assert together(Pack(packed)) == expected


def test_members_of_any_progress_are_brought_level(jobs: Callable[..., list[Job]]) -> None:
    expected = {job.spec.key: alone(job) for job in jobs("apart", **GUIDED)}
    packed = jobs("packed", **GUIDED)
    alone(packed[0])  # is at its end
    next(packed[1].run())
    assert together(Pack(packed)) == expected


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """From which training step on, and until which, a GPU has no room for as many images as `num_images`."""
    limits, forward = {"from": 10**6, "to": 10**6, "num_images": 1, "step": 0}, Tiny.forward

    def checked(self: Tiny, images_BCHW: Tensor) -> Tensor:
        limits["step"] += self.training
        is_short = self.training and limits["from"] <= limits["step"] <= limits["to"]
        if is_short and len(images_BCHW) >= limits["num_images"]:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, images_BCHW)

    monkeypatch.setattr(Tiny, "forward", checked)
    return limits


def test_without_room_for_all_they_go_on_one_by_one_with_the_same_numbers(
    jobs: Callable[..., list[Job]], room: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    expected = {job.spec.key: alone(job) for job in jobs("apart")}
    room["from"] = room["to"] = room["step"] + 14  # in the second epoch
    packed = jobs("packed")
    assert together(Pack(packed)) == expected
    assert "no room for 3 students" in caplog.text


def test_one_by_one_they_end_as_they_do_alone(jobs: Callable[..., list[Job]], room: dict[str, int]) -> None:
    room.update({"from": 0, "num_images": 2})
    packed = jobs("packed")
    reported = together(Pack(packed))
    assert len(reported) == 3
    assert all("the GPU must have room for" in each[0] for each in reported.values())


def test_a_trial_that_keeps_smaller_parts_has_its_own_beside_others(
    jobs: Callable[..., list[Job]], room: dict[str, int]
) -> None:
    def begun(name: str) -> list[Job]:
        room.update({"from": 0, "to": 10**6, "num_images": 6})
        next((made := jobs(name))[1].run())
        room["num_images"] = 10**6
        return made

    expected = {job.spec.key: alone(job) for job in begun("apart")}
    assert [each[0].metrics.get("micro_batch_size") for each in expected.values()] == [None, 3.0, None]
    assert together(Pack(begun("packed"))) == expected


def test_jobs_that_share_too_little_are_refused(jobs: Callable[..., list[Job]]) -> None:
    one, other = jobs("a")[0], jobs("b", seed=1)[1]
    with pytest.raises(ValueError, match=r"must differ in learning_rate, .* alone, but have seed=0 and 1"):
        Pack([one, other])
