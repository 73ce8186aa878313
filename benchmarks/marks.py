"""Ops for pipelines of benchmarks: they print when they run, and how much memory the process has needed."""

from __future__ import annotations

import resource
import time

import edgraph


@edgraph.op(effect=True)
def first_step():
    """The time of the system's monotonic clock."""
    print("first step", time.monotonic(), flush=True)


@edgraph.op(effect=True)
def memory():
    """The peak memory of the process in KiB."""
    print("memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)
