"""The optimizers that a pipeline declares: what is the same to build on every framework."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Set
from pathlib import Path
from typing import Any

from edgraph.backends.entries import OptimizerEntry
from edgraph.backends.groups import Chosen, Found, choose_groups
from edgraph.data.construct import Constructor
from edgraph.ops.registry import Registered
from edgraph.text import source as text
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Scalar, Span
from edgraph.text.suggest import did_you_mean


class OptimizerBuilder:
    """Builds one entry of `optimizers`; what is wrong goes to the diagnostics. A backend says what an optimizer is."""

    def __init__(self, entry: OptimizerEntry, models: Mapping[str, Any], frozen: Set[str], *,
                 registered: Mapping[str, Registered], failed: Set[str], expression: Callable[..., Any] | None,
                 folder: Path, diagnostics: Diagnostics) -> None:
        self.entry = entry
        self.models = models
        self.frozen = frozen
        self.failed = failed  # models that could not be built, which was said already
        self.expression = expression  # of the learning rate
        self.folder = folder
        self.diagnostics = diagnostics
        self.make = Constructor(registered, folder, diagnostics, "optimizer")

    def parameters(self, path: str, span: Span) -> Found:
        """Those of a model or sub-module. Raises PipelineError."""
        raise NotImplementedError

    def groups(self) -> list[Chosen] | None:
        """What each entry of `updates` chooses; None where one of them is wrong."""
        return choose_groups(self.entry, self.parameters, frozen=self.frozen, failed=self.failed,
                             diagnostics=self.diagnostics)

    def check_groups(self, use: str, known: Collection[str]) -> None:
        """The groups' own settings are some that the optimizer has. Raises Failed."""
        failed = None
        for group in self.entry.updates:
            for key in group.settings:
                if key not in known:
                    failed = self.make.fail("unknown-parameter", f"optimizer '{use}' has no parameter '{key}'",
                                            group.model.span, did_you_mean(key, known))
        if failed:
            raise failed


def schedule_parts(make: Constructor, tree: text.Mapping) -> tuple[Scalar, text.Mapping]:
    """`use` of a schedule, and the settings that stand beside it or under `with`. Raises Failed."""
    use, inner = tree.get("use"), tree.get("with")
    if not isinstance(use, Scalar) or not isinstance(use.value, str):
        raise make.fail("missing-key", "a schedule has a 'use'", tree.span,
                        "such as 'schedule: {use: cosine, steps: 1000}'")
    entries = {key: entry for key, entry in tree.entries.items() if key not in ("use", "with")}
    if isinstance(inner, text.Mapping):
        entries |= inner.entries
    return Scalar(use.value, use.span), text.Mapping(entries, tree.span)
