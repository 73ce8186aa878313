"""The optimizers that a pipeline declares, constructed: groups of parameters and schedules."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any

import torch
from torch import nn

from edgraph.backends import optimizers
from edgraph.backends.groups import Chosen, Found
from edgraph.backends.optimizers import schedule_parts
from edgraph.backends.schedules import FACTORS
from edgraph.backends.torch import names, schedules
from edgraph.backends.torch.paths import module_at
from edgraph.backends.torch.updater import Updater
from edgraph.data.construct import Constructor, Failed
from edgraph.ops.registry import Registered
from edgraph.text import source as text
from edgraph.text.source import Span


class OptimizerBuilder(optimizers.OptimizerBuilder):
    """See edgraph.backends.optimizers."""

    def build(self) -> Updater | None:
        """The optimizer with its schedule, or None."""
        chosen = self.groups()
        try:
            optimizer = self._optimizer(chosen)
            updater = Updater(self.entry.name, optimizer, clip_norm=self.entry.clip_norm,
                              clip_value=self.entry.clip_value, per_step=self.entry.per == "step")
            updater.follow(self._schedule(updater))
        except Failed:
            return None
        return updater

    def parameters(self, path: str, span: Span) -> Found:
        every = list(module_at(self.models, path, span).named_parameters())
        return Found([(name, p) for name, p in every if p.requires_grad], bool(every))

    # -- the optimizer ---------------------------------------------------------------------------------

    def _optimizer(self, chosen: list[Chosen] | None) -> torch.optim.Optimizer:
        use, span = self.entry.use.use.text, self.entry.use.use.span
        target = self.make.find(use, span)
        if names.needs_closure(target):
            raise self.make.fail("needs-closure", f"optimizer '{use}' evaluates the loss several times in an "
                                 "update, which needs a closure", span,
                                 "use an optimizer that takes one gradient, such as Adam")
        make = partial(_without_compiler, target) if _is_torchs(target) else target  # type: ignore[arg-type]
        groups = [{"params": group.parameters, **group.settings} for group in chosen or [_stand_in()]]
        grouped = partial(make, _tuples(groups, target))
        made = self._made("optimizer", use, grouped, names.settings("optimizer", use, target),
                          self.entry.use.settings, span)
        if chosen is None:
            raise Failed
        if not isinstance(made, torch.optim.Optimizer):
            raise self.make.fail("not-an-optimizer", f"'{use}' gave a {type(made).__name__}, and an "
                                 "optimizer is a torch.optim.Optimizer", span,
                                 "name a class of optimizers, such as Adam or torch.optim.NAdam")
        self.check_groups(use, made.defaults)  # torch keeps settings that it does not know, and never reads them
        return made

    def _made(self, kind: str, use: str, target: Callable[..., Any], takes: names.Takes,
              settings: text.Mapping | None, span: Span) -> Any:
        """What a partly applied class gives, the rest of its arguments checked."""
        item = Registered(use, takes[0], target, open_params=takes[1])
        return Constructor({use: item}, self.folder, self.diagnostics, kind).make(use, span, settings)

    # -- the schedule ----------------------------------------------------------------------------------

    def _schedule(self, updater: Updater) -> schedules.Schedule | None:
        optimizer, tree = updater.optimizer, self.entry.schedule
        groups = optimizer.param_groups
        if self.expression is not None:
            return schedules.Computed(groups, updater.bases, optimizer.defaults["lr"], self.expression)
        if not isinstance(tree, text.Mapping):
            return None
        make = Constructor(names.schedules(), self.folder, self.diagnostics, "schedule")
        use, settings = schedule_parts(make, tree)
        if use.raw in FACTORS:
            return schedules.Scaled(groups, updater.bases, make.make(use.raw, use.span, settings))
        return schedules.Stepped(self._scheduler(make, tree, optimizer))

    def _scheduler(self, make: Constructor, tree: text.Mapping, optimizer: torch.optim.Optimizer) -> Any:
        """A scheduler of torch's; those in a list of `schedulers` are made first."""
        use, settings = schedule_parts(make, tree)
        if use.raw in FACTORS:
            raise make.fail("bad-value", f"'{use.raw}' cannot be one of several schedulers", use.span,
                            "these are classes of torch.optim.lr_scheduler, such as CosineAnnealingLR")
        target = make.find(use.raw, use.span)
        entries = dict(settings.entries)
        nested = entries.pop("schedulers", None)
        given: dict[str, Any] = {"optimizer": optimizer}
        if nested is not None and isinstance(nested.value, text.Sequence):
            given["schedulers"] = [self._scheduler(make, _mapping(make, item), optimizer)
                                   for item in nested.value.items]
        takes = names.settings("schedule", use.raw, target, given)
        return self._made("schedule", use.raw, partial(target, **given), takes,
                          text.Mapping(entries, settings.span), use.span)


def _mapping(make: Constructor, tree: text.Tree) -> text.Mapping:
    if isinstance(tree, text.Mapping):
        return tree
    raise make.fail("wrong-type", "each of the 'schedulers' is a mapping with 'use'", tree.span,
                    "such as {use: ConstantLR, factor: 0.1}")


def _is_torchs(target: Callable[..., Any]) -> bool:
    return inspect.isclass(target) and target.__module__.startswith("torch.optim.")


def _without_compiler(kind: type[torch.optim.Optimizer], groups: list[dict[str, Any]],
                      **settings: Any) -> torch.optim.Optimizer:
    """An optimizer of torch's. Its constructor would import torch's compiler, only to exempt
    `add_param_group` from being compiled; that takes as long as importing torch itself."""
    optimizer = kind.__new__(kind)
    optimizer.add_param_group = MethodType(  # type: ignore[method-assign]
        inspect.unwrap(kind.add_param_group), optimizer)
    kind.__init__(optimizer, groups, **settings)
    del optimizer.add_param_group
    return optimizer


def _tuples(groups: list[dict[str, Any]], target: Callable[..., Any]) -> list[dict[str, Any]]:
    """Groups with lists made tuples where the optimizer has a tuple (`betas`)."""
    defaults = {name: p.default for name, p in inspect.signature(target).parameters.items()}
    return [{key: tuple(value) if isinstance(value, list) and isinstance(defaults.get(key), tuple) else value
             for key, value in group.items()} for group in groups]


def _stand_in() -> Chosen:
    """For an optimizer whose groups are wrong: its own settings are still checked."""
    return Chosen([nn.Parameter(torch.zeros(1, 1))], {})

