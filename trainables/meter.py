"""What a trial costs where it is trained: time, memory, energy, and the teacher's answers.

Costs differ from run to run and decide nothing: they stand beside an epoch's metrics, never among them. They are totals
since the trial began. A resumed trial adds to what its last saved epoch had; an epoch that was interrupted, and is
trained again, counts once.

Energy is measured where a GPU counts it (NVML), times the trial's share of the GPU; the rest is estimated: a CPU's from
the time that its cores were busy and a declared power per core, and that of a GPU without a counter from its power
limit. Neither has the machine's memory, disks, fans and losses in it.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import torch

from trainables.energy import WATT_HOUR_J, WATTS_PER_CORE, GpuEnergy

CPU_INFO = Path("/proc/cpuinfo")


class Meter:
    """Reads what this process has used since the last reading.

    Args:
        gpus: the share of a GPU that the trial holds, which counts only where there is one.
        watts_per_core: the power of a busy core of the CPU.
    """

    def __init__(self, *, gpus: float = 1.0, watts_per_core: float = WATTS_PER_CORE) -> None:
        self._gpus = gpus if torch.cuda.is_available() else 0.0
        self._watts_per_core = watts_per_core
        self._gpu_energy = GpuEnergy() if torch.cuda.is_available() else None
        self._wall_s, self._cpu_s = time.perf_counter(), time.process_time()
        _forget_peak()
        if self._gpu_energy:
            torch.cuda.reset_peak_memory_stats()

    def costs(self, before: Mapping[str, float], work: Mapping[str, float] | None = None) -> dict[str, float]:
        """The trial's costs until now.

        Args:
            before: those until the last reading; of a resumed trial, those of its last saved epoch.
            work: what else has been done since then, by name, such as a teacher's answers.

        Returns:
            ``cost_s`` (seconds of the process), ``cost_cpu_s`` (seconds of busy cores), ``cost_gpu_s`` (seconds, times
            the share of a GPU), ``cost_host_bytes`` and ``cost_device_bytes`` (peaks: resident memory, in which the
            pages of the prepared images count that were read; memory that PyTorch took of the GPU),
            ``cost_measured_wh``, ``cost_estimated_wh``, ``cost_watts_per_core``, and `work`.
        """
        return self.totals(before, self.take(work))

    def take(self, work: Mapping[str, float] | None = None) -> dict[str, float]:
        """What has been used since the last reading, and `work`: all that `costs` adds up."""
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        passed_s, busy_s = wall_s - self._wall_s, cpu_s - self._cpu_s
        self._wall_s, self._cpu_s = wall_s, cpu_s
        used = {"cost_s": passed_s, "cost_cpu_s": busy_s, "cost_gpu_s": passed_s * self._gpus, **(work or {})}
        used |= {"cost_measured_wh": 0.0, "cost_estimated_wh": busy_s * self._watts_per_core / WATT_HOUR_J}
        if self._gpu_energy:
            measured_wh, estimated_wh = self._gpu_energy.take(passed_s)
            used["cost_measured_wh"] += measured_wh * self._gpus
            used["cost_estimated_wh"] += estimated_wh * self._gpus
        return used

    def totals(self, before: Mapping[str, float], used: Mapping[str, float]) -> dict[str, float]:
        """The costs `before`, and those of `used`: all that `take` gave, or a trial's share of it."""
        peaks = {"cost_host_bytes": peak_bytes()}
        if self._gpu_energy:
            peaks["cost_device_bytes"] = float(torch.cuda.max_memory_allocated())
        totals = {name: before.get(name, 0.0) + value for name, value in used.items()}
        highest = {name: max(before.get(name, 0.0), value) for name, value in peaks.items()}
        return {**before, **totals, **highest, "cost_watts_per_core": self._watts_per_core}


def peak_bytes() -> float:
    """The most memory that this process has held since `Meter` was made; where the system cannot tell, ever."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit


def _forget_peak() -> None:
    """A worker trains one trial after the other: the peak of an earlier one is not this one's."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def multiplies_bfloat16() -> bool:
    """Whether the CPU has units for matrices of bfloat16 (AMX), in which a DenseNet's step takes half the time."""
    with suppress(OSError):
        return "amx_bf16" in CPU_INFO.read_text().split()
    return False


def hardware() -> str:
    """What this machine trains on, as its maker calls it: the GPU, or the CPU with its number of threads here."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    model = "CPU"
    with suppress(OSError):
        names = [it for it in CPU_INFO.read_text().splitlines() if it.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    threads = torch.get_num_threads()
    return f"{model} ({torch.backends.cpu.get_cpu_capability()}), {threads} thread" + "s" * (threads != 1)
