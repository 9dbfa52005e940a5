"""What a trial has cost: worked out by hand from a clock that the test turns, and by a job that is interrupted."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pynvml
import pytest
import torch

from tests import tiny_network
from tests.trainables.small_training import CPU, config_of
from trainables import energy, meter
from trainables.data.store import Store
from trainables.job import Job
from trainables.meter import Meter
from trainables.models.architectures import build
from trainables.teachers import shelf
from trainables.teachers.cache import KnowledgeCache
from trainables.teachers.guide import Guide
from trainables.timing import Stopwatch
from trainables.trial import TrialSpec


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    now = {"wall": 100.0, "cpu": 7.0}
    monkeypatch.setattr("trainables.meter.time.perf_counter", lambda: now["wall"])
    monkeypatch.setattr("trainables.meter.time.process_time", lambda: now["cpu"])
    return now


def on_gpu(monkeypatch: pytest.MonkeyPatch, joules: list[float] | None) -> None:
    """A GPU that counts these joules, one per reading; or, for None, has no counter and a limit of 300 W."""
    readings = iter(joules or [])

    def counted(handle: object) -> int:
        if joules is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return round(1000 * next(readings))

    monkeypatch.setattr(energy, "_handle", lambda: "handle")
    monkeypatch.setattr(pynvml, "nvmlDeviceGetTotalEnergyConsumption", counted)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetEnforcedPowerLimit", lambda handle: 300_000)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: None)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 5_000)


def test_a_cpus_costs_by_hand(clock: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter, "peak_bytes", lambda: 2e9)
    reading = Meter(gpus=1.0, watts_per_core=10.0)
    clock |= {"wall": 160.0, "cpu": 79.0}
    costs = reading.costs({}, {"cost_teacher_views": 8.0})
    assert costs == {
        "cost_s": 60.0,
        "cost_cpu_s": 72.0,
        "cost_gpu_s": 0.0,  # there is none, whatever share was asked for
        "cost_measured_wh": 0.0,
        "cost_estimated_wh": pytest.approx(0.2),  # 72 s x 10 W = 720 J
        "cost_host_bytes": 2e9,
        "cost_watts_per_core": 10.0,
        "cost_teacher_views": 8.0,
    }


def test_costs_add_up_and_peaks_stay(clock: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = iter([2e9, 1e9, 3e9])
    monkeypatch.setattr(meter, "peak_bytes", lambda: next(peaks))
    reading, seen = Meter(watts_per_core=10.0), []
    costs: dict[str, float] = {}
    for seconds in (5.0, 7.0, 11.0):
        clock["wall"] += seconds
        clock["cpu"] += 36.0
        costs = reading.costs(costs, {"cost_cached_views": 4.0})
        seen.append((costs["cost_s"], costs["cost_host_bytes"], costs["cost_cached_views"]))
    assert seen == [(5.0, 2e9, 4.0), (12.0, 2e9, 8.0), (23.0, 3e9, 12.0)]
    assert costs["cost_estimated_wh"] == pytest.approx(0.3)


def test_a_gpus_energy_is_counted_and_shared(clock: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    on_gpu(monkeypatch, [1_000.0, 8_200.0])
    reading = Meter(gpus=0.5, watts_per_core=10.0)
    clock |= {"wall": 124.0, "cpu": 7.0 + 36.0}
    costs = reading.costs({})
    assert costs["cost_gpu_s"] == 12.0
    assert costs["cost_measured_wh"] == pytest.approx(1.0)  # half of 7,200 J
    assert costs["cost_estimated_wh"] == pytest.approx(0.1)  # the CPU's 360 J
    assert costs["cost_device_bytes"] == 5_000


def test_a_gpu_without_a_counter_is_estimated(clock: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    on_gpu(monkeypatch, None)
    reading = Meter(gpus=0.5, watts_per_core=10.0)
    clock["wall"] += 24.0
    costs = reading.costs({})
    assert costs["cost_measured_wh"] == 0.0
    assert costs["cost_estimated_wh"] == pytest.approx(1.0)  # half of 300 W x 24 s


def test_a_gpu_that_nvml_does_not_know_has_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    on_gpu(monkeypatch, None)
    monkeypatch.setattr(energy, "_handle", lambda: None)
    assert np.isnan(Meter().costs({})["cost_estimated_wh"])


def test_without_a_driver_nvml_is_not_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_driver() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", no_driver)
    assert energy._handle() is None


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak can be forgotten on Linux alone")
def test_the_peak_is_that_of_the_trial_and_not_of_one_before_it() -> None:
    Meter()
    low = meter.peak_bytes()
    with mmap.mmap(-1, 320_000_000) as block:  # not from the allocator, which a job has told to keep what is freed
        for start in range(0, len(block), mmap.PAGESIZE):
            block[start] = 1
        high = meter.peak_bytes()
    assert high > low + 250e6
    Meter()
    assert meter.peak_bytes() < high - 250e6


def test_the_hardware_has_a_name() -> None:
    assert " thread" in meter.hardware() or torch.cuda.is_available()


def test_a_stopwatch_counts_only_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("trainables.timing.time.perf_counter", lambda: now[0])
    stopwatch = Stopwatch(CPU)
    for seconds in (2.0, 3.0):
        now[0] += 50.0
        with stopwatch.running():
            now[0] += seconds
    assert (stopwatch.take_seconds(), stopwatch.take_seconds()) == (5.0, 0.0)


def test_the_teachers_work_is_what_the_cache_did_not_hold(tmp_path: Path, tiny: str) -> None:
    facts: dict[str, Any] = {"task": "multiclass", "label_names": ("a", "b"), "source": "drawn", "is_phantom": True}
    teacher = shelf.save(tmp_path, build(tiny, 2).state_dict(), name="t", architecture=tiny, **facts)
    views, rows = torch.randn(6, 3, 32, 32), np.arange(6)

    def asked(cache: KnowledgeCache | None, *parts: slice) -> dict[str, float]:
        guide = Guide("attention", tiny, teacher, CPU, batch_size=4, cache=cache)
        for part in parts:
            guide.knowledge_of(views[part], rows[part], 1)
        return guide.take_work()

    def cache() -> KnowledgeCache:
        return KnowledgeCache(tmp_path / "cache", {"of": "t"}, num_images=6, budget_bytes=10**8)

    whole, half = slice(0, 6), slice(0, 3)
    assert asked(None, whole, half) | {"cost_teacher_s": 0} == {
        "cost_teacher_views": 9.0, "cost_cached_views": 0.0, "cost_teacher_s": 0,
    }  # fmt: skip
    first = asked(cache(), half, whole)
    assert (first["cost_teacher_views"], first["cost_cached_views"]) == (6.0, 3.0)
    assert first["cost_teacher_s"] > 0
    again = asked(cache(), whole)
    assert again == {"cost_teacher_views": 0.0, "cost_cached_views": 6.0, "cost_teacher_s": 0.0}


@pytest.fixture
def job(store: Store, tmp_path: Path) -> Iterator[Job]:
    with tiny_network.registered() as tiny:
        config = config_of(student=tiny, init="random", phase="confirm", average_labels="defined")
        spec = TrialSpec(config=config, data_fingerprint="d", split_fingerprint="s")
        yield Job(spec=spec, store=str(store.path), teachers="", folder=str(tmp_path), watts_per_core=10.0)


def test_an_interrupted_trial_adds_to_what_it_had(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting(Meter):
        def totals(self, before: Any, used: Any) -> dict[str, float]:
            return {"cost_s": before.get("cost_s", 0.0) + 1.0}

    monkeypatch.setattr("trainables.job.Meter", Counting)
    epochs = job.run()
    begun = [next(epochs).costs["cost_s"] for _ in range(2)]
    epochs.close()
    again = [result.costs["cost_s"] for result in job.run()]
    assert (begun, again) == ([1.0, 2.0], [1.0, 2.0, 3.0])


def test_a_trial_reports_its_costs_and_in_the_end_its_latency(job: Job) -> None:
    first, second, last = job.run()
    assert first.costs["cost_s"] < second.costs["cost_s"] < last.costs["cost_s"]
    assert last.costs["cost_estimated_wh"] == pytest.approx(last.costs["cost_cpu_s"] * 10 / 3600)
    assert last.costs["cost_host_bytes"] > 50e6
    assert not [name for name in second.costs if "latency" in name]
    assert 0 < last.costs["cost_latency_ms"] <= 1.5 * last.costs["cost_latency_batch_ms"]
    assert last.costs["cost_latency_batch_size"] == 6.0
    assert not [name for name in last.metrics if name.startswith("cost")]


def test_units_for_bfloat16_are_seen_where_the_kernel_lists_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(meter, "CPU_INFO", tmp_path / "cpuinfo")
    assert not meter.multiplies_bfloat16()
    for flags, has_units in (("avx512_bf16 fma", False), ("amx_bf16 fma", True), ("fma amx_bf16 avx", True)):
        meter.CPU_INFO.write_text(f"model name\t: A CPU\nflags\t\t: {flags}\nbugs\t\t: none\n")
        assert meter.multiplies_bfloat16() == has_units
