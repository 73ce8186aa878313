"""From parser events to a tree: one flat loop, since this is most of the cost of reading."""

from __future__ import annotations

from sys import intern
from typing import Any

from yaml import events

from edgraph.text.commas import Commas
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.scalars import STARTS, resolve
from edgraph.text.source import Entry, Mapping, Scalar, Sequence, Source, Span, Tree
from edgraph.text.suggest import did_you_mean

MAX_DEPTH = 100
MAX_EXPANSION = 100_000  # nodes that aliases may add to those in the text
_TAG_PREFIX = "tag:yaml.org,2002:"
_NUMBER_TAGS = frozenset(_TAG_PREFIX + kind for kind in ("int", "float", "bool", "null"))


def height(tree: Tree) -> int:
    """How many values stand inside each other, the outermost included."""
    if isinstance(tree, Scalar):
        return 1
    parts = tree.items if isinstance(tree, Sequence) else [entry.value for entry in tree.entries.values()]
    return 1 + max(map(height, parts), default=0)


def _tag_help(tag: str, event: Any) -> str:
    if "python" in tag:
        return "a pipeline holds data only; objects are made with 'use:' and 'with:'"
    if tag.startswith("!!"):
        return "leave it out; text is what stands in quotes"
    if type(event) is events.ScalarEvent and not event.value:
        return f"for a negation write 'not {tag[1:]}'; a text needs quotes"
    return "leave it out, or put the text in quotes"


class Stop(Exception):
    """Reading on makes no sense; a diagnostic says why."""


