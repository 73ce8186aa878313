"""From a name to where it is declared, and to every place at which it stands."""

from __future__ import annotations

from edgraph.lsp.analysis import Analysis
from edgraph.lsp.sites import Key, Site
from edgraph.text.source import Span


def definition(analysis: Analysis, offset: int) -> list[Site]:
    """Where the name at an offset is declared. An entry that is laid over an included one has several places: those
    that the cursor is not on come first."""
    site = analysis.site(offset)
    if site is None:
        return []
    given = analysis.index.given(site.key) or _made_by(analysis, site.key)
    return sorted(given, key=lambda other: other.span == site.span)


def references(analysis: Analysis, offset: int, declaration: bool = True) -> list[Span]:
    """Every place at which the name at an offset stands, in the document and the files that it includes."""
    site = analysis.site(offset)
    if site is None:
        return []
    return [other.span for other in analysis.index.of(site.key) if declaration or not other.gives]


def _made_by(analysis: Analysis, key: Key) -> list[Site]:
    """Of an op that a pattern makes, the use of the pattern; of a part of a value, the op."""
    if key.kind == "op" and "." in key.name:
        return analysis.index.given(Key("pattern", key.scope, key.name.split(".")[0]))
    if key.kind == "field":
        scope, op = key.scope.split(":", 1)
        return analysis.index.given(Key("op", scope, op)) or _made_by(analysis, Key("op", scope, op))
    return []
