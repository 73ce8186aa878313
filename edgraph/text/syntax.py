"""What the YAML parser stumbled over, said in words that name the mistake and the way out."""

from __future__ import annotations

import re
from typing import Any

from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Source, Span
from edgraph.text.suggest import hint

_QUOTE_IT = "put the text in quotes"
_KINDS = {"}": "brace", "]": "bracket"}


def report_syntax_error(error: Any, source: Source, diagnostics: Diagnostics) -> int | None:
    """Add one `syntax` error for an exception of PyYAML's parser (yaml.MarkedYAMLError).

    Returns the line of the entry without which the rest may be read. None where going on would only repeat
    the mistake, or invent some: then nothing is added if an error was there before.
    """
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    opened = error.context_mark if error.context_mark is not None else mark
    context = str(error.context or "")
    message, help, span = _explain(str(error.problem or ""), context, source, line, column, opened)
    earlier = max((item.span.line for item in diagnostics if item.span is not None), default=0)
    if earlier and (span.line <= earlier or "indentation" in message):
        return None
    related: tuple[tuple[str, Span], ...] = ()
    inside = opened is not None and ("flow" in context or "quoted" in context)
    if inside and (start := _at(source, opened.line + 1, opened.column + 1)).line != span.line:
        related = (("opened here", start),)
    diagnostics.error("syntax", message, span, help, related)
    if "tab" in message:
        return None
    return min(int(opened.line) + 1, span.line) if inside else span.line


def _at(source: Source, line: int, column: int, width: int = 1) -> Span:
    """A place, moved back onto the text where the parser stopped at the end of it."""
    while line > 1 and not source.line(line):
        line -= 1
        column = len(source.line(line)) + 1
    return Span(source, line, column, line, column + width)


def _explain(problem: str, context: str, source: Source, line: int, column: int,
             opened: Any) -> tuple[str, str | None, Span]:
    here = _at(source, line, column)
    written = source.line(line)
    character = written[column - 1:column]
    before = written[:column - 1]
    if "tab" in problem or character == "\t":
        return ("a tab cannot indent or separate in YAML", "use spaces", here)
    if "cannot start any token" in problem:
        if before.rstrip().endswith(("'", '"')):
            return ("text goes on after a closing quote", "put the whole value in quotes", here)
        reserved = {"@": "reserved in YAML", "`": "reserved in YAML", "%": "the mark of a directive"}
        why = reserved.get(character, "not possible there")
        return (f"a value cannot begin with {character!r}: it is {why}", _QUOTE_IT, here)
    if "unexpected end of stream" in problem and opened is not None:
        return ("a quoted text is not closed", "add the missing quote at its end",
                _at(source, opened.line + 1, opened.column + 1))
    if "expected ',' or" in problem or ("expected node content" in problem and "flow" in context):
        return _flow(problem, source, line, column, opened)
    if "mapping values are not allowed" in problem:
        return _stray_colon(source, line, column)
    if "expected ':'" in problem and opened is not None:
        at, text = opened.line + 1, source.line(opened.line + 1)
        if (key := re.match(r"[\w.]+:(?=\S)", text[opened.column:])) is not None:
            return ("a space is missing after the colon", f"write '{key[0]} …'",
                    Span(source, at, opened.column + 1, at, opened.column + len(key[0]) + 1))
        return ("this line is neither 'key: value' nor a list item",
                "a ': ' is missing, or a '-' in front of it",
                Span(source, at, opened.column + 1, at, len(text.rstrip()) + 1))
    if "expected key" in problem or "expected '-' indicator" in problem or "document start" in problem:
        return _block(problem, source, line, column, before, written)
    if "block sequence entries are not allowed" in problem:
        return ("a list item '- …' cannot begin here",
                "begin it on a line of its own, or write the list in brackets: [a, b]", here)
    if "expected node content" in problem:
        if character in ("]", "}", ","):
            return (f"a value is missing before {character!r}", f"remove the {character!r}, or {_QUOTE_IT}",
                    here)
        return ("a value is missing here", None, here)
    if "alphabetic or numeric" in problem or "alias" in context or "anchor" in context:
        return (f"text cannot begin with {written[here.column - 2:here.column - 1]!r}: "
                "it marks an anchor or an alias", _QUOTE_IT, here)
    if "comment or line break" in problem:
        return ("a value that begins with '>' or '|' is a block of text, and its text begins on the next line",
                f"for an expression, {_QUOTE_IT}", _at(source, line, max(column - 1, 1)))
    if "escape" in problem or "hexdecimal" in problem or "Unicode" in problem:
        return (f"unknown escape '{written[column - 1:column + 1]}' in a double-quoted text",
                "write '\\\\' for a backslash, or use single quotes", _at(source, line, column, 2))
    if "tag" in context or "tag" in problem:
        return ("'!' begins a tag, and tags are not allowed", "to negate write 'not x'; " + _QUOTE_IT, here)
    if "directive" in context or "directive" in problem:
        return ("a line that begins with '%' is a YAML directive, and this one is unknown", "remove the line",
                here)
    if "nest" in problem or "depth" in problem:
        return ("values are nested too deep", "is a bracket not closed?", here)
    return (f"not YAML: {problem or 'the text cannot be read'}", None, here)


