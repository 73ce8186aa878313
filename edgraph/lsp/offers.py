"""Offers for completion, each with what it inserts and in place of what."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from edgraph.lsp import structure
from edgraph.lsp.analysis import Analysis
from edgraph.lsp.outline import Map
from edgraph.lsp.sites import Key, Kind
from edgraph.lsp.spot import Spot
from edgraph.lsp.vocabulary import item_words, kind_words
from edgraph.ops.document import typed
from edgraph.ops.registry import Kind as Registry
from edgraph.ops.registry import Registered, registry
from edgraph.ops.spec import ParamSpec
from edgraph.text.codes import CODES, WARNINGS

CLOCKS = (  # (label, what is inserted, what it means)
    ("10 steps", "${1:10} steps", "on steps 10, 20, 30, …"),
    ("1 epoch", "${1:1} epoch", "on the last step of every such span; `0.5 epochs` is possible"),
    ("10 updates", "${1:10} updates", "on the step of every 10th applied update of the optimizer"),
    ("10 minutes", "${1:10} minutes", "on the first step at least that long after the last firing; also `30 s`, `2 h`"),
    ("first", "first", "on step 1"),
    ("last", "last", "on the planned last step"),
    ("[first, 50 steps]", "[first, ${1:50} steps]", "a list: on the steps of all of them"),
    ("{steps, offset}", "{steps: ${1:10}, offset: ${2:3}}", "on steps 3, 13, 23, …"),
    ("{steps, from, until}", "{steps: ${1:10}, from: ${2:95}, until: ${3:1000}}", "on steps 100, 110, …, 1000"),
    ("{steps, grow, max}", "{steps: ${1:1}, grow: ${2:2}, max: ${3:1000}}", "a growing interval: steps 1, 2, 4, 8, …"),
    ("{cycle, positions}", "{cycle: ${1:6}, positions: [${2:1}]}", "on those positions of a repeating cycle of steps"),
    ("{updates, of}", "{updates: ${1:10}, of: ${2:OPTIMIZER}}", "on every 10th applied update of that optimizer"),
    ("{firings, of}", "{firings: ${1:5}, of: ${2:OP}}", "when that effect fires for the 5th, 10th, … time"),
    ("{first: STAGE}", "{first: ${1:STAGE}}", "on the first step of a stage"),
    ("{last: STAGE}", "{last: ${1:STAGE}}", "on the last step of a stage"),
)
_PLACEHOLDER = re.compile(r"\$\{\d+:([^}]*)\}|\$\d")


@dataclass(frozen=True, slots=True)
class Offer:
    """start, end: the offsets of the text that is replaced. snippet: the insert has places to fill in, `${1:name}`."""

    label: str
    insert: str
    start: int
    end: int
    kind: str = "value"  # "key", "op", "model", …, "function"
    detail: str = ""
    doc: str = ""
    snippet: bool = False

    def plain(self) -> str:
        """The insert for editors without snippets."""
        return _PLACEHOLDER.sub(lambda match: match[1] or "", self.insert) if self.snippet else self.insert


class Offers:
    """Collects what fits at a spot."""

    def __init__(self, analysis: Analysis | None, spot: Spot, text: str, offset: int, scope: str) -> None:
        self.analysis = analysis
        self.text = text
        self.spot = spot
        self.offset = offset
        self.scope = scope
        self.found: list[Offer] = []

    # -- what there is in the pipeline ---------------------------------------------------------------

    def entries(self, kind: Kind) -> list[str]:
        """The names of a section: those of the text first, then those of its includes."""
        section = next((section for section, of in structure.SECTION_KINDS.items() if of == kind), "")
        known = self.analysis.index.names.entries.get(kind, set()) if self.analysis is not None else set()
        return _merged(self._here(section), known)

    def ops(self) -> list[str]:
        """The ops of this scope, those of patterns too."""
        names = self.analysis.index.names if self.analysis is not None else None
        known = list(names.ops.get(self.scope, ())) if names is not None else []
        patterns = list(names.patterns.get(self.scope, ())) if names is not None else []
        here = self._here("ops") if not self.scope else []
        return [name for name in _merged(here, [*known, *patterns]) if "." not in name and not self._is_this(name)]

    def params(self, scope: str) -> list[str]:
        return sorted(self.analysis.index.names.params.get(scope, ())) if self.analysis is not None else []

    def role_of(self, graph: str, name: str) -> Kind | None:
        """What a graph's parameter names, as its uses tell."""
        return self.analysis.index.roles.get(Key("param", graph, name)) if self.analysis is not None else None

    def _here(self, section: str) -> list[str]:
        root = self.spot.maps[0] if self.spot.maps else Map()
        value = root.get(section)
        return [pair.name for pair in value.pairs if pair.colon] if isinstance(value, Map) else []

    def _is_this(self, name: str) -> bool:
        return self.spot.in_key and self.spot.before + self.spot.after == name

    # -- adding ----------------------------------------------------------------------------------------

    def add(self, label: str, insert: str, kind: str = "value", detail: str = "", doc: str = "",
            snippet: bool = False) -> None:
        """In place of the whole word or text at the cursor."""
        quote, before, after = self.spot.quote, self.spot.before, self.spot.after
        before = re.split(r"\n\s*", before)[-1].removeprefix(quote)
        after = after.removesuffix(quote).split("\n")[0].rstrip()
        self.found.append(Offer(label, insert, self.offset - len(before), self.offset + len(after), kind, detail, doc,
                                snippet))

    def names(self, names: Iterable[str], kind: str) -> None:
        for name in names:
            self.add(name, name, kind, kind)

    def keyed(self, names: Iterable[str], detail: str) -> None:
        for name in names:
            self.key(name, detail)

    def key(self, name: str, detail: str = "", doc: str = "") -> None:
        """A key that the mapping does not have yet."""
        if all(pair.name != name or not pair.colon for pair in self.spot.map().pairs):
            self.add(name, name if self.spot.colon else f"{name}: ", "key", detail, doc)

    def schema_keys(self, keys: dict[str, dict[str, Any]]) -> None:
        for name, schema in keys.items():
            self.key(name, doc=str(schema.get("markdownDescription") or schema.get("description")
                                   or structure.FALLBACK.get(name, "")))

    def params_as_keys(self, params: Iterable[ParamSpec]) -> None:
        for param in params:
            self.key(param.name, typed(param), param.doc)

    def ports(self, op: str) -> None:
        spec = registry.ops.get(op)
        for item in spec.inputs if spec is not None else ():
            if not item.variadic:
                self.key(item.name, "input" if item.required else "input, optional", item.doc)

    def kinds(self) -> None:
        for name, spec in registry.ops.items():
            self.add(name, name, "function", spec.family, kind_words(name))

    def registered(self, kind: Registry) -> None:
        for name, item in registry.table(kind).items():
            if isinstance(item, Registered):
                self.add(name, name, "class", kind, item_words(kind, name))

    def codes(self) -> None:
        for code in WARNINGS:
            self.add(code, code, "value", "warning", CODES[code].about)

    def role(self, kind: Kind | None) -> None:
        """The entries that a parameter of this role may name."""
        if kind == "op":
            self.names(self.ops(), "op")
        elif kind is not None:
            self.names(self.entries(kind), "data set" if kind == "data" else kind)

    def choices(self, schema: dict[str, Any]) -> None:
        for text, doc in choices(schema):
            self.add(text, text, doc=doc)

    def clocks(self) -> None:
        for label, insert, doc in CLOCKS:
            self.add(label, insert, "clock", doc=doc, snippet=True)

    def _closed(self) -> bool:
        """Whether the line has a brace for the `${` at the cursor besides those for its mappings."""
        start, end = self.text.rfind("\n", 0, self.offset) + 1, self.text.find("\n", self.offset)
        line = self.text[start:end if end >= 0 else len(self.text)]
        return bool(self.spot.quote) or line.count("{") <= line.count("}")

    def insertions(self) -> None:
        """`${name}`, with quotes where braces would be read as YAML."""
        spot = self.spot
        begin = spot.before.rindex("${")
        end = self.offset + len(re.split(r"\W", spot.after)[0])
        if self.text[end:end + 1] == "}" and (not spot.flow or self._closed()):
            end += 1
        bare = spot.flow and not spot.quote and begin == 0
        for name in _merged(self.params(self.scope), self.params("")):
            text = f'"${{{name}}}"' if bare else f"${{{name}}}"
            self.found.append(Offer(f"${{{name}}}", text, spot.start + begin, end, "param", "parameter"))


def choices(schema: dict[str, Any]) -> list[tuple[str, str]]:
    """The values that a schema lists, and its default, each with what is said of it."""
    found: dict[str, str] = {}
    for part in [schema, *map(structure.resolved, schema.get("anyOf", ()))]:
        kinds = part.get("type", [])
        for value in [*part.get("enum", ()), *([True, False] if "boolean" in kinds else ())]:
            found.setdefault(_written(value), "")
    if schema.get("default") is not None and not isinstance(schema["default"], (list, dict)):
        found[_written(schema["default"])] = "the default"
    return list(found.items())


def _written(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _merged(first: Iterable[str], then: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*first, *sorted(then)]))

