"""How wide a text will be, without a font library."""

from __future__ import annotations

import unicodedata

# Hundredths of an em for the characters from space to tilde, of DejaVu Sans: the widest of the fonts that
# a page is likely to use, so that text never leaves its box.
REGULAR = (
    32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 34, 34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79, 60, 79,
    69, 63, 61, 73, 68, 99, 69, 61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35, 63, 63, 28, 28,
    58, 28, 97, 63, 61, 63, 63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84)
BOLD = 1.13  # bold text is about this much wider


def width(text: str, size: float, bold: bool = False) -> float:
    """Pixels that `text` takes at a font size of `size` pixels."""
    total = 0
    for character in text:
        code = ord(character) - 32
        if 0 <= code < len(REGULAR):
            total += REGULAR[code]
        elif not unicodedata.combining(character):
            total += 100 if unicodedata.east_asian_width(character) in "WF" else 70
    return total / 100 * size * (BOLD if bold else 1.0)


def shorten(text: str, size: float, limit: float, bold: bool = False) -> str:
    """`text`, cut with an ellipsis where it would be wider than `limit` pixels."""
    if width(text, size, bold) <= limit:
        return text
    kept = text
    while kept and width(kept + "…", size, bold) > limit:
        kept = kept[:-1]
    return kept.rstrip() + "…"
