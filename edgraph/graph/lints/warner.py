"""Where warnings go, unless the author silenced them; and what several lints ask of a graph."""

from __future__ import annotations

from collections.abc import Iterable

from edgraph.graph import clocks
from edgraph.graph.clocks import ALWAYS, Clock, TooComplex
from edgraph.graph.ir import Graph, Node
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Span


class Warner:
    """Warns about one graph."""

    def __init__(self, graph: Graph, diagnostics: Diagnostics) -> None:
        self.graph = graph
        self.diagnostics = diagnostics
        self.silent = frozenset(graph.pipeline.run.ignore)

    def op(self, node: Node, code: str, message: str, help: str) -> None:
        """About a node, at its name; silenced by its op's `ignore` or a comment."""
        self.at(node.span, code, message, help, node.entry.ignore if node.entry is not None else ())

    def at(self, span: Span, code: str, message: str, help: str, ignored: Iterable[str] = ()) -> None:
        """About anything else; `ignored`: what the entry that it belongs to silences."""
        if code not in self.silent and code not in ignored and code not in span.source.ignores.get(span.line, ()):
            self.diagnostics.warning(code, message, span, help)

    def knows_all_ops(self) -> bool:
        """Whether it is known what each op does: one from a module that was not imported may use anything."""
        return not self.graph.pipeline.broken and all(
            node.spec.engine or node.spec.implementation is not None or node.kind == "condition"
            for graph in self.graph.graphs() for node in graph.nodes.values())


def first_step(clock: Clock) -> int | None:
    """The first step on which it may fire; None: never, as far as can be told."""
    try:
        return clocks.first(clock)
    except TooComplex:
        return 1


def covers(big: Clock, small: Clock, last: int | None) -> bool:
    """Whether one clock holds on every step of another."""
    try:
        return clocks.includes(big, small, last) is None
    except TooComplex:
        return False


def every_step(clock: Clock, last: int | None) -> bool:
    """Whether it surely fires on every step of the run."""
    return clock is ALWAYS or (clock.is_pure and covers(clock, ALWAYS, last))


def named(names: Iterable[str]) -> str:
    """"'a'", "'a' and 'b'", "'a', 'b' and 3 more"."""
    quoted = [f"'{name}'" for name in names]
    if len(quoted) > 3:
        quoted = [*quoted[:2], f"{len(quoted) - 2} more"]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
