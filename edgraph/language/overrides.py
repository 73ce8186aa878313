"""Overrides of the command line: `key.path=value`, laid over the file's tree."""

from __future__ import annotations

import re
from collections.abc import Sequence as Seq

from edgraph.language.declare import with_value
from edgraph.language.fields import describe, unknown_key
from edgraph.language.merge import written_out
from edgraph.language.ops import OP_KEYS
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.read import read_value
from edgraph.text.source import Entry, Mapping, Scalar, Sequence, Source, Span, Tree
from edgraph.text.suggest import did_you_mean, nearest

SOURCE = "command line"
# Sections whose keys are names that the author chose, and what an entry is called.
NAMED = {"data": "data set", "models": "model", "optimizers": "optimizer", "stages": "stage", "ops": "op",
         "patterns": "pattern", "graphs": "graph", "loggers": "logger", "params": "parameter",
         "fixed_examples": "data set"}
WHOLE = ("edgraph", "name", "description", "imports", "include")  # they have no keys
WEIGHTS = ("weights", "from")  # of a model: one of them
_LITERAL = ("params", "with")  # below these a null is a value, elsewhere it removes the key


def apply_overrides(root: Mapping, overrides: Seq[str], sections: Seq[str],
                    diagnostics: Diagnostics) -> Mapping:
    """The tree with every override in it. Wrong ones are left out and reported, with a caret under them."""
    for argument in overrides:
        override = Override(argument, diagnostics)
        if override.parse():
            changed = override.apply(root, sections)
            root = root if changed is None else changed
    return root


