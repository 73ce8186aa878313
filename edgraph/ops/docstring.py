"""Docstrings: a summary, a text, and what is said of each input and parameter.

The house style is `name: text` at the start of a line or after two spaces, as in
`input: (batch, classes) scores.  target: (batch,) class indices.` Docstrings with sections (Google, NumPy,
reST) are read by docstring_parser, which is imported only for them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from inspect import cleandoc

_ENTRY = re.compile(r"(?:^|(?<=  )|(?<=\n))[ ]*\*{0,2}([A-Za-z_]\w*):[ ]+", re.MULTILINE)
_SECTION = re.compile(r"^\s*(?:Args|Arguments|Parameters|Keyword Args|:param [^:]+):?\s*(?:$|\n|[^\n]*$)",
                      re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Docstring:
    """`text` is what is left of the description when the entries are taken out."""

    summary: str = ""
    text: str = ""
    entries: dict[str, str] = field(default_factory=dict)


def split(doc: str | None, names: Collection[str] = ()) -> Docstring:
    """Split a docstring. names: the inputs, parameters and ports that entries may be about."""
    if not doc:
        return Docstring()
    doc = cleandoc(doc)
    head, _, rest = doc.partition("\n\n")
    summary = " ".join(head.split())
    if not rest:
        return Docstring(summary)
    if _SECTION.search(rest):
        return _with_sections(doc, summary)
    texts: list[str] = []
    entries: dict[str, str] = {}
    for paragraph in rest.split("\n\n"):
        remainder = _take_entries(paragraph, names, entries)
        if remainder:
            texts.append(remainder)
    return Docstring(summary, "\n\n".join(texts), entries)


def _take_entries(paragraph: str, names: Collection[str], entries: dict[str, str]) -> str:
    """Move the entries of a paragraph to `entries`; gives what stands before the first."""
    found = [match for match in _ENTRY.finditer(paragraph) if match[1] in names]
    if not found:
        return paragraph.strip()
    ends = [match.start() for match in found[1:]] + [len(paragraph)]
    for match, end in zip(found, ends, strict=True):
        entries[match[1]] = " ".join(paragraph[match.end():end].split())
    return paragraph[:found[0].start()].strip()


def _with_sections(doc: str, summary: str) -> Docstring:
    from docstring_parser import parse

    parsed = parse(doc)
    entries = {p.arg_name.lstrip("*"): " ".join((p.description or "").split()) for p in parsed.params}
    return Docstring(summary, parsed.long_description or "", entries)
