"""What of a clock is known only at run time: conditions, updates, minutes, events."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

SCHEDULES = frozenset({"time", "updates", "firings", "epochs", "event", "last", "stage_first",
                       "stage_last"})  # atoms that read like a clock
EXCLUSIVE = frozenset({"stage", "event"})  # two of these with different keys never hold at once
VERDICTS = (".applied", ".ran")
MULTIPLES = frozenset({"updates", "firings", "epochs"})  # every 6th is also every 3rd



@dataclass(frozen=True, slots=True)
class Atom:
    """A part of a clock that is known only at run time.

    kind and key: ("condition", text), ("time", seconds), ("updates", (n, optimizer)), ("firings", (n, op)),
    ("epochs", Fraction) while the data set's length is unknown, ("last", None) while that of the run is,
    ("stage", name), ("stage_first", name), ("stage_last", name), ("event", name).
    `negated` is the same atom not holding.
    """

    kind: str
    key: Any
    negated: bool = False

    def complement(self) -> Atom:
        return Atom(self.kind, self.key, not self.negated)

    def implies(self, other: Atom) -> bool:
        """Whether `other` holds at every step at which this one does, as far as that is plain."""
        if self == other:
            return True
        if self.kind != other.kind or self.negated or other.negated or self.kind not in MULTIPLES:
            return False
        (mine, of), (yours, its) = _count(self.key), _count(other.key)
        return bool(of == its and mine % yours == 0)

    def excludes(self, other: Atom) -> bool:
        """Whether the two never hold at the same step, as far as that is plain."""
        if self.kind != other.kind:
            return False
        if self.key == other.key:
            return self.negated != other.negated
        return self.kind in EXCLUSIVE and not self.negated and not other.negated

    @property
    def words(self) -> str:
        """In plain English: "'loss > 0' holds", "every 10 updates of 'adam'"."""
        return _words(self)


def _count(key: Any) -> tuple[Any, Any]:
    return key if isinstance(key, tuple) else (key, None)


def exclude(some: frozenset[Atom], others: frozenset[Atom]) -> bool:
    """Whether some atom here and some atom there never hold at the same step."""
    if len(some) > len(others):
        some, others = others, some
    for atom in some:
        if atom.complement() in others:
            return True
        if atom.kind in EXCLUSIVE and any(atom.excludes(other) for other in others):
            return True
    return False


NO_ATOMS: frozenset[Atom] = frozenset()


def implied(atom: Atom, given: frozenset[Atom]) -> bool:
    """Whether an atom holds wherever all the given ones do."""
    return atom in given or (atom.kind in MULTIPLES and any(other.implies(atom) for other in given))


def epochs_words(epochs: Fraction) -> str:
    """"the last step of each epoch", "the last step of every 0.5 epochs"."""
    if epochs == 1:
        return "the last step of each epoch"
    short = Fraction(f"{float(epochs):.3f}") == epochs
    number = f"{float(epochs):g}" if short else f"{epochs.numerator}/{epochs.denominator}"
    return f"the last step of every {number} epochs"


def _seconds_words(seconds: float) -> str:
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            number = int(seconds // size)
            return f"every {number} {unit}s" if number > 1 else f"every {unit}"
    return f"every {seconds:g} seconds" if seconds != 1 else "every second"


def _words(atom: Atom) -> str:
    key = atom.key
    match atom.kind:
        case "condition":
            if str(key).endswith(VERDICTS):  # what a node decides by running
                of, _, what = str(key).rpartition(".")
                verb = "is applied" if what == "applied" else "has an iteration"
                return f"'{of}' {f'is not {what}' if what == 'applied' else 'has no iteration'}" if atom.negated \
                    else f"'{of}' {verb}"
            key = str(key).removeprefix("when ")  # the name of a condition's node
            return f"'{key}' does not hold" if atom.negated else f"'{key}' holds"
        case "stage":
            return f"stage '{key}' does not last" if atom.negated else f"stage '{key}' lasts"
        case "time":
            text = _seconds_words(float(key))
        case "epochs":
            text = epochs_words(Fraction(key))
        case "updates" | "firings":
            number, of = key if isinstance(key, tuple) else (key, None)
            text = f"every {number} {atom.kind}" if number != 1 else f"every {atom.kind[:-1]}"
            text += f" of '{of}'" if of else ""
        case "event":
            text = f"the event '{key}'"
        case "last":
            text = "the last step of the run"
        case "stage_first" | "stage_last":
            text = f"the {atom.kind.removeprefix('stage_')} step of stage '{key}'"
        case _:
            text = f"{atom.kind} {key}"
    return f"it is not {text}" if atom.negated else text
