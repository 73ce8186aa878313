"""The protocol: which request is answered by which feature. Nothing is decided here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from edgraph.language.format import format_text
from edgraph.lsp.actions import actions
from edgraph.lsp.analysis import Analysis
from edgraph.lsp.completion import complete
from edgraph.lsp.convert import Converter, markdown
from edgraph.lsp.definition import definition, references
from edgraph.lsp.documents import Documents
from edgraph.lsp.hints import hints
from edgraph.lsp.hover import hover
from edgraph.lsp.positions import Place, Text
from edgraph.lsp.rename import Refused, rename, renameable
from edgraph.lsp.symbols import folds, symbols
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Source

DELAY = 0.05  # seconds without a change after which a text is analysed
T = TypeVar("T")


class Server(LanguageServer):
    """One editor's server."""

    def __init__(self, imports: bool = False) -> None:
        super().__init__("edgraph", version("edgraph"), text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self.documents = Documents(imports)
        self._waiting: dict[str, asyncio.Task[None]] = {}

    def changed(self, uri: str, delay: float = DELAY) -> None:
        """The text of a document is new: soon it is analysed, unless it changes again before."""
        document = self.workspace.get_text_document(uri)
        self.documents.encoding = str(getattr(self.workspace.position_encoding, "value",
                                              self.workspace.position_encoding))
        self.documents.put(uri, to_fs_path(uri) or "<untitled>" if uri.startswith("file:") else "<untitled>",
                           document.source, document.version or 0)
        self.publish_soon(uri, delay)

    def publish_soon(self, uri: str, delay: float = 0.0) -> None:
        waiting = self._waiting.pop(uri, None)
        if waiting is not None:
            waiting.cancel()
        self._waiting[uri] = asyncio.get_running_loop().create_task(self._publish(uri, delay))

    async def _publish(self, uri: str, delay: float) -> None:
        await asyncio.sleep(delay)
        analysis = await self.documents.analysis(uri)
        document = self.documents.get(uri)
        if analysis is None or document is None:
            return
        found = await self.documents.work(Converter(analysis, uri).diagnostics)
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found, document.version))

    def closed(self, uri: str) -> None:
        waiting = self._waiting.pop(uri, None)
        if waiting is not None:
            waiting.cancel()
        self.documents.drop(uri)
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    @property
    def snippets(self) -> bool:
        """Whether the editor can fill in places of what it inserts."""
        document = self.client_capabilities.text_document
        completion = document.completion if document is not None else None
        item = completion.completion_item if completion is not None else None
        return bool(item is not None and item.snippet_support)

    async def ask(self, uri: str, feature: Callable[[Analysis, Converter], T]) -> T | None:
        """What a feature says of the newest text."""
        analysis = await self.documents.analysis(uri)
        if analysis is None:
            return None
        return await self.documents.work(lambda: feature(analysis, Converter(analysis, uri)))


def make(imports: bool = False) -> Server:
    """A server with all its features. imports: import the modules of the pipelines that are opened."""
    server = Server(imports)
    _texts(server)
    _looking(server)
    _page(server)
    _writing(server)
    return server


