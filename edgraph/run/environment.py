"""What a run was made with: versions, code revision, command line, machine."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PACKAGES = ("edgraph", "numpy", "torch", "torchvision", "tensorflow", "tensorflow-cpu", "safetensors",
            "scikit-learn", "pillow", "networkx", "PyYAML", "pydantic")
# Those that change results. Others are not looked at: they may be secrets.
VARIABLES = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUBLAS_WORKSPACE_CONFIG",
             "PYTHONHASHSEED", "WORLD_SIZE", "RANK", "LOCAL_RANK")


def environment(command: Sequence[str] | None = None, code: Path | None = None,
                extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A JSON value that says how to get these results again.

    command: the command line (by default this process's). code: the folder of the user's code, whose git
    revision is noted. extra: what the backend knows (devices, threads, CUDA).
    """
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "command": list(sys.orig_argv if command is None else command),
        "folder": os.getcwd(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": {"name": platform.node(), "processors": os.cpu_count(), "usable": _usable()},
        "packages": versions(PACKAGES),
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
        "code": revision(Path.cwd() if code is None else code),
        **(extra or {}),
    }


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Versions of those that are installed, without importing them."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def revision(folder: Path) -> dict[str, Any] | None:
    """`{commit, branch, dirty}` of the git repository around a folder; None where there is none, or no git.

    dirty: whether tracked files differ from the commit (None where git takes too long to tell).
    """
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return None
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "branch": _git(folder, "rev-parse", "--abbrev-ref", "HEAD"),
            "dirty": None if changes is None else bool(changes)}


def _git(folder: Path, *command: str) -> str | None:
    try:
        done = subprocess.run(["git", "--no-optional-locks", "-C", str(folder), *command], text=True,
                              capture_output=True, errors="replace", timeout=3, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _usable() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