class Override:
    """One argument: its path with the place of each part, and its value."""

    def __init__(self, argument: str, diagnostics: Diagnostics) -> None:
        self.source = Source(SOURCE, argument)
        self.argument = argument
        self.diagnostics = diagnostics
        self.parts: list[str] = []
        self.spans: list[Span] = []
        self.value: Tree = Scalar(None, self._span(0, 0))
        self.patterns: list[str] = []

    def _span(self, start: int, end: int) -> Span:
        return Span(self.source, 1, start + 1, 1, end + 1)

    def parse(self) -> bool:
        path, sign, written = self.argument.partition("=")
        if not sign:
            self.diagnostics.error("bad-override", f"{self.argument!r} is no override; expected KEY=VALUE",
                                   self._span(0, max(len(self.argument), 1)),
                                   "write such as lr=3e-4 or run.num_steps=100")
            return False
        at = 0
        for part in path.split("."):
            self.parts.append(part)
            self.spans.append(self._span(at, at + len(part)))
            at += len(part) + 1
        if not all(part.strip() for part in self.parts) or re.search(r"\s", path):
            self.diagnostics.error("bad-override", "a name is missing before the '='" if not path.strip()
                                   else f"{path!r} is no path of keys", self._span(0, max(len(path), 1)),
                                   "write such as lr=3e-4 or run.num_steps=100")
            return False
        # Padded, so that the columns of the value are those of the argument.
        before = len(self.diagnostics)
        value = read_value(self.source, " " * (len(path) + 1) + written, self.diagnostics)
        if len(self.diagnostics) > before:
            return False
        end = len(self.argument)
        self.value = Scalar(None, self._span(end, end), "null") if value is None else value
        return True

    def apply(self, root: Mapping, sections: Seq[str]) -> Mapping | None:
        self.patterns = _names(root, "patterns")
        if len(self.parts) == 1:
            return self.parameter(root, sections)
        head = self.parts[0]
        if head not in sections and not head.startswith("x-"):
            names = [*sections, *_names(root, "params")]
            unknown_key(head, self.spans[0], "the pipeline", names, self.diagnostics)
            return None
        if head == "include":
            self.diagnostics.error("bad-override", "'include' cannot be overridden", self.spans[0],
                                   "edit the file, or override what it includes")
            return None
        self.join_op_name(root)
        return self.set(root, 0, False)

    def parameter(self, root: Mapping, sections: Seq[str]) -> Mapping | None:
        name = self.parts[0]
        known = _names(root, "params")
        if name not in known:
            help = did_you_mean(name, known) or "the pipeline has no parameters"
            if name in WHOLE:
                help = f"a bare name is a parameter; {name!r} is set in the file"
            elif name in sections:
                help = f"a bare name is a parameter; for the section write {name}.KEY=VALUE"
            elif (near := nearest(name, [each for each in sections if each not in WHOLE])) is not None \
                    and nearest(name, known) is None:
                help = f"a bare name is a parameter; for the section write {near}.KEY=VALUE"
            self.diagnostics.error("unknown-parameter", f"there is no parameter {name!r}", self.spans[0],
                                   help)
            return None
        self.parts.insert(0, "params")
        self.spans.insert(0, self.spans[0])
        return self.set(root, 0, False)

    def join_op_name(self, root: Mapping) -> None:
        """`ops.train.critic.every`: the name of an op that the pattern `train` makes has a dot."""
        ops = _names(root, "ops")
        if self.parts[0] != "ops" or len(self.parts) < 3 or self.parts[1] in ops:
            return
        ends = [end for end in range(len(self.parts), 2, -1) if ".".join(self.parts[1:end]) in ops]
        if not ends and self.parts[1] in self.patterns:
            ends = [next((i for i in range(3, len(self.parts)) if self.parts[i] in OP_KEYS), len(self.parts))]
        for end in ends[:1]:
            first, last = self.spans[1], self.spans[end - 1]
            self.parts[1:end] = [".".join(self.parts[1:end])]
            self.spans[1:end] = [first._replace(end_column=last.end_column)]

    # -- descending --------------------------------------------------------------------------------

    def set(self, tree: Mapping, depth: int, literal: bool) -> Mapping | None:
        """The mapping with the value at parts[depth:]; None after an error."""
        key, span = self.parts[depth], self.spans[depth]
        entries = dict(tree.entries)
        old = entries.get(key)
        last = depth == len(self.parts) - 1
        what = self.named(depth)
        removes = last and not literal and isinstance(self.value, Scalar) and self.value.value is None
        must_exist = not last or removes or what == "parameter"
        if what is not None and old is None and must_exist and "." not in key:
            self.unknown_name(what, key, span, tree, depth)
            return None
        if removes:
            if old is None:
                # the path may be one that the file does not use; the typed reading says whether it exists
                entries[key] = Entry(span, Scalar(None, self.value.span, "null"))
            elif "." in key:
                entries[key] = Entry(span, self.value)
            else:
                del entries[key]
            return Mapping(entries, tree.span)
        if last:
            declared = self.parts[0] == "params" and depth == 1
            entries[key] = Entry(span, with_value(old.value, self.value) if old and declared else self.value)
            if self.parts[0] == "models" and key in WEIGHTS and depth == 2:
                for other in set(WEIGHTS) - {key}:
                    entries.pop(other, None)  # the model gets its weights from here now
            return Mapping(entries, tree.span)
        below = self.descend(old, depth)
        inner = None if below is None else self.set(below, depth + 1, literal or key in _LITERAL)
        if inner is None:
            return None
        entries[key] = Entry(span if old is None else old.span, inner)
        return Mapping(entries, tree.span)

    def descend(self, old: Entry | None, depth: int) -> Mapping | None:
        """The mapping under a key, where there can be one."""
        if old is None or (isinstance(old.value, Scalar) and old.value.value is None):
            return Mapping({}, self.spans[depth])
        if isinstance(old.value, Mapping):
            return old.value
        if self.named(depth) == "op" and isinstance(op := written_out(old.value), Mapping):
            return op
        path = ".".join(self.parts[:depth + 1])
        is_list = isinstance(old.value, Sequence)
        help = f"a list is replaced as a whole: {path}=[…]" if is_list else f"write {path}=VALUE"
        if depth == 0:
            help = f"{path!r} is set in the file"
        self.diagnostics.error("bad-override",
                               f"{path!r} is {describe(old.value)} and has no key {self.parts[depth + 1]!r}",
                               self.spans[depth + 1], help, (("it is given here", old.value.span),))
        return None

    def named(self, depth: int) -> str | None:
        """What parts[depth] names, if it is a name that the author chose."""
        if depth == 1:
            return NAMED.get(self.parts[0])
        if depth == 3 and self.parts[0] == "graphs":
            return {"ops": "op", "patterns": "pattern", "params": "parameter"}.get(self.parts[2])
        return None

    def unknown_name(self, what: str, key: str, span: Span, tree: Mapping, depth: int) -> None:
        where = f" in graph {self.parts[1]!r}" if self.parts[0] == "graphs" and len(self.parts) > 3 else ""
        known = [*tree.entries, *(self.patterns if what == "op" and depth == 1 else ())]
        help = did_you_mean(key, known) if known else f"the pipeline has no {what}s"
        self.diagnostics.error(f"unknown-{what.replace('data set', 'data')}",
                               f"there is no {what} {key!r}{where}", span, help or None)


def _names(root: Mapping, section: str) -> list[str]:
    tree = root.get(section)
    return list(tree.entries) if isinstance(tree, Mapping) else []
