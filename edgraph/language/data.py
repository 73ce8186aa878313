"""The sections `data` and `fixed_examples`."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from edgraph.language.fields import Fields, check_name, describe, first_line
from edgraph.language.pipeline import DataEntry
from edgraph.language.sections import Context, read_use
from edgraph.text.inserted import Broken
from edgraph.text.source import Entry, Mapping, Scalar, Sequence, Span, Tree
from edgraph.text.suggest import did_you_mean

KEYS = ("use", "with", "batch_size", "shuffle", "drop_last", "transform", "collate", "workers", "prefetch",
        "sampler", "limit", "like", "from", "folds", "fold", "part", "ignore")
PARTS: tuple[Literal["train", "validation"], ...] = ("train", "validation")
RESERVED_DATA = ("checkpoints", "none")
_HELP = "write NAME: {use: DATA SET, batch_size: N} for each data set"
_USE = "write use: and a registered data set or the import path of a class"
_HINTS = {"split": "parameters of the data set go under 'with'",
          "path": "parameters of the data set go under 'with'",
          "batch": "did you mean 'batch_size'?", "num_workers": "did you mean 'workers'?",
          "type": "a data set has 'use: …'"}
MAX_CHAIN = 100


def read_data(root: Mapping, context: Context) -> dict[str, DataEntry]:
    section = context.mapping(root, "data", _HELP)
    if section is None:
        return {}
    bases = _Bases(section, context)
    flat = {name: Entry(entry.span, bases.flatten(name)) for name, entry in section.entries.items()}
    root = Mapping({"data": Entry(root.entries["data"].span, Mapping(flat, section.span))}, root.span)
    entries = context.each(root, "data", "a data set", _HELP,
                           lambda name, span, tree: _entry(name, span, tree, context), reserved=RESERVED_DATA)
    context.broken.update(f"data.{name}" for name in bases.broken)
    return {name: replace(entry, base=name in bases.used) for name, entry in entries.items()}


class _Bases:
    """Lays entries over those that they are `like` or made `from`."""

    def __init__(self, section: Mapping, context: Context) -> None:
        self.section = section
        self.diagnostics = context.diagnostics
        self.done: dict[str, Tree] = {}
        self.open: list[str] = []
        self.broken: set[str] = set()
        self.used: set[str] = set()

    def flatten(self, name: str) -> Tree:
        if name in self.done:
            return self.done[name]
        tree = self.section.entries[name].value
        if isinstance(tree, Mapping):
            self.open.append(name)
            for key in ("like", "from"):
                if key in tree.entries:
                    tree = self.over(name, tree, key)
            self.open.pop()
        self.done[name] = tree
        return tree

    def over(self, name: str, tree: Mapping, key: str) -> Mapping:
        span, value = tree.entries[key]
        rest = {k: e for k, e in tree.entries.items() if k != key}
        target = value.value if isinstance(value, Scalar) else None
        if not isinstance(target, str):
            if target is not None or not isinstance(value, Scalar):
                self.diagnostics.error("wrong-type", f"{key!r} of data set {name!r} is {describe(value)}; "
                                       "expected the name of a data set", first_line(value.span))
        elif target in self.open:
            chain = " → ".join([*self.open[self.open.index(target):], target])
            self.diagnostics.error("data-cycle", f"data sets are made from each other: {chain}", value.span,
                                   "give one of them a 'use' of its own")
        elif target not in self.section.entries:
            self.diagnostics.error("unknown-data", f"there is no data set {target!r}", value.span,
                                   did_you_mean(target, [n for n in self.section.entries if n != name])
                                   or None)
        elif len(self.open) > MAX_CHAIN:
            self.diagnostics.error("data-cycle", f"a chain of more than {MAX_CHAIN} data sets", value.span)
        else:
            base = self.flatten(target)
            self.used.add(target)
            if not isinstance(base, Mapping):
                return Mapping(rest, tree.span)
            if key == "from" and "folds" in base.entries:
                self.diagnostics.error("exclusive-keys", f"{target!r} is a fold itself and has no folds",
                                       value.span,
                                       "divide the data set that it is made from")
            if key == "from" and "folds" not in tree.entries:
                self.diagnostics.error("missing-key", f"data set {name!r} has 'from' but not 'folds'", span,
                                       "write folds: 5, fold: 0, part: train; for a plain variant use 'like'")
            return _lay_over(tree, rest, base)
        self.broken.add(name)
        # Nothing more is said about an entry that is not all there.
        return Mapping({"use": Entry(span, Broken(None, value.span)), **rest}, tree.span)


def _lay_over(tree: Mapping, own: dict[str, Entry], base: Mapping) -> Mapping:
    """The entry's keys over the base's; `with` is merged key by key unless the entry has its own `use`."""
    entries = {**base.entries, **own}
    if "use" in own and "with" not in own:
        entries.pop("with", None)
    mine, other = own.get("with"), base.entries.get("with")
    if mine is not None and other is not None and "use" not in own \
            and isinstance(mine.value, Mapping) and isinstance(other.value, Mapping):
        merged = {**other.value.entries, **mine.value.entries}
        entries["with"] = Entry(mine.span, Mapping(merged, mine.value.span))
    return Mapping(entries, tree.span)


def _entry(name: str, span: Span, tree: Mapping, context: Context) -> DataEntry:
    fields = Fields(tree, f"data set {name!r}", KEYS, context.diagnostics, _HINTS)
    use = read_use(fields, help=_USE)
    folds = fields.integer("folds", 2)
    fold = fields.integer("fold", 0, None if folds is None else folds - 1)
    part = fields.choice("part", PARTS)
    if folds is None and not fields.has("from"):  # else that was said
        for key in ("fold", "part"):
            if fields.has(key) and not fields.has("folds"):
                context.diagnostics.error("missing-key", f"{fields.where} has {key!r} but not 'folds'",
                                          fields.key_span(key), "write folds: 5, fold: 0, part: train")
    elif folds is not None and not fields.has("part"):
        context.diagnostics.error("missing-key", f"{fields.where} has 'folds' but not 'part'",
                                  fields.key_span("folds"),
                                  "write part: train or part: validation")
    if fields.has("sampler") and fields.flag("shuffle") and fields.get("sampler") is not None:
        fields.exclusive("shuffle", "sampler")
    return DataEntry(
        name, span, use,
        batch_size=fields.integer("batch_size", 1) or 1,
        shuffle=fields.flag("shuffle"), drop_last=fields.flag("drop_last"), limit=fields.integer("limit", 1),
        transform=fields.get("transform"), collate=fields.name("collate"), sampler=fields.get("sampler"),
        workers=fields.integer("workers", 0) or 0, prefetch=_or(fields.integer("prefetch", 0), 2),
        folds=folds, fold=fold or 0, part=part, ignore=fields.texts("ignore"))


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def read_fixed_examples(root: Mapping, context: Context) -> dict[str, tuple[list[int], Span]]:
    help = "write {DATA SET: [0, 1, 2, 3]}"
    mapping = context.mapping(root, "fixed_examples", help)
    if mapping is None:
        return {}
    tree = context.insert(mapping)
    assert isinstance(tree, Mapping)
    context.resolved["fixed_examples"] = Entry(root.entries["fixed_examples"].span, tree)
    found: dict[str, tuple[list[int], Span]] = {}
    for name, entry in tree.entries.items():
        before = len(context.diagnostics)
        check_name(name, entry.span, "a data set", context.diagnostics, RESERVED_DATA)
        fields = Fields(tree, "'fixed_examples'", tree.entries, context.diagnostics)
        value = fields.get(name)
        if value is None:
            continue
        if not isinstance(value, Sequence):
            if not isinstance(value, Broken):
                fields.wrong(name, value, "a list of indices", "write [0, 1, 2, 3]")
            continue
        indices = [fields.as_integer(name, item, 0) for item in value.items]
        if not value.items:
            fields.error("out-of-range", name, f"{name!r} of 'fixed_examples' has no indices",
                         "write [0, 1, 2, 3]")
        seen: dict[int, Span] = {}
        for index, item in zip(indices, value.items, strict=True):
            if index is not None and index in seen:
                context.diagnostics.error("duplicate-value", f"the index {index} of {name!r} is given twice",
                                          item.span,
                                          "remove one of them", (("first given here", seen[index]),))
            elif index is not None:
                seen[index] = item.span
        if len(context.diagnostics) > before:
            context.broken.add(f"fixed_examples.{name}")
        found[name] = ([index for index in indices if index is not None], value.span)
    return found