class Builder:
    """Builds the tree of one text. Mistakes that leave the rest readable are collected along the way."""

    def __init__(self, source: Source, diagnostics: Diagnostics) -> None:
        self.source = source
        self.diagnostics = diagnostics
        self.anchors: dict[str, tuple[Tree, int]] = {}  # and how many nodes it expands to
        self.expanded = 0
        self.merges: set[str] = set()  # stand-ins for `<<`
        self.junk: set[str] = set()  # stand-ins for keys that were reported: taken out again
        self.commas = Commas(diagnostics)

    def build(self, parser: Any) -> Tree | None:
        try:
            return self._build(parser)
        except Stop:
            return None
        finally:
            self.commas.report()

    def _build(self, parser: Any) -> Tree | None:
        next_event = parser.get_event
        source, anchors, special = self.source, self.anchors, STARTS
        scalar_event, mapping_start, sequence_start = (
            events.ScalarEvent, events.MappingStartEvent, events.SequenceStartEvent)
        mapping_end, sequence_end = events.MappingEndEvent, events.SequenceEndEvent
        span_of, entry_of = tuple.__new__, Entry
        # Exactly one of these holds the open container; `key` is the key whose value comes next.
        entries: dict[str, Entry] | None = None
        items: list[Tree] | None = None
        key: str | None = None
        key_span: Any = None
        opened: Any = None  # the event that opened the container
        stack: list[Any] = []
        root: Tree | None = None
        last_line = last_column = 0  # where the last node ended: block collections end there
        count = 0
        document = False

        while (event := next_event()) is not None:
            kind = type(event)
            count += 1
            node: Tree
            if kind is scalar_event:
                value = event.value
                start, end = event.start_mark, event.end_mark
                last_line, last_column = end.line + 1, end.column + 1
                span = span_of(Span, (source, start.line + 1, start.column + 1, last_line, last_column))
                if event.anchor is not None or event.tag is not None:
                    span = self._properties(event, span)
                if entries is not None and key is None:
                    if not event.style and (not value or value[0] in special or value == "<<"):
                        key = self._plain_key(value, span, entries)
                    else:
                        key = intern(value)
                    key_span = span
                    if key in entries:
                        key = self._duplicate(key, span, entries)
                    continue
                if event.style and event.tag not in _NUMBER_TAGS:
                    node = Scalar(value, span, value, False)
                elif not value:
                    node = Scalar(None, span, event.tag or "")
                    if entries and opened.flow_style and self.commas.join(entries, key, span):
                        key = None
                        continue
                elif value[0] in special:
                    node = Scalar(resolve(value), span, value)
                else:
                    node = Scalar(value, span, value)
                if event.anchor is not None:
                    anchors[event.anchor] = (node, 1)
            elif kind is mapping_start or kind is sequence_start:
                if len(stack) >= MAX_DEPTH:
                    self._too_deep(event)
                if event.tag is not None or event.anchor is not None:
                    self._properties(event, None)
                    anchors.pop(event.anchor, None)
                stack.append((entries, items, key, key_span, opened, count, self.expanded))
                opened, key = event, None
                entries, items = ({}, None) if kind is mapping_start else (None, [])
                continue
            elif kind is mapping_end or kind is sequence_end:
                start = opened.start_mark
                if opened.flow_style:
                    end = event.end_mark
                    last_line, last_column = end.line + 1, end.column + 1
                span = span_of(Span, (source, start.line + 1, start.column + 1, last_line, last_column))
                if entries is not None:
                    if self.junk:
                        self._drop_junk(entries)
                    node = Mapping(entries, span)
                else:
                    assert items is not None
                    node = Sequence(items, span)
                anchor = opened.anchor
                entries, items, key, key_span, opened, count_before, expanded_before = stack.pop()
                if anchor is not None:
                    anchors[anchor] = (node, count - count_before + self.expanded - expanded_before)
            elif kind is events.AliasEvent:
                node = self._alias(event, [*(frame[4] for frame in stack), opened], len(stack))
                last_line, last_column = event.end_mark.line + 1, event.end_mark.column + 1
            else:
                if kind is events.DocumentStartEvent:
                    if document:
                        self._second_document(event)
                        break
                    document = True
                continue

            # A finished node goes where it belongs.
            if entries is not None:
                if key is None:
                    key, key_span = self._node_key(node, entries)
                else:
                    entries[key] = entry_of(key_span, node)
                    key = None
            elif items is not None:
                items.append(node)
            else:
                root = node
        return root

    # -- what is rare ------------------------------------------------------------------------------

    def _span(self, event: Any) -> Span:
        start, end = event.start_mark, event.end_mark
        return Span(self.source, start.line + 1, start.column + 1, end.line + 1, end.column + 1)

    def _properties(self, event: Any, span: Span | None) -> Any:
        """Report a tag; the span of a scalar without its `&anchor`."""
        whole = self._span(event)
        line = self.source.line(whole.line)
        if event.tag is not None:
            tag = event.tag.replace(_TAG_PREFIX, "!!")
            at = line.find("!", whole.column - 1) + 1 or whole.column
            width = len(line[at - 1:].split()[0]) if line[at - 1:].split() else 1
            self.diagnostics.error(
                "yaml-tag", f"the tag {tag} is not allowed",
                Span(self.source, whole.line, at, whole.line, at + width),
                _tag_help(tag, event))
        if span is None or span.end_line != span.line:
            return span
        written = line[span.column - 1:span.end_column - 1]
        skipped = 0
        for word in written.split():
            if not word.startswith(("&", "!")):
                break
            skipped = written.index(word, skipped) + len(word)
        skipped += len(written[skipped:]) - len(written[skipped:].lstrip())
        return span._replace(column=span.column + skipped)

    def _plain_key(self, text: str, span: Span, entries: dict[str, Entry]) -> str:
        """A key without quotes that may not be text."""
        if text == "<<":
            self.diagnostics.error(
                "merge-key", "merge keys '<<' are not part of the language", span,
                "data entries have 'like: OTHER'; whole files are merged with 'include:'")
            name = self._stand_in()
            self.merges.add(name)
            return name
        value = resolve(text)
        if isinstance(value, str):
            return intern(text)
        if self.commas.open_value(entries):
            return text  # a piece of an expression with a comma
        self._not_text(text, value, span)
        return self._stand_in()

    def _not_text(self, text: str, value: object, span: Span) -> None:
        what = ("empty" if text == "" else "null" if value is None else "a truth value"
                if isinstance(value, bool) else "a number")
        shown = f"the key {text!r}" if text else "a key"
        self.diagnostics.error("bad-key", f"{shown} is {what}; keys are names", span,
                               f'write "{text}" in quotes if it is meant as text' if text
                               else "write a name before the ':'")

    def _stand_in(self) -> str:
        name = f"\0{len(self.junk)}"
        self.junk.add(name)
        return name

    def _drop_junk(self, entries: dict[str, Entry]) -> None:
        for name in [name for name in entries if name in self.junk]:
            value = entries.pop(name).value
            if name in self.merges and isinstance(value, Mapping):  # so that nothing seems to be missing
                entries.update({key: entry for key, entry in value.entries.items() if key not in entries})

    def _duplicate(self, key: str, span: Span, entries: dict[str, Entry]) -> str:
        first = entries[key].span
        self.diagnostics.error("duplicate-key", f"the key {key!r} is given twice", span,
                               "remove one of them, or give it another name", (("first given here", first),))
        return self._stand_in()

    def _node_key(self, node: Tree, entries: dict[str, Entry]) -> tuple[str, Span]:
        """A key that is a list or a mapping (an error), or an alias of a text."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            key = intern(node.value)
            return (self._duplicate(key, node.span, entries) if key in entries else key), node.span
        what = ("a list" if isinstance(node, Sequence) else "a mapping" if isinstance(node, Mapping)
                else "not text")
        braces = isinstance(node, Mapping)
        self.diagnostics.error(
            "bad-key", f"a key is {what}; keys are names", node.span,
            'a parameter needs quotes: "${name}"' if braces else "write a name before the ':'")
        return self._stand_in(), node.span

    def _alias(self, event: Any, open_events: list[Any], depth: int) -> Tree:
        name, span = event.anchor, self._span(event)
        if name in self.anchors:
            node, size = self.anchors[name]
            self.expanded += size
            if self.expanded > MAX_EXPANSION:
                self.diagnostics.error(
                    "alias-bomb", f"aliases expand the file by more than {MAX_EXPANSION:,} values", span,
                    "write less of it with '*' aliases")
                raise Stop
            if depth + height(node) > MAX_DEPTH:
                self._too_deep(event)
            return node
        if any(e is not None and e.anchor == name for e in open_events):
            self.diagnostics.error("recursive-alias", f"the alias '*{name}' stands inside what it names", span,
                                   "a value cannot contain itself")
        else:
            known = did_you_mean(name, self.anchors) if self.anchors else ""
            self.diagnostics.error("unknown-alias", f"nothing is anchored as '&{name}' above", span,
                                   known or "text that begins with '*' needs quotes")
        return Scalar(None, span, "*")

    def _too_deep(self, event: Any) -> None:
        self.diagnostics.error("too-deep", f"values are nested more than {MAX_DEPTH} deep", self._span(event),
                               "no part of a pipeline needs this; is a bracket not closed?")
        raise Stop

    def _second_document(self, event: Any) -> None:
        self.diagnostics.error("several-documents", "a second document begins here; a file holds one pipeline",
                               self._span(event), "remove the '---', or put it into a file of its own")