def _texts(server: Server) -> None:
    """What the editor says of its documents."""

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def opened(params: types.DidOpenTextDocumentParams) -> None:
        server.changed(params.text_document.uri, delay=0)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: types.DidChangeTextDocumentParams) -> None:
        server.changed(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(params: types.DidCloseTextDocumentParams) -> None:
        server.closed(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def saved(params: types.DidSaveTextDocumentParams) -> None:
        again()

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def on_disk(params: types.DidChangeWatchedFilesParams) -> None:
        again()

    def again() -> None:
        """A file that others include may be another now."""
        server.documents.forget()
        for uri in server.documents.uris():
            server.publish_soon(uri)


def _writing(server: Server) -> None:
    """What helps to write."""

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=[".", "$", "{", " "]))
    async def completions(params: types.CompletionParams) -> list[types.CompletionItem] | None:
        uri = params.text_document.uri
        document = server.documents.get(uri)
        if document is None:
            return None
        # an analysis of the text before the last change will do: what is being typed is wrong anyway
        analysis = document.analysis or await server.documents.analysis(uri)
        text = Text(Source(document.name, document.text), server.documents.encoding)
        offset = text.at(Place(params.position.line, params.position.character))
        offers = await server.documents.at_once(lambda: complete(analysis, text.text, offset))
        return [Converter.item(offer, text, server.snippets) for offer in offers]

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    async def may_rename(params: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder | None:
        def feature(analysis: Analysis, to: Converter) -> types.PrepareRenamePlaceholder:
            site = renameable(analysis, to.offset(params.position))
            return types.PrepareRenamePlaceholder(to.range(site.span), site.key.name)
        return await refusing(server.ask(params.text_document.uri, feature))

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    async def renames(params: types.RenameParams) -> types.WorkspaceEdit | None:
        return await refusing(server.ask(params.text_document.uri, lambda analysis, to: to.edit(
            rename(analysis, to.offset(params.position), params.new_name))))

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION,
                    types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix]))
    async def mend(params: types.CodeActionParams) -> list[types.CodeAction] | None:
        return await server.ask(params.text_document.uri, lambda analysis, to: [
            to.action(action) for action in actions(analysis, to.offset(params.range.start),
                                                    to.offset(params.range.end))])

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    async def formatted(params: types.DocumentFormattingParams) -> list[types.TextEdit] | None:
        document = server.documents.get(params.text_document.uri)
        if document is None:
            return None
        text = format_text(Source(document.name, document.text), Diagnostics())
        if text is None or text == document.text:
            return None
        end = types.Position(document.text.count("\n") + 1, 0)
        return [types.TextEdit(types.Range(types.Position(0, 0), end), text)]


async def refusing(answer: Awaitable[T]) -> T:
    """An answer, or the reason why there is none, as the protocol says it."""
    try:
        return await answer
    except Refused as reason:
        raise JsonRpcException(str(reason), types.LSPErrorCodes.RequestFailed) from None


def _looking(server: Server) -> None:
    """What is asked about a text, and changes nothing."""

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hovers(params: types.HoverParams) -> types.Hover | None:
        def feature(analysis: Analysis, to: Converter) -> types.Hover | None:
            found = hover(analysis, to.offset(params.position))
            return None if found is None else types.Hover(markdown(found.text), to.range(found.span))
        return await server.ask(params.text_document.uri, feature)

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    async def definitions(params: types.DefinitionParams) -> list[types.Location] | None:
        return await server.ask(params.text_document.uri, lambda analysis, to: [
            to.location(site.span) for site in definition(analysis, to.offset(params.position))])

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    async def uses(params: types.ReferenceParams) -> list[types.Location] | None:
        return await server.ask(params.text_document.uri, lambda analysis, to: [
            to.location(span) for span in references(analysis, to.offset(params.position),
                                                     params.context.include_declaration)])

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    async def outline(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol] | None:
        return await server.ask(params.text_document.uri, lambda analysis, to: to.symbols(symbols(analysis)))

    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    async def firings(params: types.InlayHintParams) -> list[types.InlayHint] | None:
        return await server.ask(params.text_document.uri, lambda analysis, to: [
            to.hint(hint) for hint in hints(analysis, *to.lines(params.range))])

    @server.feature(types.TEXT_DOCUMENT_FOLDING_RANGE)
    async def foldings(params: types.FoldingRangeParams) -> list[types.FoldingRange] | None:
        return await server.ask(params.text_document.uri, lambda analysis, to: [
            types.FoldingRange(to.line(fold.first), to.line(fold.last)) for fold in folds(analysis)])


def _page(server: Server) -> None:
    """A request of our own, for the panel of an editor's extension."""

    @server.feature("edgraph/page")
    async def html(params: Any) -> str | None:
        """The page of `edgraph graph --html`, of the newest version without errors; null: there is none yet."""
        from edgraph.page.build import page

        return await server.ask(params.textDocument.uri,
                                lambda analysis, to: None if analysis.graph is None else page(analysis.graph))
