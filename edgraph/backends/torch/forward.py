"""Running models: mode, what records gradients, random numbers and buffers of each call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import nn

from edgraph.backends.base import Bound
from edgraph.backends.calls import with_names
from edgraph.backends.found import method_of
from edgraph.backends.torch.models import MLP, ConvNet
from edgraph.backends.torch.paths import module_at
from edgraph.backends.torch.seeding import seeder, torch_seeder
from edgraph.ops.random import mix, node_base

Call = Callable[..., Any]


class Mode:
    """Whether models that share modules are in train or eval mode. They switch together, so that what one
    call left never matters to another."""

    __slots__ = ("roots", "training")

    def __init__(self, root: nn.Module) -> None:
        self.roots = [root]
        self.training = root.training

    def set(self, training: bool) -> None:
        for root in self.roots:
            root.train(training)
        self.training = training


class Models:
    """The models of a run, and calls of them."""

    def __init__(self, models: Mapping[str, nn.Module], frozen: frozenset[str], *, seed: int,
                 device: torch.device, autocast: Callable[[], AbstractContextManager[Any]] | None) -> None:
        self.models = models
        self.frozen = frozen
        self.seed = seed
        self.device = device
        self.autocast = autocast
        self.trained: dict[str, frozenset[int]] = {}  # ids of the parameters of each optimizer
        self._off: list[list[nn.Parameter]] = []  # of each call, the parameters it must not record
        self._modes = self._by_component()

    def bind(self, node: str, path: str, *, method: str | None, train: bool, trains: frozenset[str],
             buffers: bool, names: tuple[str, ...]) -> Bound:
        """See Backend.forward."""
        module = module_at(self.models, path)
        root = path.split(".")[0]
        train = train and root not in self.frozen
        run: Call = module if method is None else _method(module, method, path)
        run = with_names(run, names)
        if self.autocast is not None:
            run = _inside(run, self.autocast)
        run = self._recording(run, module, trains)
        if train and not buffers and next(module.buffers(), None) is not None:
            run = _keeping_buffers(run, module)
        mode = self._modes[root]
        # A frozen model never changes its mode, unless it shares modules with one that does.
        run = run if root in self.frozen and len(mode.roots) == 1 else _in_mode(run, mode, train)
        if not may_draw(module, train):
            return Bound(run)
        # classes of the author's may draw from Python's and NumPy's generators too
        seed = torch_seeder if all(map(_is_torchs, module.modules())) else seeder
        return Bound(_seeded(run, node_base(self.seed, node), seed(self.device)), ("key",))

    def watch(self, parameter: nn.Parameter) -> None:
        """A gradient is taken with respect to this parameter: calls must record it."""
        parameter.requires_grad_(True)
        for off in self._off:
            off[:] = [p for p in off if p is not parameter]

    def _recording(self, run: Call, module: nn.Module, trains: frozenset[str]) -> Call:
        """Parameters that some optimizer updates, but none of those whose gradients pass here, do not record:
        their activations are not kept. Outside of calls all of them require gradients."""
        wanted = frozenset().union(*(self.trained[name] for name in trains))
        every = frozenset().union(*self.trained.values())
        off = [p for p in module.parameters() if id(p) in every and id(p) not in wanted]
        if not off:
            return run
        self._off.append(off)
        enabled = torch.is_grad_enabled

        def without(*inputs: Any) -> Any:
            if not enabled():
                return run(*inputs)
            for p in off:
                p.requires_grad_(False)
            try:
                return run(*inputs)
            finally:
                for p in off:
                    p.requires_grad_(True)
        return without

    def _by_component(self) -> dict[str, Mode]:
        modes: dict[str, Mode] = {}
        owner: dict[int, Mode] = {}
        for name, model in self.models.items():
            mode = Mode(model)
            for module in model.modules():
                other = owner.setdefault(id(module), mode)
                if other is not mode:
                    mode.roots.extend(root for root in other.roots if root not in mode.roots)
                    for key in [key for key, value in owner.items() if value is other]:
                        owner[key] = mode
                    modes = {key: mode if value is other else value for key, value in modes.items()}
            modes[name] = mode
        return modes


def may_draw(module: nn.Module, train: bool) -> bool:
    """Whether a call may use random numbers. Of classes outside of torch.nn that is not known."""
    return any(_draws(part, train) for part in module.modules())


def _draws(part: nn.Module, train: bool) -> bool:
    if not _is_torchs(part) or isinstance(part, (nn.FractionalMaxPool2d, nn.FractionalMaxPool3d)):
        return True
    return train and (isinstance(part, (nn.modules.dropout._DropoutNd, nn.RReLU))
                      or bool(getattr(part, "dropout", 0.0)))


def _is_torchs(part: nn.Module) -> bool:
    """Whether nothing but torch's own code runs in it."""
    kind = type(part)
    return (kind in (MLP, ConvNet) or kind.__module__.startswith("torch.nn.modules.")) and not (
        part._forward_hooks or part._forward_pre_hooks)


# -- what is wrapped around a call, innermost first ---------------------------------------------------

def _inside(run: Call, context: Callable[[], AbstractContextManager[Any]]) -> Call:
    def inside(*inputs: Any) -> Any:
        with context():
            return run(*inputs)
    return inside


def _keeping_buffers(run: Call, module: nn.Module) -> Call:
    """The call works on copies of the buffers."""
    def keeping(*inputs: Any) -> Any:
        kept = [(part, name, buffer) for part in module.modules() for name, buffer in part._buffers.items()]
        for part, name, buffer in kept:
            part._buffers[name] = None if buffer is None else buffer.clone()
        try:
            return run(*inputs)
        finally:
            for part, name, buffer in kept:
                part._buffers[name] = buffer
    return keeping


def _in_mode(run: Call, mode: Mode, train: bool) -> Call:
    def in_mode(*inputs: Any) -> Any:
        if mode.training is not train:
            mode.set(train)
        return run(*inputs)
    return in_mode


def _seeded(run: Call, base: int, seed: Callable[[int], object]) -> Call:
    def seeded(key: int, *inputs: Any) -> Any:
        seed(mix(base, key))
        return run(*inputs)
    return seeded


def _method(module: nn.Module, method: str, path: str) -> Call:
    return method_of(module, path, method, [name for name in dir(module) if not hasattr(nn.Module, name)])
