"""Many steps in one call: the steps of a pattern as an iterator that runs most of them itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

from edgraph.backends.base import Given

if TYPE_CHECKING:
    from edgraph.run.sources import Sources

Repeat = Callable[..., tuple[int, Exception | None]]  # see Compiler.repeat
MOST = 512  # steps in one call
LONGEST = 0.1  # seconds that a call is to take: signals and times are looked at after it
FEWEST = 3  # steps that are worth a call
FIRST = 32  # steps at once, before it is known how long one takes
ALONE = 256  # steps of a pattern that run one by one before it is worth while to compile a call of many


class Together:
    """Called with an iterator of steps it gives those that are left to the loop. The last step of a call is always
    among them, and so is one that fails: which op it is is found there. What a step is given it has from `given`, and
    the rows of the data set that the run is over."""

    def __init__(self, compile: Callable[[tuple[Given, ...]], Repeat], sources: Sources, region: Callable[..., Any],
                 given: Callable[[int], tuple[Any, ...]], rows: dict[str, str], each: tuple[str, ...]) -> None:
        code = region.__code__
        names = code.co_varnames[:code.co_argcount]
        kinds: dict[str, Given] = {name: "rows" if name in rows else "each" if name in each else "same"
                                   for name in names}
        self._names, self._kinds, self._rows, self._given = names, kinds, rows, given
        self._sources, self._compile = sources, compile
        self._repeat: Repeat | None = None
        self._alone = ALONE
        self._at_once = FIRST
        self._known: set[int] = set()  # sizes of batches for which it has been compiled

    def __call__(self, steps: Iterable[int]) -> Iterator[int]:
        steps = iter(steps)
        while taken := list(islice(steps, self._at_once)):
            for size, group in self._groups(taken):
                done, error = self._run(size, group[:-1]) if self._is_worth_it(group) else (0, None)
                yield group[done]
                if error is not None:  # alone the step has not failed
                    raise error
                yield from group[done + 1:]

    def _is_worth_it(self, group: list[int]) -> bool:
        self._alone -= len(group)
        return self._alone < 0 and len(group) > FEWEST

    def _groups(self, taken: list[int]) -> list[tuple[int, list[int]]]:
        """Steps in a row whose batches are of one size."""
        return [(size, list(group)) for size, group in groupby(taken, self._sources.size)]

    def _run(self, size: int, steps: Sequence[int]) -> tuple[int, Exception | None]:
        """Runs the steps in one call; see Compiler.repeat."""
        arguments = self._arguments(steps)
        if arguments is None:
            return 0, None
        if self._repeat is None:
            self._repeat = self._compile(tuple(self._kinds.values()))
        began = time.perf_counter()
        done, error = self._repeat(len(steps), *arguments)
        if size in self._known:
            took = (time.perf_counter() - began) / len(steps)
            self._at_once = max(FEWEST + 1, min(MOST, int(LONGEST / took)))
        self._known.add(size)
        return done, error

    def _arguments(self, steps: Sequence[int]) -> list[Any] | None:
        """What all these steps are given; None where a number turns out to be none."""
        import numpy as np

        given = list(zip(*map(self._given, steps), strict=True))
        rest = iter(given)
        arrays, indices = self._sources.rows(steps) if self._rows else ({}, None)
        found: list[Any] = []
        for name in self._names:
            if self._kinds[name] == "rows":
                found.append((arrays[self._rows[name]], indices))
                continue
            values = next(rest)
            if self._kinds[name] == "each":
                if any(type(value) not in (bool, int, float) for value in values):
                    return None
                found.append(np.array(values))
            else:
                found.append(values[0])
        return found
