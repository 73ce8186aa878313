"""The optimizers that a pipeline declares, constructed: groups of parameters and schedules."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Set
from functools import partial
from pathlib import Path
from types import MethodType
from typing import Any

import torch
from torch import nn

from edgraph.backends.entries import OptimizerEntry
from edgraph.backends.groups import Found, choose_groups
from edgraph.backends.schedules import FACTORS
from edgraph.backends.torch import names, schedules
from edgraph.backends.torch.paths import module_at
from edgraph.backends.torch.updater import Updater
from edgraph.data.construct import Constructor, Failed
from edgraph.ops.registry import Registered
from edgraph.text import source as text
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Scalar, Span
from edgraph.text.suggest import did_you_mean


class OptimizerBuilder:
    """Builds one entry of `optimizers`; what is wrong goes to the diagnostics."""

    def __init__(self, entry: OptimizerEntry, models: Mapping[str, nn.Module], frozen: Set[str], *,
                 failed: Set[str], expression: Callable[..., float] | None, folder: Path,
                 diagnostics: Diagnostics) -> None:
        self.entry = entry
        self.models = models
        self.frozen = frozen
        self.failed = failed  # models that could not be built, which was said already
        self.expression = expression
        self.folder = folder
        self.diagnostics = diagnostics
        self.make = Constructor(names.optimizers(), folder, diagnostics, "optimizer")

    def build(self) -> Updater | None:
        """The optimizer with its schedule, or None."""
        groups = self._groups()
        try:
            optimizer = self._optimizer(groups)
            updater = Updater(self.entry.name, optimizer, clip_norm=self.entry.clip_norm,
                              clip_value=self.entry.clip_value, per_step=self.entry.per == "step")
            updater.follow(self._schedule(updater))
        except Failed:
            return None
        return updater

    def _groups(self) -> list[dict[str, Any]] | None:
        def parameters(path: str, span: Span) -> Found:
            every = list(module_at(self.models, path, span).named_parameters())
            return Found([(name, p) for name, p in every if p.requires_grad], bool(every))

        chosen = choose_groups(self.entry, parameters, frozen=self.frozen, failed=self.failed,
                               diagnostics=self.diagnostics)
        return None if chosen is None else [{"params": group.parameters, **group.settings} for group in chosen]

    # -- the optimizer ---------------------------------------------------------------------------------

    def _optimizer(self, groups: list[dict[str, Any]] | None) -> torch.optim.Optimizer:
        use, span = self.entry.use.use.text, self.entry.use.use.span
        target = self.make.find(use, span)
        if names.needs_closure(target):
            raise self.make.fail("needs-closure", f"optimizer '{use}' evaluates the loss several times in an "
                                 "update, which needs a closure", span,
                                 "use an optimizer that takes one gradient, such as Adam")
        make = partial(_without_compiler, target) if _is_torchs(target) else target  # type: ignore[arg-type]
        grouped = partial(make, _tuples(groups or [{"params": _stand_in()}], target))
        made = self._made("optimizer", use, grouped, names.settings("optimizer", use, target),
                          self.entry.use.settings, span)
        if groups is None:
            raise Failed
        if not isinstance(made, torch.optim.Optimizer):
            raise self.make.fail("not-an-optimizer", f"'{use}' gave a {type(made).__name__}, and an "
                                 "optimizer is a torch.optim.Optimizer", span,
                                 "name a class of optimizers, such as Adam or torch.optim.NAdam")
        self._check_settings(use, made)
        return made

    def _made(self, kind: str, use: str, target: Callable[..., Any], takes: names.Takes,
              settings: text.Mapping | None, span: Span) -> Any:
        """What a partly applied class gives, the rest of its arguments checked."""
        item = Registered(use, takes[0], target, open_params=takes[1])
        return Constructor({use: item}, self.folder, self.diagnostics, kind).make(use, span, settings)

    def _check_settings(self, use: str, optimizer: torch.optim.Optimizer) -> None:
        """torch keeps group settings that it does not know, and never reads them."""
        failed = None
        for group in self.entry.updates:
            for key in group.settings:
                if key not in optimizer.defaults:
                    failed = self.make.fail(
                        "unknown-parameter", f"optimizer '{use}' has no parameter '{key}'", group.model.span,
                        did_you_mean(key, optimizer.defaults))
        if failed:
            raise failed

    # -- the schedule ----------------------------------------------------------------------------------

    def _schedule(self, updater: Updater) -> schedules.Schedule | None:
        optimizer, tree = updater.optimizer, self.entry.schedule
        groups = optimizer.param_groups
        if self.expression is not None:
            return schedules.Computed(groups, updater.bases, optimizer.defaults["lr"], self.expression)
        if not isinstance(tree, text.Mapping):
            return None
        make = Constructor(names.schedules(), self.folder, self.diagnostics, "schedule")
        use, settings = _flat(make, tree)
        if use.raw in FACTORS:
            return schedules.Scaled(groups, updater.bases, make.make(use.raw, use.span, settings))
        return schedules.Stepped(self._scheduler(make, tree, optimizer))

    def _scheduler(self, make: Constructor, tree: text.Mapping, optimizer: torch.optim.Optimizer) -> Any:
        """A scheduler of torch's; those in a list of `schedulers` are made first."""
        use, settings = _flat(make, tree)
        if use.raw == "ReduceLROnPlateau":
            raise make.fail("bad-value", "schedule 'ReduceLROnPlateau' watches a value, which schedules are "
                            "not given", use.span,
                            "use the op 'set_learning_rate' with a condition on that value")
        target = make.find(use.raw, use.span)
        entries = dict(settings.entries)
        nested = entries.pop("schedulers", None)
        given: dict[str, Any] = {"optimizer": optimizer}
        if nested is not None and isinstance(nested.value, text.Sequence):
            given["schedulers"] = [self._scheduler(make, item, optimizer) for item in nested.value.items
                                   if isinstance(item, text.Mapping)]
        takes = names.settings("schedule", use.raw, target, given)
        return self._made("schedule", use.raw, partial(target, **given), takes,
                          text.Mapping(entries, settings.span), use.span)


def _flat(make: Constructor, tree: text.Mapping) -> tuple[Scalar, text.Mapping]:
    """`use`, and the settings that stand beside it or under `with`."""
    use, inner = tree.get("use"), tree.get("with")
    if not isinstance(use, Scalar) or not isinstance(use.value, str):
        raise make.fail("missing-key", "a schedule has a 'use'", tree.span,
                        "such as 'schedule: {use: cosine, steps: 1000}'")
    entries = {key: entry for key, entry in tree.entries.items() if key not in ("use", "with")}
    if isinstance(inner, text.Mapping):
        entries |= inner.entries
    return Scalar(use.value, use.span), text.Mapping(entries, tree.span)


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


def _stand_in() -> list[nn.Parameter]:
    """For an optimizer whose groups are wrong: its own settings are still checked."""
    return [nn.Parameter(torch.zeros(1, 1))]

