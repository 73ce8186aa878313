"""The server as an editor meets it: a process that is talked to on stdin and stdout."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lsp_tools import DIGITS, ROOT, TEXT, cursor, digits

types = pytest.importorskip("lsprotocol.types")
pytest.importorskip("pygls")
WAIT = 60  # seconds: on a busy machine a new process takes its time
Talk = Callable[["Editor"], Awaitable[None]]


class Editor:
    """A client with one document open."""

    def __init__(self, client: Any, uri: str) -> None:
        self.client = client
        self.uri = uri
        self.version = 0
        self.shown: asyncio.Queue[Any] = asyncio.Queue()

    @property
    def document(self) -> Any:
        return types.TextDocumentIdentifier(self.uri)

    async def write(self, text: str) -> list[Any]:
        """Open the document with a text, or change it to one; the diagnostics of that version."""
        self.version += 1
        if self.version == 1:
            item = types.TextDocumentItem(self.uri, "yaml", self.version, text)
            self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        else:
            change = types.TextDocumentContentChangeWholeDocument(text)
            known = types.VersionedTextDocumentIdentifier(self.version, self.uri)
            self.client.text_document_did_change(types.DidChangeTextDocumentParams(known, [change]))
        return await self.diagnostics()

    async def diagnostics(self) -> list[Any]:
        while True:
            shown = await asyncio.wait_for(self.shown.get(), WAIT)
            if shown.version == self.version and shown.uri == self.uri:
                return list(shown.diagnostics)

    async def at(self, marked: str) -> Any:
        """Write a text; the position of its cursor."""
        text, offset = cursor(marked)
        await self.write(text)
        before = text[:offset]
        line = before.rsplit("\n", 1)[-1]
        return types.Position(before.count("\n"), len(line.encode("utf-16-le")) // 2)


def talk(conversation: Talk, path: Path = DIGITS, options: tuple[str, ...] = ()) -> None:
    """Starts a server, has a conversation with it, and ends it as the protocol says."""
    from pygls.lsp.client import LanguageClient

    async def go() -> None:
        client = LanguageClient("test", "1")
        editor = Editor(client, path.as_uri())

        @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def shown(params: Any) -> None:
            editor.shown.put_nowait(params)

        await client.start_io(sys.executable, "-m", "edgraph", "lsp", *options, cwd=str(ROOT))
        started = types.InitializeParams(types.ClientCapabilities(), root_uri=ROOT.as_uri())
        await asyncio.wait_for(client.initialize_async(started), WAIT)
        client.initialized(types.InitializedParams())
        await conversation(editor)
        await asyncio.wait_for(client.shutdown_async(None), WAIT)
        client.exit(None)
        await asyncio.wait_for(client._server.wait(), WAIT)
        assert client._server.returncode == 0
        await client.stop()

    asyncio.run(go())


def test_diagnostics_as_one_types() -> None:
    async def conversation(editor: Editor) -> None:
        assert await editor.write(TEXT) == []
        wrong = digits("{op: log_scalars, inputs: [loss", "{op: log_scalrs, inputs: [loss")
        (found,) = await editor.write(wrong)
        assert (found.code, found.severity, found.source) == ("unknown-op", types.DiagnosticSeverity.Error, "edgraph")
        assert "help: did you mean 'log_scalars'?" in found.message
        line = wrong.splitlines()[found.range.start.line]
        assert line[found.range.start.character:found.range.end.character] == "log_scalrs"
        assert await editor.write(TEXT) == []
    talk(conversation)


def test_positions_beside_other_alphabets() -> None:
    """An emoji is two units of UTF-16, which is what editors count."""
    async def conversation(editor: Editor) -> None:
        (found,) = await editor.write('ops:\n  a: {op: print, doc: "😀😀", inputs: größe, every: 5}\n')
        assert (found.range.start.character, found.range.end.character) == (38, 43)
        position = await editor.at('ops:\n  größe: 1.0\n  a: {op: print, doc: "😀😀", inputs: grö‸ße, every: 5}\n')
        (place,) = await editor.client.text_document_definition_async(types.DefinitionParams(editor.document, position))
        assert place.range == types.Range(types.Position(1, 2), types.Position(1, 7))
    talk(conversation)


def test_looking_around() -> None:
    async def conversation(editor: Editor) -> None:
        position = await editor.at(digits("inputs: [loss, update.lr]", "inputs: [lo‸ss, update.lr]"))
        where = {"text_document": editor.document, "position": position}
        client = editor.client
        found = await client.text_document_hover_async(types.HoverParams(**where))
        assert "**loss**: `cross_entropy`" in found.contents.value
        (place,) = await client.text_document_definition_async(types.DefinitionParams(**where))
        assert TEXT.splitlines()[place.range.start.line].startswith("  loss:")
        context = types.ReferenceContext(include_declaration=True)
        uses = await client.text_document_references_async(types.ReferenceParams(context, **where))
        assert len(uses) == 3
        symbols = await client.text_document_document_symbol_async(types.DocumentSymbolParams(editor.document))
        assert "ops" in [symbol.name for symbol in symbols]
        folds = await client.text_document_folding_range_async(types.FoldingRangeParams(editor.document))
        assert any(TEXT.splitlines()[fold.start_line] == "ops:" for fold in folds)
    talk(conversation)


def test_writing() -> None:
    async def conversation(editor: Editor) -> None:
        client = editor.client
        position = await editor.at(digits("with: {optimizer: adam}", "with: {optimizer: ‸}"))
        where = {"text_document": editor.document, "position": position}
        (offer,) = await client.text_document_completion_async(types.CompletionParams(**where))
        assert (offer.label, offer.text_edit.new_text, offer.text_edit.range.start) == ("adam", "adam", position)

        position = await editor.at(digits("  record: {", "  rec‸ord: {"))
        where = {"text_document": editor.document, "position": position}
        assert (await client.text_document_prepare_rename_async(types.PrepareRenameParams(**where))).placeholder == "record"
        edit = await client.text_document_rename_async(types.RenameParams(new_name="best_yet", **where))
        assert [change.new_text for change in edit.changes[editor.uri]] == ["best_yet"] * 3
        with pytest.raises(Exception, match="there is already an op 'loss'"):
            await client.text_document_rename_async(types.RenameParams(new_name="loss", **where))

        everything = types.Range(types.Position(0, 0), types.Position(999, 0))
        hints = await client.text_document_inlay_hint_async(types.InlayHintParams(editor.document, everything))
        assert {"10×", "460×", "≤ 20×"} <= {hint.label for hint in hints}

        wrong = digits("inputs: [loss, update.lr]", "inputs: [loss, score.accuracy]")
        (found,) = await editor.write(wrong)
        asked = types.CodeActionParams(editor.document, found.range, types.CodeActionContext([found]))
        actions = await client.text_document_code_action_async(asked)
        assert ["hold(score.accuracy, nan)" in actions[0].title, "drop 'every'" in actions[1].title] == [True, True]
        (change,) = actions[0].edit.changes[editor.uri]
        line = wrong.splitlines()[change.range.start.line]
        line = line[:change.range.start.character] + change.new_text + line[change.range.end.character:]
        assert await editor.write(wrong.replace(wrong.splitlines()[change.range.start.line], line)) == []
    talk(conversation)


def test_only_the_newest_text_is_answered_for() -> None:
    """Ten changes without a pause: the last is shown, and what was overtaken is not."""
    async def conversation(editor: Editor) -> None:
        await editor.write(TEXT)
        for number in range(10):
            editor.version += 1
            change = types.TextDocumentContentChangeWholeDocument(digits("op: load_batch}\n  logits", f"op: bad_{number}}}\n  logits"))
            known = types.VersionedTextDocumentIdentifier(editor.version, editor.uri)
            editor.client.text_document_did_change(types.DidChangeTextDocumentParams(known, [change]))
        shown = await asyncio.wait_for(editor.shown.get(), WAIT)
        assert shown.version == editor.version and "bad_9" in shown.diagnostics[0].message
        assert editor.shown.empty()
    talk(conversation)


def test_what_an_included_file_lacks_is_shown_at_include(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("ops:\n  a: {op: prin, inputs: 1}\n", encoding="utf-8")

    async def conversation(editor: Editor) -> None:
        (found,) = await editor.write("run: {num_steps: 3}\ninclude: base.yaml\n")
        assert found.range.start == types.Position(1, 0)
        assert found.related_information[0].location.uri == (tmp_path / "base.yaml").as_uri()
        (tmp_path / "base.yaml").write_text("ops:\n  a: {op: print, inputs: 1, every: 1}\n", encoding="utf-8")
        editor.client.text_document_did_save(types.DidSaveTextDocumentParams(editor.document))
        assert await editor.diagnostics() == []
    talk(conversation, tmp_path / "main.yaml")


def test_own_modules_when_asked_to(tmp_path: Path) -> None:
    (tmp_path / "my_ops.py").write_text("import edgraph\n@edgraph.op(effect=True)\ndef shout(text) -> None:\n"
                                        '    """Say it loudly."""\n', encoding="utf-8")
    text = "imports: [my_ops]\nrun: {num_steps: 3}\nops:\n  a: {op: sho‸ut, inputs: 1}\n"

    async def conversation(editor: Editor) -> None:
        position = await editor.at(text)
        found = await editor.client.text_document_hover_async(types.HoverParams(editor.document, position))
        assert "Say it loudly." in found.contents.value
    talk(conversation, tmp_path / "main.yaml", ("--imports",))


def test_without_pygls_it_says_what_to_install() -> None:
    program = ("import sys; sys.modules['pygls'] = None; import importlib.util as u; find = u.find_spec\n"
               "u.find_spec = lambda name, *rest: None if name == 'pygls' else find(name, *rest)\n"
               "from edgraph.cli.main import main; sys.exit(main(['lsp']))")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert 'pip install "edgraph[lsp]"' in done.stderr


def test_the_page_of_the_graph_for_a_panel() -> None:
    async def conversation(editor: Editor) -> None:
        assert await editor.write(TEXT) == []
        asked = {"textDocument": {"uri": editor.document.uri}}
        html = await editor.client.protocol.send_request_async("edgraph/page", asked)
        assert html.startswith("<!doctype html>")
        await editor.write(digits("{op: log_scalars, inputs: [loss", "{op: log_scalrs, inputs: [loss"))
        assert await editor.client.protocol.send_request_async("edgraph/page", asked) == html  # the last good one
    talk(conversation)


def test_formatting() -> None:
    async def conversation(editor: Editor) -> None:
        request = types.DocumentFormattingParams(editor.document, types.FormattingOptions(2, True))
        await editor.write(TEXT)
        assert not await editor.client.text_document_formatting_async(request)
        await editor.write(digits("{op: log_scalars, inputs: [loss", "{op: log_scalars,inputs: [ loss"))
        (edit,) = await editor.client.text_document_formatting_async(request)
        assert edit.new_text == TEXT
        assert edit.range.start == types.Position(0, 0) and edit.range.end.line == TEXT.count("\n") + 1
        await editor.write("ops: {a: [")
        assert not await editor.client.text_document_formatting_async(request)
    talk(conversation)
