"""Regions at work: compiled when they first run, and run once more, call by call, when something is wrong in them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any

from edgraph.backends.base import Backend, Given, NonFiniteLoss
from edgraph.run.together import Repeat, Together

if TYPE_CHECKING:
    from edgraph.run.sources import Sources

Region = Callable[..., Any]


class Regions:
    """The compiled regions of a graph. The same work in two patterns is compiled once."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._compiled: dict[tuple[object, ...], Region] = {}
        self._repeated: dict[tuple[Region, tuple[Given, ...]], Repeat] = {}
        self.failed: Region | None = None  # while it ran: what of it was done by then is not known

    def compiled(self, region: Region) -> Region:
        """The region as one function."""
        code = region.__code__
        bound = tuple(region.__globals__[name] for name in code.co_names if name in region.__globals__)
        arguments = code.co_varnames[:code.co_argcount]  # steps together go by their names
        key = code.co_code, repr(code.co_consts), code.co_names, arguments, bound  # 1 == 1.0 == True
        if key not in self._compiled:
            self._compiled[key] = self._compile(region)
        return self._compiled[key]

    def together(self, sources: Sources, region: Region, *, rows: dict[str, str],
                 each: tuple[str, ...]) -> Callable[[Callable[[int], tuple[Any, ...]]], Any]:
        """For a function that gives a step's arguments: what goes through steps (edgraph.plan.together)."""
        def decorate(given: Callable[[int], tuple[Any, ...]]) -> Any:
            if not sources.has_rows(rows.values()):
                return iter
            return Together(partial(self._repeat, region), sources, region.__wrapped__, given, rows, each)  # type: ignore[attr-defined]
        return decorate

    def _repeat(self, region: Region, kinds: tuple[Given, ...]) -> Repeat:
        """Many steps of a compiled region in one call, compiled once too."""
        if (region, kinds) not in self._repeated:
            assert self._backend.compiler is not None
            self._repeated[region, kinds] = self._backend.compiler.repeat(region.__wrapped__, kinds)  # type: ignore[attr-defined]
        return self._repeated[region, kinds]

    def forget(self) -> None:
        self._compiled.clear()
        self._repeated.clear()

    def _compile(self, region: Region) -> Region:
        assert self._backend.compiler is not None
        call, record = self._backend.compiler.compile(region), self._backend.record

        @wraps(region)
        def run(*arguments: Any) -> Any:
            try:
                return call(*arguments)
            except Exception as error:
                record(False)
                if _is_from(region, error.__traceback__):  # it was compiling: the line is known, nothing has run
                    raise
                if not isinstance(error, NonFiniteLoss):
                    self.failed = region
                _again(region, arguments)
                raise  # alone its calls do not fail
        return run


def _again(region: Region, arguments: tuple[Any, ...]) -> None:
    """Which call it was is seen when they are made one by one."""
    try:
        region(*arguments)
    except Exception as error:
        error.__suppress_context__ = True  # the same, without a place
        raise


def _is_from(region: Region, trace: TracebackType | None) -> bool:
    while trace is not None:
        if trace.tb_frame.f_code is region.__code__:
            return True
        trace = trace.tb_next
    return False


def number(value: Any) -> Any:
    """An operand of an expression in a region: whole numbers as any others."""
    return float(value) if type(value) is int else value
