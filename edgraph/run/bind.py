"""Binding: what a name in the generated source stands for in this run."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from edgraph.backends.base import Backend, Bound
from edgraph.graph.ir import Graph, Node
from edgraph.ops.library.control import check_name
from edgraph.ops.library.training import checked_rate
from edgraph.ops.random import loop_key, mix, node_base
from edgraph.plan.call_code import named
from edgraph.plan.pattern import Call
from edgraph.run.regions import number
from edgraph.run.values import UNSET, field

if TYPE_CHECKING:
    from edgraph.run.context import Context
    from edgraph.run.graphrun import GraphRun
    from edgraph.run.loggers import Loggers


class Services(NamedTuple):
    """What an op is given by `attach` before the run."""

    name: str
    input_names: tuple[str, ...]
    loggers: Loggers
    seed: int
    to_numpy: Callable[[Any], Any]


class Binder:
    """Binds the nodes of one graph. Class ops are made once, here; the rest is made anew for each plan."""

    def __init__(self, run: GraphRun, context: Context) -> None:
        self.run = run
        self.graph: Graph = run.graph
        self.context = context
        self.backend: Backend = context.backend
        self.instances: dict[str, Any] = {}
        self._memory: dict[tuple[Any, ...], Bound] = {}

    # -- names of the source ---------------------------------------------------------------------------

    def outside(self, what: tuple[str, ...], calls: dict[str, Call], name: str) -> Any:
        """The object for a name that a generated function takes from outside."""
        run, backend, context = self.run, self.backend, self.context
        match what:
            case ("call", _):
                return self.bound(calls[name]).call
            case ("counter", node):
                return partial(run.count, node)
            case ("function", function):
                return backend.function(function)
            case ("operator", sign):
                assert backend.compiler is not None
                return backend.compiler.operator(sign)
            case ("port", op, port):
                return backend.port(op, port)
            case ("constant", constant):
                return float(constant)
            case ("builtin", "stage"):
                return context.stage
            case ("builtin", "epoch"):
                return context.epoch
            case ("params",):
                return context.params
            case ("detach",) | ("keep",):
                return backend.detach
            case ("record",):
                return backend.record
            case ("fresh",):
                assert backend.tape is not None
                return backend.tape.fresh
            case ("leaf",):
                return backend.leaf
            case ("count",):
                return run.batch_count
            case ("compiled",):
                return run.regions.compiled
            case ("together",):
                return partial(run.regions.together, context.sources)
            case ("bound_updates",):
                return partial(context.bound_updates, run)
            case ("settle",):
                return partial(context.settle, run)
            case ("snapshot",):
                return context.snapshot
            case ("stage_ends",):
                return context.stage_ends
        return {"held": run.held, "keep_output": run.keep_output, "arguments": run.arguments,
                "metrics": run.metrics, "values": run.values, "halt": run.halt,
                "unset": UNSET, "field": field, "truth": bool, "mix": loop_key,
                "islice": islice, "number": number}[what[0]]

    def passes(self, call: Call) -> tuple[str, ...]:
        """The extra arguments of a call, which may depend on the backend and the model."""
        return self.bound(call).passes

    # -- nodes -----------------------------------------------------------------------------------------

    def bound(self, call: Call) -> Bound:
        """A node's work in a plan; equal uses share it."""
        key = call.binding
        if key not in self._memory:
            self._memory[key] = self._bind(call)
        return self._memory[key]

    def _bind(self, call: Call) -> Bound:
        node, backend = call.node, self.backend
        settings = node.settings
        match node.op:
            case "forward":
                trains = call.trains if backend.records else frozenset()
                return backend.forward(self.random_name(node), settings["model"], method=settings.get("method"),
                                       train=node.train_mode, trains=trains, buffers=call.moves,
                                       names=tuple(a.port for a, is_named in zip(node.inputs, named(node), strict=True)
                                                   if is_named))
            case "optimize" if node.kind == "gradients":
                return Bound(backend.gradients(settings["optimizer"], retain=call.retain, weighted=len(node.inputs) > 1,
                                               accumulate=settings.get("accumulate") or 1,
                                               check=settings.get("check", "loss")))
            case "optimize":
                apply = backend.apply(settings["optimizer"], call.ports, accumulate=settings.get("accumulate") or 1)
                return Bound(self._bounded(apply), ("global_step", "epoch"))
            case "load_batch":
                return self.context.sources.load(node, self.run, call.moves)
            case "fixed_examples":
                return self.context.sources.fixed(node, self.graph)
            case "loop":
                return self.context.loop(call)
            case "gradient":
                return Bound(backend.gradient(settings.get("wrt")))
            case "update_ema":
                return Bound(backend.update_ema(settings["target"], settings["source"], settings["decay"]))
            case "fit_batch":
                classes = settings.get("classes")
                return backend.fit(self.random_name(node), settings["model"], settings["method"],
                                   {} if classes is None else {"classes": classes})
            case "set_learning_rate":
                return Bound(self._deferred(backend.set_learning_rate(settings["optimizer"])))
            case "checkpoint":
                name = check_name(settings.get("name") or node.name)
                return Bound(partial(self.context.request, name, settings.get("keep", 1)))
            case "stop":
                return Bound(partial(self.context.stop, self.run, node.name, bool(settings.get("run"))))
            case "normal" | "uniform":
                return self._noise(node)
            case "call":
                rest = {key: value for key, value in settings.items() if key != "function"}
                function = import_object(settings["function"])
                return self._seeded(node, Bound(partial(function, **rest) if rest else function))
        return self._implemented(node)

    def random_name(self, node: Node) -> str:
        """What a node's random stream is named after: in a loop, also the loop."""
        return f"{self.graph.name}.{node.name}" if self.graph.name else node.name

    def _bounded(self, apply: Callable[..., Any]) -> Callable[..., Any]:
        """Ends the run at `run.num_updates`. A region cannot; where there are some that is done when the step ends."""
        if self.graph.pipeline.run.num_updates is None or (self.backend.compiler and not self.context.interpret):
            return apply

        def apply_and_count(*arguments: Any) -> Any:
            result = apply(*arguments)
            self.context.bound_updates(self.run)
            return result
        return apply_and_count

    def _deferred(self, set_rate: Callable[[Any], None]) -> Callable[[Any], None]:
        """What is no learning rate is the op's error, though it would take effect when the step has ended."""
        return lambda value: self.context.defer(self.run, set_rate, checked_rate(value))

    def _noise(self, node: Node) -> Bound:
        settings = dict(node.settings)
        shape = tuple(settings.pop("shape"))
        base = node_base(self.context.seed, self.random_name(node))
        draw, op = self.backend.random, node.op
        seed = self.backend.compiler.mix if self.backend.compiler else mix

        def noise(key: int, rows: Any = None) -> Any:
            whole = shape if rows is None else (_rows(rows), *shape)
            return draw(op, seed(base, key), whole, **settings)
        return Bound(noise, ("key",))

    def _seeded(self, node: Node, bound: Bound) -> Bound:
        """An op that may draw from the global generators of random numbers finds them seeded for this firing, so
        that nothing that runs before it, or not any more since the run was resumed, changes what it draws."""
        base, seed, call = node_base(self.context.seed, self.random_name(node)), self.backend.seed, bound.call

        def seeded(key: int, *inputs: Any, **named: Any) -> Any:
            seed(mix(base, key))
            return call(*inputs, **named)
        return Bound(seeded, ("key", *bound.passes))

    def _implemented(self, node: Node) -> Bound:
        bound = self._plain(node)
        return self._seeded(node, bound) if node.spec.random else bound

    def _plain(self, node: Node) -> Bound:
        implementation = self.backend.implementation(node.op) or node.spec.implementation
        assert implementation is not None, f"op '{node.op}' has no implementation on {self.backend.name}"
        if not isinstance(implementation, type):
            call = partial(implementation, **self._settings(node)) if node.settings else implementation
            return Bound(call, node.spec.passes)
        instance = self.instance(node, implementation)
        if node.spec.metric:
            return Bound(instance.update if self.graph.use is not None else _at_once(instance), node.spec.passes)
        return Bound(instance, node.spec.passes)

    def _settings(self, node: Node) -> dict[str, Any]:
        """What `with` says, models as themselves."""
        found = dict(node.settings)
        for param in node.spec.params:
            value, trains = found.get(param.name), param.name in node.spec.writes
            if param.role == "model" and value is not None:
                found[param.name] = self.backend.model(value, trains=trains)
            elif param.role == "models" and value is not None:
                found[param.name] = [self.backend.model(path, trains=trains) for path in value]
        return found

    def instance(self, node: Node, implementation: type) -> Any:
        """The one object of a class op."""
        if node.name not in self.instances:
            self.backend.seed(node_base(self.context.seed, self.random_name(node)) >> 1)  # a constructor may draw
            made = implementation(**self._settings(node))
            if hasattr(made, "attach"):
                names = tuple(argument.port for argument in node.inputs)
                made.attach(Services(self.random_name(node), names, self.context.loggers,
                                     self.context.seed, self.backend.to_numpy))
            self.instances[node.name] = made
        return self.instances[node.name]

    def stateful(self) -> Iterator[tuple[str, Any]]:
        """Every class op of the graph, made or not yet, in the order of the file."""
        for node in self.graph.nodes.values():
            if node.kind == "op" and not node.spec.engine:
                implementation = self.backend.implementation(node.op) or node.spec.implementation
                if isinstance(implementation, type):
                    yield node.name, self.instance(node, implementation)


def _at_once(metric: Any) -> Callable[..., Any]:
    """A metric outside of a loop is that of one batch."""
    def measure(*inputs: Any) -> Any:
        metric.reset()
        metric.update(*inputs)
        return metric.compute()
    return measure


def import_object(path: str) -> Any:
    """The object at a dotted path. Raises ImportError or AttributeError."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _rows(value: Any) -> Any:
    """How many rows a value has. A whole batch has as many parts as fields, so it is none."""
    shape = getattr(value, "shape", None)
    if shape is None and isinstance(value, list | tuple):
        return len(value)
    if shape is None or not len(shape):
        found = f"a {type(value).__name__}" + (" without axes" if shape is not None else "")
        raise TypeError(f"'rows' is {found}; expected a value whose first axis counts the rows, such as batch.image")
    return shape[0]
