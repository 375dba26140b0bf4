"""How much memory a process has held: for the benchmarks."""

import resource
import sys


def peak_mb() -> float:
    """The most memory that this process has held at any moment, in MB. Linux counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1_000_000 if sys.platform == "darwin" else peak * 1024 / 1_000_000
