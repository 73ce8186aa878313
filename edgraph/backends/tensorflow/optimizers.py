"""The optimizers that a pipeline declares, constructed: a rule for each group of parameters, and the schedule."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from edgraph.backends import optimizers
from edgraph.backends.groups import Chosen, Found
from edgraph.backends.optimizers import schedule_parts
from edgraph.backends.schedules import FACTORS
from edgraph.backends.tensorflow import names, schedules
from edgraph.backends.tensorflow.framework import keras, tf
from edgraph.backends.tensorflow.keras_rule import KerasRule
from edgraph.backends.tensorflow.rules import HINTS, RULES, Rule
from edgraph.backends.tensorflow.tape import Recorder
from edgraph.backends.tensorflow.tree import module_at, variables
from edgraph.backends.tensorflow.updater import Updater
from edgraph.data.construct import Constructor, Failed
from edgraph.ops.registry import Registered
from edgraph.ops.signature import parameters_of
from edgraph.text import source as text
from edgraph.text.source import Span


class OptimizerBuilder(optimizers.OptimizerBuilder):
    """See edgraph.backends.optimizers."""

    def build(self, recorder: Recorder) -> Updater | None:
        """The optimizer with its schedule, or None."""
        groups = self.groups()
        try:
            rules = self._rules(groups)
            if groups is None:
                return None
            updater = Updater(self.entry.name, rules, recorder, clip_norm=self.entry.clip_norm,
                              clip_value=self.entry.clip_value, per_step=self.entry.per == "step")
            updater.schedule = self._schedule(rules)
        except Failed:
            return None
        return updater

    def parameters(self, path: str, span: Span) -> Found:
        own = variables(module_at(self.models, path, span))
        return Found(list(own.parameters.items()), bool(own.parameters or own.buffers))

    # -- rules -----------------------------------------------------------------------------------------

    def _rules(self, groups: list[Chosen] | None) -> list[Rule]:
        use, span = self.entry.use.use.text, self.entry.use.use.span
        known = RULES.get(use) if use in self.make.registered else None
        target = known or self.make.find(use, span)
        chosen = groups or [Chosen([tf.Variable(tf.zeros((1, 1)))], {})]  # its own settings are still checked
        made = [self._rule(use, target, group, known is not None) for group in chosen]
        self.default = float(self._rule(use, target, Chosen(chosen[0].parameters, {}), known is not None).base)
        return made

    def _rule(self, use: str, target: Callable[..., Any], group: Chosen, shared: bool) -> Rule:
        """The optimizer's settings, with the group's own over them."""
        item = self.make.registered.get(use)
        if item is None or item.params is None:
            params, is_open, _ = parameters_of(target)
            item = Registered(use, params, target, open_params=is_open)
        given = self.entry.use.settings
        self.check_groups(use, [*(p.name for p in item.params or ()), "lr"])

        def make(**settings: Any) -> Rule:
            settings = {**settings, **group.settings}
            if shared:
                plain = {key: value for key, value in settings.items() if key not in HINTS}
                return RULES[use](group.parameters, **plain)
            return self._keras(use, target, group.parameters, settings)
        made = Constructor({use: Registered(use, item.params, make, open_params=item.open_params)}, self.folder,
                           self.diagnostics, "optimizer").make(use, self.entry.use.use.span, given)
        assert isinstance(made, Rule)
        return made

    def _keras(self, use: str, target: Callable[..., Any], parameters: list[Any], settings: dict[str, Any]) -> Rule:
        if inspect.isclass(target):
            settings = {"learning_rate" if key == "lr" else key: value for key, value in settings.items()}
        made = target(**settings)
        if not isinstance(made, keras.optimizers.Optimizer):
            raise self.make.fail("not-an-optimizer", f"'{use}' gave a {type(made).__name__}, and an optimizer is a "
                                 "keras.optimizers.Optimizer", self.entry.use.use.span,
                                 "name a class of optimizers, such as Adam or keras.optimizers.Lion")
        by_id = {id(v.value): v for model in self.models.values() for v in model.weights}
        return KerasRule(parameters, [by_id[id(p)] for p in parameters if id(p) in by_id], made)

    # -- the schedule ----------------------------------------------------------------------------------

    def _schedule(self, rules: list[Rule]) -> schedules.Schedule | None:
        tree = self.entry.schedule
        if self.expression is not None:
            return schedules.Computed(rules, self.default, self.expression)
        if not isinstance(tree, text.Mapping):
            return None
        make = Constructor(names.schedules(), self.folder, self.diagnostics, "schedule")
        use, settings = schedule_parts(make, tree)
        made = make.make(use.raw, use.span, settings)
        if use.raw in FACTORS:
            return schedules.Scaled(rules, made)
        return schedules.Computed(rules, self.default, partial(_keras_rate, made))


def _keras_rate(schedule: Callable[[Any], Any], position: Any, step: Any, epoch: Any) -> Any:
    """What a schedule of Keras gives at a position."""
    return schedule(position)
