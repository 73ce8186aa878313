"""Values to YAML text that reads back as the same values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping as Map
from typing import Any

from edgraph.text.scalars import resolve, write

_PLAIN = re.compile(r"[A-Za-z_./][\w./@+-]*(?: [\w./@+*<>=()-]+)*", re.ASCII)
WIDTH = 100


def dump(value: Map[str, Any]) -> str:
    """A mapping as YAML: one key a line, short values in braces."""
    return "\n".join(block(value, 0)) + "\n"


def block(value: Any, indent: int) -> list[str]:
    """The lines of a mapping's entries, or of a list's items."""
    pad = " " * indent
    lines: list[str] = []
    for key, item in value.items():
        lines += entry(f"{pad}{key_text(key)}:", item, indent)
    return lines


def entry(head: str, item: Any, indent: int) -> list[str]:
    """One key and its value, in braces where that fits."""
    short = flow(item)
    if len(head) + 1 + len(short) <= WIDTH or not isinstance(item, (Map, list, tuple)) or not item:
        return [f"{head} {short}"]
    if isinstance(item, Map):
        return [head, *block(item, indent + 2)]
    return [head, *(f"{' ' * (indent + 2)}- {flow(part)}" for part in item)]


def flow(value: Any) -> str:
    if isinstance(value, Map):
        return "{" + ", ".join(f"{key_text(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return scalar(value)


def key_text(key: Any) -> str:
    return scalar(key) if isinstance(key, str) else str(key)


def scalar(value: Any) -> str:
    """A number, truth value, null or text; text gets quotes where it would mean something else."""
    if value is None or isinstance(value, (bool, int, float)):
        return write(value)
    text = value if isinstance(value, str) else str(value)
    if _PLAIN.fullmatch(text) and isinstance(resolve(text), str):
        return text
    return quoted(text)


def quoted(text: str) -> str:
    if "'" not in text and all(c.isprintable() for c in text):
        return f'"{text}"' if '"' not in text and "\\" not in text else f"'{text}'"
    return json.dumps(text)


def lines(parts: Iterable[str]) -> str:
    return "\n".join(parts)
