"""Which machine this is, and with which versions it computes; found out without importing PyTorch."""

from __future__ import annotations

import math
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import psutil
import pynvml

NO_GPU = "no GPU"


@dataclass(frozen=True)
class Machine:
    """A kind of machine: two of one kind are compared, whatever their names."""

    cpu: str
    cores: int
    gpu: str
    memory_gib: int

    @property
    def has_gpu(self) -> bool:
        return self.gpu != NO_GPU

    def __str__(self) -> str:
        """In one line, with no comma or line that is special to the record or to a table."""
        return f"{self.cpu}, {self.cores} core{'s' * (self.cores != 1)}, {self.gpu}, {self.memory_gib} GiB"


@cache
def this_machine() -> Machine:
    """The machine under this process."""
    return Machine(_cpu(), os.cpu_count() or 1, _gpus(), math.ceil(psutil.virtual_memory().total / 2**30))


def versions() -> str:
    """Of Python and PyTorch."""
    return f"Python {sys.version.split()[0]}, PyTorch {version('torch').partition('+')[0]}"


def _cpu() -> str:
    """As its maker calls it, with the widest vectors that it has: clouds hide the rest of the name."""
    facts: dict[str, str] = {}
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            facts.setdefault(name.strip(), value.strip())
    flags = facts.get("flags", "").split()
    widest = next((title for flag, title in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), "")
    name = " ".join(facts.get("model name", os.uname().machine).replace("|", " ").split())
    return f"{name} ({widest})" if widest else name


def _gpus() -> str:
    """All of them by name; MIG or not, they are the driver's."""
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        names = [pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(number)) for number in range(count)]
    except pynvml.NVMLError:
        return NO_GPU
    return f"{len(names)} x {names[0]}" if names else NO_GPU
