"""What is not said again of an entry in which something was wrong, and what still is."""

from __future__ import annotations

from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Entry, Span, Tree, join

# After one of these an entry may lack what its other parts are checked against.
WHOLE = frozenset(("missing-key", "missing-value", "exclusive-keys", "bad-name", "reserved-name"))
# Keys whose mistakes have no effect on what is said of the others, but for what the next lines say.
APART = frozenset(("inputs", "with", "when", "every", "at", "during", "after", "doc", "ignore",  # of ops
                   "updates", "schedule", "per", "clip_norm", "clip_value", "ema",  # of optimizers
                   "batch_size", "shuffle", "drop_last", "limit", "workers", "prefetch",  # of data sets
                   "weights", "frozen", "state"))  # of models
# What an op reads is judged by when it fires, and by its parameters; whether it is there is not.
TIMING = frozenset(("every", "at", "during", "when", "with"))
TIMED = ("inputs", "when", "after")
NAMES = frozenset(("unknown-name", "ambiguous-name", "unknown-optimizer", "unknown-model", "unknown-data"))


def hush(diagnostics: Diagnostics, before: int, span: Span, parts: dict[str, Entry], whole: Tree) -> None:
    """Say nothing more about the keys of an entry that were reported since `before`, nor about its name, which
    stands for what they lead to; where that could be anything, nothing more about the entry at all."""
    bad: set[str] = set()
    judged: set[str] = set()
    for item in diagnostics.since(before):
        key = _key_at(item.span, parts)
        if key is None or item.code in WHOLE:
            return diagnostics.quiet(join(span, whole.span))
        if item.code == "unknown-key" and item.span == parts[key].span:
            bad |= {key, "use", "op"}  # what it was meant for may be missing there
            judged |= {*TIMED}
        elif key in APART:
            bad |= {key, *(("use", "op") if key == "with" else ())}
            judged |= {*(TIMED if key in TIMING else ())}
        else:
            return diagnostics.quiet(join(span, whole.span))
    diagnostics.quiet(span)
    for key in (bad | judged) & parts.keys():
        diagnostics.quiet(join(parts[key].span, parts[key].value.span), frozenset() if key in bad else NAMES)
    return None


def _key_at(span: Span | None, parts: dict[str, Entry]) -> str | None:
    """The key under which something begins."""
    if span is None:
        return None
    for key, entry in parts.items():
        part = join(entry.span, entry.value.span)
        if span == entry.value.span or span == entry.span \
                or (span.source is part.source and part[1:3] <= span[1:3] < part[3:]):
            return key
    return None
