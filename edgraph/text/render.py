"""Diagnostics as text for people, and as JSON, GitHub annotations and SARIF for tools."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from edgraph.text.diagnostics import Diagnostic
from edgraph.text.excerpt import excerpt
from edgraph.text.source import Span

_BOLD, _RED, _YELLOW, _BLUE, _RESET = "\033[1m", "\033[31m", "\033[33m", "\033[34m", "\033[0m"
_TOOL = "edgraph"


def render_text(diagnostics: Iterable[Diagnostic], color: bool = False) -> str:
    """One block a diagnostic: place, code and message, the source line with the span underlined, help.

    Blocks are separated by an empty line and the text ends with a line end; without diagnostics it is empty.
    """
    blocks = ["\n".join(_block(item, color)) + "\n" for item in diagnostics]
    return "\n".join(blocks)


def _block(item: Diagnostic, color: bool) -> list[str]:
    paint = _painter(color)
    tint = _RED if item.severity == "error" else _YELLOW
    place = f"{item.span.place()}: " if item.span is not None else ""
    lines = [f"{paint(_BOLD, place)}{paint(tint + _BOLD, f'{item.severity}[{item.code}]')}: {one_line(item.message)}"]
    if item.span is not None:
        lines += _excerpt(item.span, paint, tint)
    if item.help:
        lines.append(f"   {paint(_BLUE, 'help')}: {one_line(item.help)}")
    for message, span in item.related:
        lines.append(f"   {paint(_BLUE, 'note')}: {span.place()}: {one_line(message)}")
        lines += _excerpt(span, paint, _BLUE)
    return lines


def _excerpt(span: Span, paint: Any, tint: str) -> list[str]:
    found = excerpt(span)
    if found is None:
        return []
    number, text, blanks, carets = found
    width = max(5, len(number))
    return [f"{number:>{width}} | {text}".rstrip(), f"{'':>{width}} | {' ' * blanks}{paint(tint, '^' * carets)}"]


def _painter(color: bool) -> Any:
    return (lambda code, text: f"{code}{text}{_RESET}") if color else (lambda code, text: text)


def one_line(text: str) -> str:
    """One line that cannot steer a terminal, whatever the author's file holds."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "⏎" if c == "\n" else repr(c)[1:-1] for c in text)


# -- for tools ------------------------------------------------------------------------------------

def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A list of {code, severity, message, file, line, column, end_line, end_column, help}, with nulls where a
    diagnostic has no place or no help."""
    return json.dumps([_record(item) for item in diagnostics], indent=2, ensure_ascii=False) + "\n"


def _record(item: Diagnostic) -> dict[str, Any]:
    span = item.span
    return {
        "code": item.code, "severity": item.severity, "message": item.message,
        "file": None if span is None else span.source.name,
        "line": None if span is None else span.line, "column": None if span is None else span.column,
        "end_line": None if span is None else span.end_line,
        "end_column": None if span is None else span.end_column, "help": item.help}


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    """Workflow commands that GitHub shows beside the lines of a change."""
    lines = []
    for item in diagnostics:
        properties = {"title": f"{_TOOL} {item.code}"}
        if item.span is not None:
            span = item.span
            properties = {"file": span.source.name, "line": str(span.line), "col": str(span.column),
                          "endLine": str(span.end_line)} | properties
            if span.end_line == span.line:
                properties["endColumn"] = str(max(span.end_column - 1, span.column))
        message = item.message if item.help is None else f"{item.message}\nhelp: {item.help}"
        listed = ",".join(f"{key}={_escape(value, True)}" for key, value in properties.items())
        lines.append(f"::{item.severity} {listed}::{_escape(message, False)}\n")
    return "".join(lines)


def _escape(text: str, is_property: bool) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if is_property else text


def render_sarif(diagnostics: Iterable[Diagnostic]) -> str:
    """SARIF 2.1.0, one run."""
    items = list(diagnostics)
    rules = [_rule(code) for code in dict.fromkeys(item.code for item in items)]
    run = {"tool": {"driver": {"name": _TOOL, "rules": rules}}, "columnKind": "unicodeCodePoints",
           "results": [_result(item) for item in items]}
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _rule(code: str) -> dict[str, Any]:
    """A code with what it means, as explain prints it."""
    from edgraph.text.codes import CODES
    if code not in CODES:
        return {"id": code}
    _, about, way_out, _ = CODES[code]
    return {"id": code, "shortDescription": {"text": about.replace("`", "'")},
            "help": {"text": way_out.replace("`", "'"), "markdown": way_out}}


def _result(item: Diagnostic) -> dict[str, Any]:
    text = item.message if item.help is None else f"{item.message}. Help: {item.help}"
    result: dict[str, Any] = {"ruleId": item.code, "level": item.severity, "message": {"text": text}}
    if item.span is not None:
        result["locations"] = [_location(item.span)]
    if item.related:
        result["relatedLocations"] = [{**_location(span), "message": {"text": message}} for message,
                                      span in item.related]
    return result


def _location(span: Span) -> dict[str, Any]:
    region = {"startLine": span.line, "startColumn": span.column, "endLine": span.end_line,
              "endColumn": span.end_column}
    uri = span.source.name.replace("\\", "/")
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}
