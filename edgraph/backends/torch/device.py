"""Where and how precisely torch computes."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch

from edgraph.backends.found import wrong
from edgraph.text.suggest import did_you_mean

PRECISIONS = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(name: str) -> torch.device:
    """`auto` is a GPU where there is one. Raises PipelineError."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0].partition(". ")[0]  # some go on for a page
        raise wrong("unknown-device", f"there is no device '{name}' here: {reason}", None, _others(name)) from None
    return device


def _others(name: str) -> str:
    """What may stand in place of a device that is not there."""
    gpus = torch.cuda.device_count()
    there = ["auto", "cpu", *(["cuda"] if gpus else []), *(f"cuda:{number}" for number in range(1, gpus)),
             *(["mps"] if torch.backends.mps.is_available() else [])]
    return did_you_mean(name, there)


def autocast(precision: str, device: torch.device) -> Callable[[], AbstractContextManager[Any]] | None:
    """A context for computing in lower precision; None for fp32. Raises PipelineError."""
    if precision not in PRECISIONS:
        raise wrong("unknown-precision", f"there is no precision '{precision}'", None,
                    did_you_mean(precision, PRECISIONS))
    if precision == "fp16" and device.type != "cuda":
        raise wrong("unknown-precision", f"precision fp16 needs a GPU, and the device is {device.type}", None,
                    "use bf16 or fp32")
    dtype = PRECISIONS[precision]
    return None if dtype is None else partial(torch.autocast, device.type, dtype=dtype)


def be_deterministic() -> None:
    """Refuse kernels whose results vary from run to run."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
