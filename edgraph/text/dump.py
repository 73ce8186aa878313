"""Values to YAML text that reads back as the same values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping as Map
from typing import Any

from edgraph.text.scalars import resolve, write

WIDTH = 100
# Text that means itself without quotes anywhere, also in braces.
_PLAIN = re.compile(r"[A-Za-z_./][\w./@+-]*(?: [\w./@+*<>=()-]+)*|[0-9]+(?:\.[0-9]+)? [a-z]+", re.ASCII)


class Verbatim(str):
    """Text that is YAML already."""

    __slots__ = ()


def dump(value: Map[str, Any]) -> str:
    """A mapping as YAML: one key a line, short values in braces."""
    return "\n".join(_block(value, 0, 0)) + "\n"


def _block(value: Map[str, Any], indent: int, depth: int) -> list[str]:
    lines: list[str] = []
    for key, item in value.items():
        head = f"{' ' * indent}{scalar(key)}:"
        short = flow(item)
        fits = len(head) + 1 + len(short) <= WIDTH
        if not isinstance(item, (Map, list, tuple)) or not item or (fits and (depth > 0 or _is_flat(item))):
            lines.append(f"{head} {short}")
        elif isinstance(item, Map):
            lines += [head, *_block(item, indent + 2, depth + 1)]
        else:
            lines += [head, *(f"{' ' * (indent + 2)}- {flow(part)}" for part in item)]
        if depth == 0:
            lines.append("")
    return lines[:-1] if depth == 0 else lines


def _is_flat(item: Any) -> bool:
    """A section without entries of its own, such as `run`, goes on one line."""
    parts = item.values() if isinstance(item, Map) else item
    return not any(isinstance(part, Map) for part in parts)


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Map):
        return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """A number, truth value, null or text; text gets quotes where it would mean something else."""
    if isinstance(value, Verbatim):
        return value
    if value is None or isinstance(value, (bool, int, float)):
        return write(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and isinstance(resolve(text), str):
        return Verbatim(text)
    if text.isprintable() and "\\" not in text and '"' not in text:
        return f'"{text}"'
    if text.isprintable() and "'" not in text:
        return f"'{text}'"
    # JSON's escapes are YAML's; DEL and the rest of what YAML forbids are escaped too
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}"
                   for c in json.dumps(text, ensure_ascii=False))
