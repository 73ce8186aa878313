"""YAML text to a tree in which every key and scalar has a span, straight from the parser's events."""

from __future__ import annotations

import re
from typing import Any

import yaml

from edgraph.text.build import Builder
from edgraph.text.collector import collector_paused
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.remarks import has_remarks, note
from edgraph.text.source import LINE_END, Mapping, Scalar, Source, Span, Tree
from edgraph.text.syntax import report_syntax_error

MAX_CHARACTERS = 16 * 1024 * 1024
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MAX_SYNTAX_ERRORS = 10
_MAX_UNPRINTABLE = 5  # the first few are named, the rest would say the same


def read(source: Source, diagnostics: Diagnostics) -> Mapping | None:
    """The mapping that a file holds; None (and at least one error) where there is none.

    Goes on after an error wherever the text still has a meaning, so all of them are reported at once.
    """
    if len(source.text) > MAX_CHARACTERS:
        diagnostics.error("file-too-large", f"the file has {len(source.text):,} characters; "
                          f"{MAX_CHARACTERS:,} is the limit", Span(source, 1, 1, 1, 1),
                          "keep data out of the pipeline and give its path instead")
        return None
    errors = len(diagnostics)
    tree = read_value(source, source.text, diagnostics)
    if tree is None:
        if len(diagnostics) == errors:
            diagnostics.error("empty-file", "the file holds no pipeline", Span(source, 1, 1, 1, 1),
                              "a pipeline is a mapping with a section 'ops'")
        return None
    if not isinstance(tree, Mapping):
        if isinstance(tree, Scalar) and tree.plain and tree.value is None:
            diagnostics.error("empty-file", "the file holds no pipeline", tree.span,
                              "a pipeline is a mapping with a section 'ops'")
        else:
            kind = "a single value" if isinstance(tree, Scalar) else "a list"
            help = "a pipeline is a mapping of sections: 'ops: …', 'data: …'"
            if isinstance(tree, Scalar) and tree.raw[:1] not in "'\"" and ":" in tree.raw:
                help = "a key needs a space after its colon: 'name: value'"
            diagnostics.error("not-a-mapping", f"the file holds {kind}, not a mapping of sections",
                              _first_line(tree.span), help)
        return None
    if has_remarks(source.text):
        note(source, tree, diagnostics)
    return tree


def read_value(source: Source, text: str, diagnostics: Diagnostics) -> Tree | None:
    """Any YAML value. `text` is parsed, spans are in `source` (an argument of the command line is padded so
    that its columns agree). None where there is nothing or where the text cannot be parsed."""
    tree, whole = _read(source, text, diagnostics)
    return tree if whole else None


def read_rest(source: Source) -> Tree | None:
    """What a text holds besides the entries that cannot be parsed; None where that is nothing."""
    return _read(source, source.text, Diagnostics())[0] if len(source.text) <= MAX_CHARACTERS else None


def _read(source: Source, text: str, diagnostics: Diagnostics) -> tuple[Tree | None, bool]:
    """The value, and whether it is all that the text holds."""
    readable = _printable(source, text, diagnostics)
    whole, text = readable == text, readable
    syntax = Diagnostics()
    while True:
        found = Diagnostics()
        tree, dropped = _attempt(source, text, found, syntax)
        if dropped is None:
            break
        text = dropped
    diagnostics.extend(found)
    diagnostics.extend(syntax)
    return tree, whole and not len(syntax)


def _attempt(source: Source, text: str, found: Diagnostics,
             syntax: Diagnostics) -> tuple[Tree | None, str | None]:
    """The tree; or, after a syntax error, the text without its entry, to look for errors in the rest."""
    try:
        with collector_paused():
            return Builder(source, found).build(_parser(text)), None
    except yaml.MarkedYAMLError as error:
        line = report_syntax_error(error, source, syntax)
        if line is not None and len(syntax) < _MAX_SYNTAX_ERRORS:
            return None, _without_entry(text, line)
    except yaml.YAMLError as error:  # the reader's own: nothing that _printable lets through
        syntax.error("syntax", f"not YAML: {error}", Span(source, 1, 1, 1, 1))
    return None, None


def _without_entry(text: str, line: int) -> str | None:
    """The text with a line, and what is indented deeper below it, left empty; None at the end of the text."""
    lines = LINE_END.split(text)
    if line > len(lines):
        return None
    indent = len(lines[line - 1]) - len(lines[line - 1].lstrip())
    lines[line - 1] = ""
    for number in range(line, len(lines)):
        if lines[number].strip() and len(lines[number]) - len(lines[number].lstrip()) <= indent:
            break
        lines[number] = ""
    return "\n".join(lines)


def _parser(text: str) -> Any:
    """PyYAML's C parser, or the one in Python where there is no C extension: both give the same events."""
    if yaml.__with_libyaml__:
        return yaml.CLoader(text)
    return yaml.Loader(text)


def _printable(source: Source, text: str, diagnostics: Diagnostics) -> str:
    """The text with what YAML forbids reported and blanked, so that the rest can still be read."""
    if text.isascii() and text.isprintable():
        return text
    for count, match in enumerate(_UNPRINTABLE.finditer(text)):
        if count == _MAX_UNPRINTABLE:
            break
        start = max(text.rfind(end, 0, match.start()) for end in "\n\r\x85\u2028\u2029") + 1
        line = len(LINE_END.findall(text, 0, match.start())) + 1
        column = match.start() - start + 1
        code = ord(match[0])
        what = "a NUL byte" if code == 0 else f"the character U+{code:04X}"
        if code == 0xFEFF:
            what = "a byte order mark in the middle of the text (U+FEFF)"
        elif 0xD800 <= code <= 0xDFFF:
            what = "half of a character (a lone surrogate)"
        diagnostics.error("control-character", f"{what} cannot stand in YAML",
                          Span(source, line, column, line, column + 1),
                          "remove it; in a double-quoted text it can be written as an escape, such as \"\\x07\""
                          if code < 0x20 and code else "remove it")
    return _UNPRINTABLE.sub(" ", text)


def _first_line(span: Span) -> Span:
    if span.end_line == span.line:
        return span
    width = len(span.source.line(span.line)) + 1
    return Span(span.source, span.line, span.column, span.line, max(width, span.column + 1))
