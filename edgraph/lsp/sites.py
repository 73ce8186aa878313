"""Where names stand: each place at which an op, model, parameter … is given or used."""

from __future__ import annotations

from typing import Literal, NamedTuple

from edgraph.text.source import Span

Kind = Literal["op", "pattern", "graph", "model", "optimizer", "data", "stage", "logger", "param", "output", "argument",
               "field", "kind", "use", "setting", "port", "section"]


class Key(NamedTuple):
    """What a name means. scope says to what it belongs:

    op, pattern, param: a graph, or "" for the pipeline.  output, argument: a graph.  field: "SCOPE:OP".
    kind: an op type.  use: "data", "model", …, for a registered name.  setting: "op:TYPE" or "model:NAME", for a key of
    `with`.  port: an op type, for a key of `inputs`.  section: the path of the mapping that a fixed key stands in.
    """

    kind: Kind
    scope: str
    name: str


class Site(NamedTuple):
    """A name in a file."""

    key: Key
    span: Span
    gives: bool = False  # it is declared here, else used
    whole: Span | None = None  # with `gives`: the entry, key and value
