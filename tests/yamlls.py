"""Drives the real `yaml-language-server` (the engine of VS Code's YAML extension) over stdio.

Positions are 1-based lines and columns in code points, as an editor's status bar shows them (the protocol's are 0-based
and in UTF-16). `text=` replaces the file's content without writing it. Without a `schema_path` the file's own first line
names the schema. Standard library only; the server is an npm package, which `make test-editor` installs.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SEVERITY = {1: "error", 2: "warning", 3: "information", 4: "hint"}
KINDS = {1: "text", 2: "method", 3: "function", 5: "field", 6: "variable", 7: "class", 9: "module",
         10: "property", 11: "unit", 12: "value", 13: "enum", 14: "keyword", 15: "snippet",
         20: "enum-member", 22: "struct"}


class LspError(RuntimeError):
    """The server answered an error, died, or stayed silent past the limit."""


@dataclass(frozen=True)
class Range:
    """1-based, end exclusive: `line:col-end_line:end_col`."""

    line: int
    col: int
    end_line: int
    end_col: int

    def __str__(self) -> str:
        return f"{self.line}:{self.col}-{self.end_line}:{self.end_col}"


@dataclass(frozen=True)
class Diagnostic:
    range: Range
    severity: str
    message: str
    source: str | None = None
    code: Any = None
    spanned: str = ""          # the text under the squiggle
    raw: dict = field(default_factory=dict, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.range} {self.severity}: {self.message}"


@dataclass(frozen=True)
class Completion:
    label: str
    kind: str
    insert_text: str
    documentation: str
    detail: str | None = None
    is_snippet: bool = False
    raw: dict = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Hover:
    markdown: str
    range: Range | None


def find_server() -> list[str]:
    """The command that starts the server: $YAMLLS, node_modules here, or the PATH."""
    if env := os.environ.get("YAMLLS"):
        return env.split()
    for base in (HERE, Path.cwd()):
        cand = base / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
        if cand.exists():
            return ["node", str(cand), "--stdio"]
    if exe := shutil.which("yaml-language-server"):
        return [exe, "--stdio"]
    raise LspError("yaml-language-server not found: npm install yaml-language-server@1.25.0 "
                   f"in {HERE}, or set YAMLLS to the command")


class _Text:
    """Position mapping between 1-based code points and LSP 0-based UTF-16."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")

    def to_lsp(self, line: int, col: int) -> dict:
        src = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        return {"line": line - 1, "character": len(src[: col - 1].encode("utf-16-le")) // 2}

    def _col(self, line0: int, ch: int) -> int:
        src = self.lines[line0] if line0 < len(self.lines) else ""
        return len(src.encode("utf-16-le")[: 2 * ch].decode("utf-16-le", "ignore")) + 1

    def from_lsp(self, rng: dict) -> Range:
        s, e = rng["start"], rng["end"]
        return Range(s["line"] + 1, self._col(s["line"], s["character"]),
                     e["line"] + 1, self._col(e["line"], e["character"]))

    def span(self, r: Range) -> str:
        if r.line == r.end_line:
            return self.lines[r.line - 1][r.col - 1: r.end_col - 1] if r.line <= len(self.lines) else ""
        body = self.lines[r.line - 1: r.end_line]
        body[0] = body[0][r.col - 1:]
        if r.end_line <= len(self.lines):
            body[-1] = body[-1][: r.end_col - 1]
        return "\n".join(body)


class YamlLanguageServer:
    """One server process. `settings` is merged over offline defaults for the `yaml` section."""

    def __init__(self, settings: dict | None = None, timeout: float = 60.0,
                 command: list[str] | None = None, root: str | Path | None = None) -> None:
        self.timeout = timeout
        self.settings: dict[str, Any] = {
            "validate": True, "hover": True, "completion": True, "hoverSchemaSource": False,
            "schemaStore": {"enable": False},            # nothing is fetched from the network
            "kubernetesCRDStore": {"enable": False},
            "schemas": {}, "customTags": [], "yamlVersion": "1.2", **(settings or {}),
        }
        self._seq = 0
        self._lock = threading.Lock()
        self._pending: dict[int, queue.Queue] = {}
        self._diags: queue.Queue = queue.Queue()
        self._config_answered = threading.Event()
        self._dead = threading.Event()
        self._open: dict[str, tuple[int, str]] = {}
        self._opened_at, self._published = 0.0, True
        self._schema_mtime: dict[str, int] = {}
        self.log: list[str] = []
        self._proc = subprocess.Popen(command or find_server(), stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_err, daemon=True).start()
        root_uri = Path(root or Path.cwd()).resolve().as_uri()
        init = self._request("initialize", {
            "processId": os.getpid(), "rootUri": root_uri,
            "workspaceFolders": [{"uri": root_uri, "name": "root"}],
            "capabilities": {
                "workspace": {"configuration": True, "workspaceFolders": True,
                              "didChangeConfiguration": {"dynamicRegistration": True},
                              "didChangeWatchedFiles": {"dynamicRegistration": True}},
                "textDocument": {
                    "synchronization": {"dynamicRegistration": True},
                    "publishDiagnostics": {"relatedInformation": True,
                                           "tagSupport": {"valueSet": [1, 2]}},
                    "completion": {"completionItem": {
                        "snippetSupport": True, "documentationFormat": ["markdown", "plaintext"],
                        "deprecatedSupport": True}, "contextSupport": True},
                    "hover": {"contentFormat": ["markdown", "plaintext"]},
                    "codeAction": {"codeActionLiteralSupport": {
                        "codeActionKind": {"valueSet": ["quickfix", "refactor", "source"]}}},
                },
            },
        })
        self.server_info = init.get("serverInfo", {})
        self._notify("initialized", {})
        self._reconfigure()

    # -- the documented surface ------------------------------------------------------------
    def diagnostics(self, yaml_path: str | Path, schema_path: str | Path | None = None,
                    *, text: str | None = None) -> list[Diagnostic]:
        uri, txt = self._load(yaml_path, schema_path, text)
        items = self._next_publish(uri, str(yaml_path))
        self._published = True
        out = []
        for d in items:
            r = txt.from_lsp(d["range"])
            out.append(Diagnostic(r, SEVERITY.get(d.get("severity", 1), "error"), d["message"],
                                  d.get("source"), d.get("code"), txt.span(r), d))
        return sorted(out, key=lambda d: (d.range.line, d.range.col, d.message))

    def completions(self, yaml_path: str | Path, line: int, col: int,
                    schema_path: str | Path | None = None, *, text: str | None = None) -> list[Completion]:
        uri, txt = self._load(yaml_path, schema_path, text)
        res = self._request("textDocument/completion", {
            "textDocument": {"uri": uri}, "position": txt.to_lsp(line, col),
            "context": {"triggerKind": 1}}) or []
        items = res["items"] if isinstance(res, dict) else res
        out = []
        for i in items:
            doc = i.get("documentation") or ""
            doc = doc if isinstance(doc, str) else doc.get("value", "")
            ins = (i.get("textEdit") or {}).get("newText") or i.get("insertText") or i["label"]
            out.append(Completion(i["label"], KINDS.get(i.get("kind", 1), str(i.get("kind"))), ins, doc,
                                  i.get("detail"), i.get("insertTextFormat") == 2, i))
        return out

    def hover(self, yaml_path: str | Path, line: int, col: int,
              schema_path: str | Path | None = None, *, text: str | None = None) -> Hover | None:
        uri, txt = self._load(yaml_path, schema_path, text)
        res = self._request("textDocument/hover", {
            "textDocument": {"uri": uri}, "position": txt.to_lsp(line, col)})
        if not res or not res.get("contents"):
            return None
        c = res["contents"]
        md = c if isinstance(c, str) else c.get("value", "") if isinstance(c, dict) else "\n".join(
            x if isinstance(x, str) else x.get("value", "") for x in c)
        if not md.strip():
            return None
        return Hover(md, txt.from_lsp(res["range"]) if res.get("range") else None)

    def code_actions(self, yaml_path: str | Path, schema_path: str | Path | None = None,
                     *, text: str | None = None) -> list[dict]:
        """Quick fixes offered for the file's own diagnostics (e.g. 'Change to "forward"')."""
        diags = self.diagnostics(yaml_path, schema_path, text=text)
        uri = Path(yaml_path).resolve().as_uri()
        txt = _Text(self._open[uri][1])
        out = []
        for d in diags:
            for a in self._request("textDocument/codeAction", {
                    "textDocument": {"uri": uri}, "range": d.raw["range"],
                    "context": {"diagnostics": [d.raw]}}) or []:
                edits = ((a.get("edit") or {}).get("changes") or {}).get(uri, [])
                if edits:
                    out.append({"title": a["title"], "for": str(d),
                                "edits": [(str(txt.from_lsp(e["range"])), e["newText"]) for e in edits]})
        return out

    def close(self) -> None:
        if self._proc.poll() is None:
            try:
                self._request("shutdown", None, timeout=3)
                self._notify("exit", None)
                self._proc.wait(3)
            except (LspError, subprocess.TimeoutExpired, OSError):
                self._proc.kill()
        for s in (self._proc.stdin, self._proc.stdout, self._proc.stderr):
            with contextlib.suppress(OSError):
                s.close()

    def __enter__(self) -> YamlLanguageServer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- documents and settings ------------------------------------------------------------
    def _load(self, yaml_path: str | Path, schema_path: str | Path | None, text: str | None) -> tuple[str, _Text]:
        path = Path(yaml_path).resolve()
        uri = path.as_uri()
        if text is None:
            text = path.read_text(encoding="utf-8")
        wanted = {}
        if schema_path is not None:
            sp = str(schema_path)
            if "://" not in sp:
                p = Path(sp).resolve()
                if not p.exists():
                    raise LspError(f"no schema file {p}")
                sp = p.as_uri()
                mtime = p.stat().st_mtime_ns
                if self._schema_mtime.get(sp) not in (None, mtime):   # edited since last use
                    self._notify("workspace/didChangeWatchedFiles",
                                 {"changes": [{"uri": sp, "type": 2}]})
                self._schema_mtime[sp] = mtime
            wanted = {sp: [str(path)]}
        for other in list(self._open):       # one open document: no cross-talk between calls
            self._close_doc(other)
        if self.settings["schemas"] != wanted:
            self.settings["schemas"] = wanted
            self._reconfigure()
        self._seq += 1
        version = self._seq
        self._open[uri] = (version, text)
        self._opened_at, self._published = time.monotonic(), False
        self._notify("textDocument/didOpen", {"textDocument": {
            "uri": uri, "languageId": "yaml", "version": version, "text": text}})
        return uri, _Text(text)

    def _next_publish(self, uri: str, what: str) -> list[dict]:
        """The next publishDiagnostics for `uri` (this server sends no document version)."""
        deadline = time.monotonic() + self.timeout
        while True:
            if self._dead.is_set():
                raise LspError("the server exited: " + " ".join(self.log[-3:]))
            try:
                got, items = self._diags.get(timeout=0.25)
            except queue.Empty:
                if time.monotonic() > deadline:
                    raise LspError(f"{what}: no publishDiagnostics in {self.timeout}s") from None
                continue
            if got == uri:
                return items

    def _close_doc(self, uri: str) -> None:
        # The server validates 200 ms after an open and publishes once; on a close it drops a waiting
        # validation and publishes []. Taking exactly these keeps an answer from one call out of the next.
        if not self._published and time.monotonic() - self._opened_at > 0.1:
            self._next_publish(uri, "settling")
        self._notify("textDocument/didClose", {"textDocument": {"uri": uri}})
        self._next_publish(uri, "closing")
        del self._open[uri]

    def _reconfigure(self) -> None:
        self._config_answered.clear()
        self._notify("workspace/didChangeConfiguration", {"settings": {"yaml": self.settings}})
        if not self._config_answered.wait(self.timeout):
            raise LspError("the server never asked for its configuration")
        # The answer went out before any later message of ours, and the server applies it in the
        # same turn of its event loop, so a didOpen sent from here on sees the new schemas.
        self._request("textDocument/documentSymbol", {"textDocument": {"uri": "file:///none.yaml"}})

    # -- wire ------------------------------------------------------------------------------
    def _send(self, msg: dict) -> None:
        body = json.dumps({"jsonrpc": "2.0", **msg}).encode()
        with self._lock:
            self._proc.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
            self._proc.stdin.flush()

    def _notify(self, method: str, params: Any) -> None:
        self._send({"method": method, **({} if params is None else {"params": params})})

    def _request(self, method: str, params: Any, timeout: float | None = None) -> Any:
        self._seq += 1
        rid = self._seq
        q: queue.Queue = queue.Queue()
        self._pending[rid] = q
        self._send({"id": rid, "method": method, **({} if params is None else {"params": params})})
        deadline = time.monotonic() + (timeout or self.timeout)
        while True:
            try:
                msg = q.get(timeout=0.25)
                break
            except queue.Empty:
                if self._dead.is_set():
                    raise LspError(f"the server exited during {method}: " + " ".join(self.log[-3:])) from None
                if time.monotonic() > deadline:
                    raise LspError(f"no answer to {method} in time") from None
        if "error" in msg:
            raise LspError(f"{method}: {msg['error'].get('message')}")
        return msg.get("result")

    def _read(self) -> None:
        out = self._proc.stdout
        try:
            while True:
                length = None
                while (line := out.readline()) not in (b"\r\n", b"\n"):
                    if not line:
                        return
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                if length is not None:
                    self._dispatch(json.loads(out.read(length)))
        except (ValueError, OSError):
            return
        finally:
            self._dead.set()

    def _dispatch(self, msg: dict) -> None:
        if "method" not in msg:
            if q := self._pending.pop(msg.get("id"), None):
                q.put(msg)
            return
        method, params = msg["method"], msg.get("params") or {}
        if method == "textDocument/publishDiagnostics":
            self._diags.put((params["uri"], params["diagnostics"]))
        elif method in ("window/logMessage", "window/showMessage"):
            self.log.append(params.get("message", ""))
        if "id" in msg:                       # a request from the server: always answer
            result: Any = None
            if method == "workspace/configuration":
                result = [self._section(i.get("section")) for i in params.get("items", [])]
            elif method == "workspace/workspaceFolders":
                result = []
            self._send({"id": msg["id"], "result": result})
            if method == "workspace/configuration" and any(
                    i.get("section") == "yaml" for i in params.get("items", [])):
                self._config_answered.set()

    def _section(self, name: str | None) -> Any:
        return self.settings if name == "yaml" else {"detectIndentation": True} if name == "editor" else {}

    def _read_err(self) -> None:
        try:
            for line in self._proc.stderr:
                self.log.append(line.decode(errors="replace").rstrip())
        except (ValueError, OSError):
            pass
