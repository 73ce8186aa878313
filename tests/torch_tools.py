"""What the tests of the torch backend share: pipelines as mappings, the engine's step in miniature, twins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from edgraph.backends.torch import TorchBackend
from edgraph.backends.torch.models import initialise
from edgraph.language import load
from edgraph.ops.random import rng, stream_seed
from edgraph.text.diagnostics import Diagnostics, PipelineError

torch.set_num_threads(1)
MLP = {"use": "mlp", "with": {"sizes": [6, 8, 3]}}
TRAIN = {"data": {"train": {"use": "digits"}}}


def entries(models: Any, optimizers: Any = None) -> Any:
    """The pipeline of these sections."""
    diagnostics = Diagnostics()
    tree = {"name": "test", **TRAIN, "models": models, "optimizers": optimizers or {},
            "ops": {"batch": {"op": "load_batch"}}}
    pipeline = load(tree, [], diagnostics)
    assert not diagnostics.failed, list(diagnostics)
    return pipeline


def backend(models: Any, optimizers: Any = None, *, seed: int = 0, nonfinite: Any = "stop", precision: str = "fp32",
            **options: Any) -> TorchBackend:
    made = TorchBackend(device="cpu", nonfinite=nonfinite, precision=precision)
    pipeline = entries(models, optimizers)
    made.build(pipeline.models, pipeline.optimizers, seed=seed, **options)
    return made


def messages(models: Any, optimizers: Any = None, *, build: Callable[..., object] = backend,
             **options: Any) -> list[str]:
    """`code: message (help)` of every diagnostic that building gives."""
    try:
        build(models, optimizers, **options)
    except PipelineError as error:
        assert all(d.span is not None for d in error.diagnostics)
        return [f"{d.code}: {d.message}" + (f" ({d.help})" if d.help else "") for d in error.diagnostics]
    return []


def one(models: Any, **settings: Any) -> TorchBackend:
    """A backend with the model `net` and the optimizer `opt`, by default SGD."""
    use = settings.pop("use", "SGD")
    options = {key: settings.pop(key) for key in ("nonfinite", "precision", "schedules") if key in settings}
    entry = {"use": use, "updates": settings.pop("updates", ["net"]), **settings}
    return backend({"net": models}, {"opt": entry}, **options)


class Engine:
    """One optimizer, one loss, as the engine runs them."""

    def __init__(self, made: TorchBackend, *, optimizer: str = "opt", model: str = "net", node: str = "out",
                 loss: str = "cross_entropy", ports: tuple[str,
                                                           ...] = (), accumulate: Any = 1, weighted: bool = False,
                 check: Any = "loss") -> None:
        self.backend = made
        self.bound = made.forward(node, model, train=True, trains=frozenset({optimizer}), buffers=True)
        self.loss = made.implementation(loss)
        self.gradients = made.gradients(optimizer, retain=False, weighted=weighted, accumulate=accumulate,
                                        check=check)
        self.apply = made.apply(optimizer, frozenset(ports), accumulate)

    def step(self, step: int, x: Any, y: Any, *count: Any, epoch: int = 1) -> Any:
        extra = (step,) if self.bound.passes else ()
        self.backend.record(True)
        try:
            loss = self.loss(self.bound.call(*extra, x), y)
        finally:
            self.backend.record(False)
        try:
            return self.apply(step, epoch, self.gradients(loss, *count))
        finally:
            self.backend.record(True)


def batch(step: int, size: int = 16, features: int = 6, classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Data that depend on the step alone."""
    generator = torch.Generator().manual_seed(step)
    return (torch.randn(size, features, generator=generator),
            torch.randint(0, classes, (size,), generator=generator))


def twin(name: str, make: Any, seed: int = 0) -> Any:
    """A hand-written model with the initial weights of the model of that name."""
    torch.manual_seed(stream_seed(seed, f"models.{name}", 0))
    made = make()
    initialise(made, rng(seed, f"models.{name}", 0))
    return made


def same(a: nn.Module, b: nn.Module) -> bool:
    """Bit for bit, buffers too."""
    left, right = a.state_dict(), b.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)
