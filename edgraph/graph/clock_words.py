"""Clocks in plain English, for diagnostics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgraph.graph.clock_atoms import SCHEDULES, Atom
from edgraph.graph.clock_steps import EVERY, Progression, Steps
from edgraph.graph.clock_terms import Term

if TYPE_CHECKING:
    from edgraph.graph.clock_values import Clock

SHOWN = 4  # more parts of a union than this are given by their first steps


def words(clock: Clock) -> str:
    """When a clock fires: "every 10 steps", "steps 1, 2, 4, …", "every step while 'loss > 0' holds"."""
    if clock.label is not None:
        return clock.label
    if not clock.terms:
        return "never"
    return " and ".join(dict.fromkeys(term_words(term) for term in clock.terms))


def term_words(term: Term) -> str:
    heads = [steps_words(factor) for factor in term.factors]
    atoms = sorted(term.atoms, key=lambda atom: (atom.kind, atom.words))
    heads += [atom.words for atom in atoms if _heads(atom)]
    tails = [atom.words for atom in atoms if not _heads(atom)]
    text = ", limited to ".join(heads or ["every step"])
    return text + (f" while {' and '.join(tails)}" if tails else "")


def _heads(atom: Atom) -> bool:
    return atom.kind in SCHEDULES and not atom.negated


def meeting_words(a: str, b: str) -> str:
    """The words for the steps in both."""
    return f"{a}, limited to {b}"


def meeting_label(a: Steps, b: Steps) -> str | None:
    """The label of two unions that met in one; None where what is left speaks for itself."""
    if len(a.progressions) == 1 and a.progressions[0].period == 1:
        a, b = b, a
    window = b.progressions[0]
    if a.label is None and b.label is None and len(a.progressions) == 1:
        return None  # one progression tells its own bounds
    if len(b.progressions) > 1 or window.period > 1:
        return meeting_words(steps_words(a), steps_words(b))
    return steps_words(a) + (bounds_words(window.start, window.until) if b.label is None else f", {b.label}")


def bounds_words(start: int, until: int | None) -> str:
    """", from step 95 until step 1000", as far as there are bounds."""
    text = f" from step {start}" if start > 1 else ""
    if until is not None:
        text += f" until step {until}"
    return f",{text}" if text else ""


def steps_words(part: Steps) -> str:
    """A union of progressions, by its label, or by what it is."""
    if part.label is not None:
        return part.label
    runs = part.progressions
    if not runs:
        return "never"
    points = [run.start for run in runs if run.start == run.until]
    cycles = [run for run in runs if run.start != run.until]
    if len(points) > SHOWN or len({run.period for run in cycles}) > SHOWN:
        return _first_words(part)
    texts = [f"step {points[0]}" if len(points) == 1 else f"steps {listed(points)}"] if points else []
    for period in dict.fromkeys(run.period for run in cycles):
        same = [run for run in cycles if run.period == period]
        if len(same) > 1 and all(run.until is None and run.start <= period for run in same):
            texts.append(positions_words(period, [run.residue or period for run in same]))
        elif len(same) > SHOWN:
            return _first_words(part)
        else:
            texts += [progression_words(run) for run in same]
    return " and ".join(texts)


def progression_words(run: Progression) -> str:
    period, residue, start, until = run
    if run == EVERY:
        return "every step"
    if start == until:
        return f"step {start}"
    if period == 1:
        if until is None:
            return f"every step from step {start}"
        return f"steps {start} to {until}" if start > 1 else f"every step until step {until}"
    if residue == 0:
        return f"every {period} steps" + bounds_words(0 if start <= period else start, until)
    if until is not None and (until - start) // period < SHOWN:
        return f"steps {listed(list(range(start, until + 1, period)))}"
    shown = f"steps {start}, {start + period}, {start + 2 * period}, …"
    return shown if until is None else f"{shown}, {until}"


def _first_words(part: Steps) -> str:
    shown: list[int] = []
    step = part.next(0)
    while step is not None and len(shown) <= SHOWN:
        shown.append(step)
        step = part.next(step)
    return f"steps {', '.join(map(str, shown))}" + (", …" if step is not None else "")


def positions_words(period: int, positions: Sequence[int]) -> str:
    """"positions 1 to 5 of every 6 steps"."""
    ranges: list[list[int]] = []
    for position in sorted(set(positions)):
        if ranges and position == ranges[-1][-1] + 1:
            ranges[-1].append(position)
        else:
            ranges.append([position])
    parts: list[Any] = []
    for run in ranges:
        parts += [f"{run[0]} to {run[-1]}"] if len(run) > 2 else run
    if len(parts) > 2 * SHOWN:
        parts = [*parts[:SHOWN], "…", parts[-1]]
        text = ", ".join(map(str, parts))
    else:
        text = listed(parts)
    plural = "s" if len(set(positions)) > 1 else ""
    return f"position{plural} {text} of every {period} steps"


def listed(parts: Sequence[Any]) -> str:
    """"1", "1 and 2", "1, 2 and 3"."""
    texts = [str(part) for part in parts]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
