# SPDX-License-Identifier: MIT
"""How much memory this process has taken, and giving back what it no longer needs."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

__all__ = ["peak_memory_mib", "return_freed_memory"]


def peak_memory_mib() -> float | None:
    """Greatest resident memory of this process so far, in MiB; None where the system does not say.

    Linux counts into ``ru_maxrss`` what the program that started this one held at that moment, so the high-water mark
    of the process's own memory is read there.
    """
    if sys.platform == "win32":
        return None
    if sys.platform == "linux":
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def return_freed_memory() -> None:
    """Gives freed memory back to the system. glibc, where it is the C library, keeps blocks of megabytes for later."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
