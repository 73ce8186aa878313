"""From what the features find to the protocol's types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lsprotocol import types

from edgraph.lsp.actions import Action
from edgraph.lsp.analysis import Analysis
from edgraph.lsp.hints import Hint
from edgraph.lsp.offers import Offer
from edgraph.lsp.positions import Area, Place, Text
from edgraph.lsp.rename import Change
from edgraph.lsp.symbols import Symbol
from edgraph.text.diagnostics import Diagnostic
from edgraph.text.source import Source, Span

SYMBOLS = {
    "section": types.SymbolKind.Namespace, "op": types.SymbolKind.Function, "model": types.SymbolKind.Class,
    "optimizer": types.SymbolKind.Object, "data": types.SymbolKind.Array, "stage": types.SymbolKind.Event,
    "graph": types.SymbolKind.Module, "param": types.SymbolKind.Constant, "pattern": types.SymbolKind.Interface,
    "logger": types.SymbolKind.File}

OFFERS = {
    "key": types.CompletionItemKind.Property, "op": types.CompletionItemKind.Variable,
    "function": types.CompletionItemKind.Function, "class": types.CompletionItemKind.Class,
    "model": types.CompletionItemKind.Class, "param": types.CompletionItemKind.Constant,
    "field": types.CompletionItemKind.Field, "keyword": types.CompletionItemKind.Keyword,
    "stage": types.CompletionItemKind.Event, "event": types.CompletionItemKind.Event,
    "graph": types.CompletionItemKind.Module, "clock": types.CompletionItemKind.Unit}


class Converter:
    """Of one analysis. uri: the document's, as the editor writes it."""

    def __init__(self, analysis: Analysis, uri: str) -> None:
        self.analysis = analysis
        self.uri = uri
        self._texts = {id(analysis.source): analysis.text}

    def text(self, source: Source) -> Text:
        if id(source) not in self._texts:
            self._texts[id(source)] = Text(source, self.analysis.encoding)
        return self._texts[id(source)]

    def range(self, span: Span) -> types.Range:
        return range_of(self.text(span.source).area(span))

    def location(self, span: Span) -> types.Location:
        return types.Location(self.uri_of(span.source), self.range(span))

    def uri_of(self, source: Source) -> str:
        if source.name == self.analysis.source.name or source.name.startswith("<"):
            return self.uri
        return Path(source.name).resolve().as_uri()

    def offset(self, position: types.Position) -> int:
        return self.analysis.text.at(Place(position.line, position.character))

    def line(self, number: int) -> int:
        """A line of the document as editors count."""
        return self.analysis.text.place(self.analysis.text.offset(number, 1)).line

    # -- diagnostics -------------------------------------------------------------------------------

    def diagnostics(self) -> list[types.Diagnostic]:
        """Everything there is to say about the document; what is wrong in an included file stands at `include`."""
        return [self.diagnostic(item) for item in self.analysis.diagnostics]

    def diagnostic(self, item: Diagnostic) -> types.Diagnostic:
        related = [(message, span) for message, span in item.related]
        message = item.message
        span = item.span
        if span is None or span.source.name != self.analysis.source.name:
            if span is not None:
                related.insert(0, (item.message, span))
                message = f"{span.place()}: {message}"
            span = self.include_span()
        return types.Diagnostic(
            self.range(span), message + (f"\nhelp: {item.help}" if item.help else ""),
            severity=types.DiagnosticSeverity.Error if item.severity == "error" else types.DiagnosticSeverity.Warning,
            code=item.code, source="edgraph",
            related_information=[types.DiagnosticRelatedInformation(self.location(where), text)
                                 for text, where in related] or None)

    def include_span(self) -> Span:
        """Where what has no place in the document is shown."""
        tree = self.analysis.files[0].tree
        entry = tree.entries.get("include") if tree is not None else None
        return entry.span if entry is not None else Span(self.analysis.source, 1, 1, 1, 1)

    def lines(self, of: types.Range) -> tuple[int, int]:
        """The lines of a range, counted from 1 as spans do."""
        text = self.analysis.text
        first, last = self.offset(of.start), self.offset(of.end)
        return text.span(first, first).line, text.span(last, last).line

    # -- changes and remarks -----------------------------------------------------------------------

    def edit(self, changes: list[Change]) -> types.WorkspaceEdit:
        found: dict[str, list[types.TextEdit]] = {}
        for change in changes:
            found.setdefault(self.uri_of(change.span.source), []).append(
                types.TextEdit(self.range(change.span), change.text))
        return types.WorkspaceEdit(found)

    def action(self, action: Action) -> types.CodeAction:
        return types.CodeAction(action.title, types.CodeActionKind.QuickFix, [self.diagnostic(action.diagnostic)],
                                is_preferred=action.certain or None, edit=self.edit(action.changes))

    def hint(self, hint: Hint) -> types.InlayHint:
        return types.InlayHint(self.range(hint.span).end, hint.text, tooltip=hint.tooltip, padding_left=True)

    # -- completion --------------------------------------------------------------------------------

    @staticmethod
    def item(offer: Offer, to: Text, snippets: bool) -> types.CompletionItem:
        """to: the text that it is for. snippets: the editor can fill in places."""
        edit = types.TextEdit(range_of(Area(to.place(offer.start), to.place(offer.end))),
                              offer.insert if snippets else offer.plain())
        as_snippet = snippets and offer.snippet
        return types.CompletionItem(
            offer.label, kind=OFFERS.get(offer.kind, types.CompletionItemKind.Value), detail=offer.detail or None,
            documentation=markdown(offer.doc) if offer.doc else None, text_edit=edit,
            insert_text_format=types.InsertTextFormat.Snippet if as_snippet else types.InsertTextFormat.PlainText)

    # -- the outline -------------------------------------------------------------------------------

    def symbols(self, found: list[Symbol]) -> list[types.DocumentSymbol]:
        return list(self._symbols(found))

    def _symbols(self, found: list[Symbol]) -> Iterator[types.DocumentSymbol]:
        for symbol in found:
            yield types.DocumentSymbol(
                symbol.name, SYMBOLS[symbol.kind], self.range(symbol.whole), self.range(symbol.name_span),
                detail=symbol.detail or None, children=self.symbols(symbol.children))


def range_of(area: Area) -> types.Range:
    return types.Range(types.Position(*area.start), types.Position(*area.end))


def markdown(text: str) -> types.MarkupContent:
    return types.MarkupContent(types.MarkupKind.Markdown, text)
