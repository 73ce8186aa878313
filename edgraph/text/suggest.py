"""The nearest valid name."""

from __future__ import annotations

from collections.abc import Iterable

_MANY = 2000  # beyond this many candidates only names of nearly the same length are looked at


class Hint(str):
    """Help that also knows what to write: any of `instead` could stand where `found` does, or in place of all that the
    message points at where `found` is empty. certain: there is only one, and hardly anything else can be meant."""

    __slots__ = ("certain", "found", "instead")
    certain: bool
    found: str
    instead: tuple[str, ...]


def hint(text: str, *instead: str, found: str = "", certain: bool = True) -> Hint:
    """`hint("write true", "true")`."""
    made = Hint(text)
    made.found, made.instead, made.certain = found, instead, certain and len(instead) == 1
    return made


def means(found: str, meant: str) -> Hint:
    """`did you mean 'data'?`, where that is known."""
    return hint(f"did you mean {meant!r}?", meant, found=found)


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `name` was most likely meant to be; None where nothing is near."""
    found, _ = _near(name, candidates)
    return found[0] if found else None


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """`did you mean 'batch'?`; with nothing near `expected one of …` for a short list, else an empty text."""
    names = [candidate for candidate in candidates if candidate]
    found, certain = _near(name, names)
    if found:
        return hint(f"did you mean {_either([repr(n) for n in found[:3]])}?", *found[:3], found=name, certain=certain)
    if len(names) == 1:
        return f"the only one is {names[0]!r}"
    return f"expected one of {', '.join(names)}" if 0 < len(names) <= 24 else ""


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _near(name: str, candidates: Iterable[str]) -> tuple[list[str], bool]:
    """Names within a few slips of the keyboard; else those that only say more. And whether the first is surely meant.
    """
    names = dict.fromkeys(candidates)
    names.pop(name, None)
    key = _key(name)
    if not key or len(name) > 80:
        return [], False
    limit = 1 if len(key) <= 4 else 2 if len(key) <= 8 else 3
    reach = 1 if len(names) > _MANY else limit
    scored: list[tuple[int, int, str]] = []
    for position, candidate in enumerate(names):
        other = _key(candidate)
        if abs(len(other) - len(key)) <= reach:
            distance = _distance(key, other, limit)
            if distance <= limit and distance < max(len(key), len(other)):
                scored.append((distance, position, candidate))
    if scored:
        best = min(scored)[0]
        found = [candidate for distance, _, candidate in sorted(scored) if distance == best]
        return found, len(found) == 1 and _surely(key, _key(found[0]), best)
    if len(key) >= 3 and len(names) <= _MANY:
        return [candidate for candidate in names if _says_more(key, _key(candidate))], False
    return [], False


def _surely(key: str, other: str, distance: int) -> bool:
    """Whether one is the other with a slip: not another number, and not a short word that is another word."""
    same_digits = [c for c in key if c.isdigit()] == [c for c in other if c.isdigit()]
    return distance == 0 or (same_digits and max(len(key), len(other)) >= 4 and distance <= (1 if len(key) < 8 else 2))


def _says_more(one: str, other: str) -> bool:
    return other.startswith(one) or (len(other) >= 4 and one.startswith(other))


def _key(name: str) -> str:
    """Case, hyphens and underscores do not count."""
    return name.lower().replace("-", "").replace("_", "")


def _distance(a: str, b: str, limit: int) -> int:
    """Insertions, deletions, replacements and swaps of neighbours; more than `limit` is `limit + 1`."""
    if a == b:
        return 0
    if abs(len(a) - len(b)) > limit or len(set(a) ^ set(b)) > 2 * limit:
        return limit + 1
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        before, last = last, row
    return last[-1]
