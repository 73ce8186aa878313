"""The YAML 1.2 core schema: what an unquoted scalar means."""

from __future__ import annotations

import re

_WORDS: dict[str, bool | float | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    ".nan": float("nan"), ".NaN": float("nan"), ".NAN": float("nan"),
}
for _sign, _value in (("", float("inf")), ("+", float("inf")), ("-", float("-inf"))):
    _WORDS.update({f"{_sign}.inf": _value, f"{_sign}.Inf": _value, f"{_sign}.INF": _value})

# Scalars that begin with any other character are text: no need to look further.
STARTS = frozenset("0123456789+-.~nNtTfF")

_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_MAX_DIGITS = 1000  # longer ones stay text: nothing takes them, and converting them is slow


def resolve(text: str) -> bool | int | float | str | None:
    """The value of a plain scalar: `1e-3` is a float, `1_000`, `yes` and `off` are text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789+-." or len(text) > _MAX_DIGITS:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEX.fullmatch(text):
        return int(text[2:], 16)
    return text


def number_meant(text: str) -> str | None:
    """The number that a text was to be, as it is written: `1000` for `1_000`; None where it was to be none."""
    written = text.strip().replace("_", "")
    value = resolve(written)
    return written if isinstance(value, int | float) and not isinstance(value, bool) else None


def write(value: bool | int | float | None) -> str:
    """A number, truth value or null in words that `resolve` reads back."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if value != value:
        return ".nan"
    if value in (float("inf"), float("-inf")):
        return ".inf" if value > 0 else "-.inf"
    text = repr(value)
    return text if any(c in text for c in ".e") else text + ".0"
