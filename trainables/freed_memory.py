"""Memory that a step has freed is kept for the next one: on a CPU, asking the kernel for it again takes time.

glibc returns large blocks as soon as they are freed, so that every training step faults in its activations anew, 4 KiB
at a time. A process that trains keeps them instead, in pages of 2 MiB: DenseNet-40 then takes 0.84 of the time at
128 px, DenseNet-121 0.91 (BENCHMARKS.md, what was tried). The first steps still fault, until the blocks lie as every
step needs them. Its peak grows by a few percent, and it stays there until a trial of another kind begins, so that the
peaks of several trials add up.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Hashable

SWITCH = "TRANSFER_KEEP_MEMORY"
# Of glibc's malloc.h and Linux's mman-common.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
MADV_HUGEPAGE = 14
HUGE_PAGE = 2**21
SPAN = 2**32  # bytes of address space that get huge pages; what a process needs beyond gets ordinary ones


_kinds: list[Hashable] = []  # of the trials that this process has kept memory for


def keep_freed_memory(kind: Hashable) -> bool:
    """Tells this process's allocator to keep what is freed for further steps of a `kind` of trial that needs as much;
    whether it could be told.

    What an earlier trial of another kind has left is given back first: its peak is not this one's. Only glibc is told:
    elsewhere this does nothing, nor where the environment has TRANSFER_KEEP_MEMORY=0.
    """
    libc = _glibc()
    if libc is None or os.environ.get(SWITCH) == "0":
        return False
    if not _kinds:
        if not (libc.mallopt(M_MMAP_MAX, 0) and libc.mallopt(M_TRIM_THRESHOLD, -1)):  # -1: the top is never given back
            return False
        _advise_huge_pages(libc)
    elif _kinds[-1] != kind:
        libc.malloc_trim(0)
    _kinds[:] = [kind]
    return True


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") else None


def _advise_huge_pages(libc: ctypes.CDLL) -> None:
    """Advice for what the heap will grow into, which is reserved for a moment and never touched: only a page's first
    touch decides how large it is. Where the kernel declines, nothing is lost but the larger pages.
    """
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    reserved = libc.malloc(SPAN)
    if reserved is None:
        return
    first, end = -(-reserved // HUGE_PAGE), (reserved + SPAN) // HUGE_PAGE
    libc.madvise(first * HUGE_PAGE, (end - first) * HUGE_PAGE, MADV_HUGEPAGE)
    libc.free(reserved)
