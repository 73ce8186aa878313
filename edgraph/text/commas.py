"""Expressions with commas that should have had quotes: `{a: hold(x, 0)}`."""

from __future__ import annotations

from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Entry, Scalar, Span
from edgraph.text.suggest import hint


class Commas:
    """YAML reads `{a: hold(x, 0)}` as `a: "hold(x"` and a key `0)` without a value. Puts them together again."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        self.diagnostics = diagnostics
        self._joined: dict[tuple[int, str], Span] = {}  # by mapping and key: values that were cut up

    def open_value(self, entries: dict[str, Entry]) -> str | None:
        """The last key of a mapping, if its value is plain text with a parenthesis left open."""
        if not entries:
            return None
        key = next(reversed(entries))
        value = entries[key].value
        written = isinstance(value, Scalar) and (value.plain or (id(entries), key) in self._joined)
        text = value.value if written and isinstance(value, Scalar) else None
        return key if isinstance(text, str) and text.count("(") > text.count(")") else None

    def join(self, entries: dict[str, Entry], piece: str | None, end: Span) -> bool:
        """Whether a key without a value was a piece of the value before it, which then has it."""
        key = self.open_value(entries)
        if key is None:
            return False
        old = entries[key]
        assert isinstance(old.value, Scalar)
        span = Span(*old.value.span[:3], end.line, end.column)
        text = f"{old.value.value}, {piece}"
        entries[key] = Entry(old.span, Scalar(text, span, text, False))
        self._joined[id(entries), key] = span
        return True

    def report(self) -> None:
        for (_, key), span in self._joined.items():
            written = span.source.line(span.line)[span.column - 1:span.end_column - 1]
            quoted = f"'{written}'" if '"' in written else f'"{written}"'
            help = 'in braces an expression with a comma needs quotes: {}: {}'
            self.diagnostics.error(
                "unquoted-comma", f"the comma ends the value of {key!r} here, in the middle of an expression", span,
                hint(help.format(key, quoted), quoted) if span.end_line == span.line else help.format(key, '"…"'))