def _flow(problem: str, source: Source, line: int, column: int, opened: Any) -> tuple[str, str | None, Span]:
    """Inside brackets or braces."""
    here = _at(source, line, column)
    written = source.line(line)
    rest = written[column - 1:]
    before = written[:column - 1]
    if opened is not None and "expected ',' or" in problem:
        close = problem.rstrip()[-2] if problem.rstrip().endswith("'") else "}"
    else:
        shown = before if before.strip() else source.line(here.line)  # nothing but empty lines may follow
        close = "}" if shown.rfind("{") > shown.rfind("[") else "]"
        if not rest.strip() and (start := max(shown.rfind("{"), shown.rfind("["))) >= 0:
            return (f"the {_KINDS[close]} is not closed: a {close!r} is missing", None,
                    Span(source, here.line, start + 1, here.line, start + 2))
    kind = _KINDS[close]
    if rest.startswith("{") and before.endswith("$"):
        end = rest.find("}") + 1
        return ("inside braces a parameter needs quotes", hint(f'write "${rest[:end]}"', f'"${rest[:end]}"') if end
                else "write \"${name}\"",
                Span(source, line, column - 1, line, column + max(end, 1)))
    if rest.startswith("["):
        start = _word_start(before)
        quoted = f'"{before[start:]}{_bracketed(rest)}"'
        alone = '"' not in quoted[1:-1] and before[:start].rstrip()[-1:] in ("[", "{", ",", ":")
        return ("inside braces or brackets an expression with '[…]' needs quotes",
                hint(f"write {quoted}", quoted) if alone else f"write {quoted}",
                Span(source, line, start + 1, line, column + len(_bracketed(rest))))
    if rest.startswith(","):
        return ("a value is missing between two commas", hint("remove one of them", ""), here)
    if opened is not None and (not rest or opened.line + 1 < line):
        place = _at(source, opened.line + 1, opened.column + 1)
        return (f"the {kind} is not closed: a {close!r} is missing", None, place)
    if before.rstrip().endswith(("'", '"')):
        return ("text goes on after a closing quote", "put the whole value in quotes", here)
    if rest[:1] in ("]", "}") and rest[0] != close and opened is not None:
        return (f"a {close!r} is missing before {rest[0]!r}",
                f"the {'[' if close == ']' else '{'!r} in column {opened.column + 1} is not closed", here)
    if rest.startswith((":", "]", "}")):
        return (f"{rest[0]!r} cannot stand here", f"is a {close!r}, a ',' or a quote missing before it?",
                here)
    return (f"expected ',' or {close!r} here", "is a comma or a quote missing?", here)


def _word_start(before: str) -> int:
    match = re.search(r"[\w.]+$", before)
    return match.start() if match else max(len(before) - 1, 0)


def _bracketed(rest: str) -> str:
    match = re.match(r"(?:\[[^\[\]]*\]|\.\w+)+", rest)
    return match[0] if match else rest[:1]


def _stray_colon(source: Source, line: int, column: int) -> tuple[str, str | None, Span]:
    """`a: b: c`, or a line indented deeper than the value above it allows."""
    written = source.line(line)
    before = written[:column - 1]
    here = _at(source, line, column)
    if re.search(r":(\s|$)", before):
        return ("a second ': ' in one line", f"{_QUOTE_IT}, or begin the inner mapping on a line of its own",
                here)
    above = source.line(line - 1)
    if line > 1 and above.strip() and not above.lstrip().startswith("#"):
        indent = len(before) - len(before.lstrip())
        deeper = indent > len(above) - len(above.lstrip())
        if deeper and re.search(r":\s+\S", above):
            return (f"this line is indented deeper than line {line - 1}, which already has a value",
                    "indent it as that line, or remove the value there",
                    Span(source, line, indent + 1, line, column))
        if not re.search(r":(\s|$)", above):
            start = len(above) - len(above.lstrip()) + 1
            return ("this line has no 'key: value': a space is needed after the colon" if ":" in above
                    else "this line is neither 'key: value' nor a list item",
                    "write a key, ': ' and a value", Span(source, line - 1, start, line - 1,
                                                          len(above.rstrip()) + 1))
    return ("a ':' is not possible here", _QUOTE_IT, here)


def _block(problem: str, source: Source, line: int, column: int, before: str,
           written: str) -> tuple[str, str | None, Span]:
    """Where the parser wanted the next key or item of a block."""
    rest = written[column - 1:]
    end = Span(source, line, column, line, max(len(written.rstrip()) + 1, column + 1))
    if before.strip():
        if rest[:1] in ("}", "]"):
            return (f"a {rest[0]!r} too many", hint("remove it", "", certain=False), _at(source, line, column))
        if before.rstrip()[-1:] in ("'", '"'):
            return ("text goes on after a closing quote", "put the whole value in quotes", end)
        return ("text goes on after the value", "put the whole value in quotes", end)
    if "-" in problem:
        return ("expected a list item '- …' or a line indented less",
                "indent it as the items above, with a '-'", end)
    if rest.startswith("- "):
        return ("a list item among keys", "a list needs a key of its own", end)
    levels = sorted({len(t) - len(t.lstrip()) for t in (source.line(n) for n in range(1, line)) if t.strip()})
    fits = [str(level) for level in levels if level <= column + 3]
    return (f"the indentation of {column - 1} spaces matches nothing above",
            f"lines above are indented by {', '.join(fits)} spaces" if fits else None, end)
