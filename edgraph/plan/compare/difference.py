"""One difference, and how all of them look."""

from __future__ import annotations

from itertools import groupby
from typing import Any, NamedTuple

from edgraph.plan.tables import wrapped

SIGNS = {"added": "+", "removed": "-", "renamed": "~"}
TITLES = {"order": "order within a step", "counts": "and so these run more, or less, often"}


class Difference(NamedTuple):
    """section: of the file, or "order", "gradients", "counts".  name: the entry, in a loop `loop.op`.  what: "added",
    "removed", "renamed", or what of the entry is not the same: "clock", "inputs", "lr".  before, now: in words."""

    section: str
    name: str
    what: str
    before: str | None
    now: str | None

    def text(self) -> str:
        sign = SIGNS.get(self.what)
        if self.what == "renamed":
            return f"{sign} {self.before} -> {self.now}: renamed"
        if sign is not None:
            said = self.now if self.what == "added" else self.before
            return f"{sign} {self.name}: {self.what}" + (f": {said}" if said else "")
        what = ": ".join(part for part in (self.name, self.what) if part)
        return f"{what}: {_value(self.before)} -> {_value(self.now)}"


def _value(text: str | None) -> str:
    return "none" if text is None else text


def as_text(found: list[Difference], before: str, now: str) -> str:
    """For reading. before, now: what the two pipelines are called."""
    if not found:
        return f"{before} and {now}: no difference\n"
    lines = [f"{before} -> {now}: {len(found)} difference{'s' if len(found) > 1 else ''}"]
    for section, items in groupby(found, lambda item: item.section):
        lines += ["", TITLES.get(section, section)]
        for item in items:
            lines += wrapped("  ", item.text())
    return "\n".join(lines) + "\n"


def as_json(found: list[Difference], before: str, now: str) -> dict[str, Any]:
    """For tools."""
    return {"before": before, "now": now, "same": not found, "differences": [item._asdict() for item in found]}
