"""Where the cursor is: in a key or a value of which mapping, and what is written there already."""

from __future__ import annotations

from dataclasses import dataclass

from edgraph.lsp.outline import Leaf, List, Map, Node, Pair, outline

MARK = "\0"  # stands for the cursor in the text that is looked at; no YAML has it


@dataclass(slots=True)
class Spot:
    """path: the keys that lead to the collection, or value, at the cursor; items of lists do not count.  maps: the
    mappings on that way, the innermost last.  before, after: what of the word or text is left and right of it.
    start: the offset at which that text begins, with its quote."""

    path: tuple[str, ...]
    maps: tuple[Map, ...]
    in_key: bool
    before: str
    after: str
    start: int
    flow: bool
    quote: str
    colon: bool  # of a key: one follows already

    def map(self, depth: int = 1) -> Map:
        """The mapping at the cursor, or with 2, 3, … those around it."""
        return self.maps[-depth] if len(self.maps) >= depth else Map()


def spot_at(text: str, offset: int) -> Spot | None:
    """None: in a comment, or where nothing can be told."""
    line = text[text.rfind("\n", 0, offset) + 1:offset]
    if line.lstrip().startswith("#") or " #" in _without_quotes(line):
        return None
    if MARK in text:
        text = text.replace(MARK, " ")
    tree = outline(text[:offset] + MARK + text[offset:])
    return None if tree is None else _find(tree, (), (), False)


def _without_quotes(line: str) -> str:
    parts = line.replace('"', "'").split("'")
    return "".join(parts[::2])


def _find(node: Node, path: tuple[str, ...], maps: tuple[Map, ...], flow: bool) -> Spot | None:
    if isinstance(node, Leaf):
        return _spot(node, path, maps, flow) if MARK in node.text else None
    if isinstance(node, List):
        return next((found for item in node.items
                     if (found := _find(item, path, maps, flow or node.flow)) is not None), None)
    for pair in node.pairs:
        found = _in_pair(pair, path, (*maps, node), flow or node.flow)
        if found is not None:
            return found
    return None


def _in_pair(pair: Pair, path: tuple[str, ...], maps: tuple[Map, ...], flow: bool) -> Spot | None:
    if MARK in pair.key.text:
        return _spot(pair.key, path, maps, flow, in_key=True, colon=pair.colon)
    return None if pair.value is None else _find(pair.value, (*path, pair.name), maps, flow)


def _spot(leaf: Leaf, path: tuple[str, ...], maps: tuple[Map, ...], flow: bool, in_key: bool = False,
          colon: bool = False) -> Spot:
    before, _, after = leaf.text.partition(MARK)
    return Spot(path, maps, in_key, before, after, leaf.start, flow, leaf.quote, colon)
