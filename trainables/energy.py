"""Energy: that of the GPU on which this process computes, from NVML, and the power that a CPU is taken to have.

A GPU counts its energy, or it is estimated from its power limit.

The counter belongs to the whole GPU, whoever uses it. Newer GPUs than NVIDIA's Pascal have one; a part of a GPU (MIG)
has none.
"""

from __future__ import annotations

import pynvml

WATT_HOUR_J = 3600.0
# Of a busy core, with its part of the processor: thermal design power by the number of cores, as their makers state
# both, is 4.4 W of an AMD EPYC 7763 (280 W, 64 cores) and 6.8 W of an Intel Xeon Platinum 8380 (270 W, 40 cores).
WATTS_PER_CORE = 5.0


class GpuEnergy:
    """Watt-hours of the whole GPU since the last reading."""

    def __init__(self) -> None:
        self._handle = _handle()
        self._joules = self._counted_joules()

    def take(self, passed_s: float) -> tuple[float, float]:
        """(measured, estimated) watt-hours since the last reading; NaN for an estimate that nothing is known for.

        Args:
            passed_s: the time since then, by which an estimate multiplies the GPU's power limit.
        """
        joules, before = self._counted_joules(), self._joules
        self._joules = joules
        if joules is not None and before is not None:
            return (joules - before) / WATT_HOUR_J, 0.0
        return 0.0, self._limit_w() * passed_s / WATT_HOUR_J

    def _counted_joules(self) -> float | None:
        try:
            return None if self._handle is None else pynvml.nvmlDeviceGetTotalEnergyConsumption(self._handle) / 1000
        except pynvml.NVMLError:
            return None

    def _limit_w(self) -> float:
        try:
            return float("nan") if self._handle is None else pynvml.nvmlDeviceGetEnforcedPowerLimit(self._handle) / 1000
        except pynvml.NVMLError:
            return float("nan")


def _handle() -> object | None:
    """NVML's own of the GPU that PyTorch uses, whatever their order; None where NVML does not know it."""
    import torch  # late: a command's help tells the power of a core, and must not wait for it

    try:
        pynvml.nvmlInit()
        name = str(torch.cuda.get_device_properties(torch.cuda.current_device()).uuid)
        return pynvml.nvmlDeviceGetHandleByUUID(name if name.startswith(("GPU-", "MIG-")) else f"GPU-{name}")
    except pynvml.NVMLError:
        return None
