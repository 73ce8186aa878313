"""Random pipelines that pass the checks, most of them, with the meaning of their core beside them.

An expression is drawn as nested tuples: `render` writes it as the text of a pipeline, `Oracle` computes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from toy import TRAIN

Tree = tuple[Any, ...]
DATA: dict[str, Any] = {"train": TRAIN, "other": {"use": "numbers", "with": {"length": 5}, "batch_size": 2, "shuffle": True}}
UNEVEN = {"use": "numbers", "with": {"length": 7}, "batch_size": 2, "shuffle": True}  # the fourth batch is of one
MODELS = {"net": {"use": "toy", "with": {"w": 1.0, "b": 0.5, "norm": 0.01}}, "aux": {"use": "toy", "with": {"w": 0.7}},
          "ema": {"copy": "net"}, "own": {"use": "toy", "with": {"w": 0.3, "norm": 0.02}}}
OPTIMIZERS: dict[str, Any] = {"one": {"use": "sgd", "updates": ["net"], "with": {"lr": 0.01}},
                              "two": {"use": "sgd", "updates": ["aux"], "with": {"lr": 0.02}},
                              "three": {"use": "sgd", "updates": ["own"], "with": {"lr": 0.03}}}
SCHEDULES = ["0.01 * min(1, updates / 5)", "0.02 / (1 + step) + 0.001 * epoch", "0.01 if step % 4 == 0 else 0.02 * params.p"]


def render(tree: Tree) -> str:
    """The text of an expression."""
    match tree:
        case ("const", value):
            return repr(value)
        case ("ref", name):
            return str(name)
        case ("name", name):
            return str(name)
        case ("binary", sign, left, right):
            return f"({render(left)} {sign} {render(right)})"
        case ("not", value):
            return f"(not {render(value)})"
        case ("logic", sign, *parts):
            return "(" + f" {sign} ".join(map(render, parts)) + ")"
        case ("if", test, then, otherwise):
            return f"({render(then)} if {render(test)} else {render(otherwise)})"
        case (function, *arguments):
            return f"{function}({', '.join(map(render, arguments))})"
    raise ValueError(tree)


@dataclass
class Made:
    """An op that was drawn: enough to draw what may read it."""

    name: str
    always: bool  # available at every step
    effect: bool = False
    field: str = ""  # the part of its value that is a number


@dataclass
class Scope:
    """What an expression may name."""

    readable: list[Made] = field(default_factory=list)
    later: list[str] = field(default_factory=list)  # names of ops to come, for `previous`
    constants: tuple[str, ...] = ("step", "params.p")

    def refs(self, always: bool) -> list[Made]:
        return [made for made in self.readable if made.always or not always]


def number(draw: Any) -> Tree:
    return ("const", draw(st.sampled_from([0.0, 1.0, -2.0, 0.5, 3.0, 10.0])))


def reference(draw: Any, scope: Scope, always: bool) -> Tree:
    refs = scope.refs(always)
    if not refs or draw(st.integers(0, 9)) == 0:
        return ("name", draw(st.sampled_from(scope.constants)))
    made = draw(st.sampled_from(refs))
    return ("sum", ("ref", made.name + made.field)) if made.field else ("ref", made.name)


def expression(draw: Any, scope: Scope, depth: int = 2, always: bool = False) -> Tree:
    """A number. always: available at every step, whatever it reads."""
    if depth == 0:
        return reference(draw, scope, always) if draw(st.integers(0, 3)) else number(draw)
    kind = draw(st.integers(0, 14))

    def part(more: bool = always) -> Tree:
        return expression(draw, scope, depth - 1, more)
    if kind <= 2:
        return reference(draw, scope, always)
    if kind == 3:
        return ("binary", draw(st.sampled_from("+-")), part(), part())
    if kind == 4:
        return ("binary", "*", part(), number(draw))
    if kind == 5:
        return ("binary", draw(st.sampled_from(["%", "//", "/"])), part(), ("const", draw(st.sampled_from([2.0, 3.0]))))
    if kind == 6:
        function = draw(st.sampled_from(["abs", "cos", "round", "detach", "sqrt", "isfinite", "mean", "sum"]))
        return (function, part())
    if kind == 7:
        return (draw(st.sampled_from(["min", "max"])), part(), part())
    if kind == 8:
        return ("clip", part(), ("const", -5.0), ("const", 50.0))
    if kind == 9:
        return ("if", condition(draw, scope, depth - 1, always), part(), part())
    if kind <= 11:
        return memory(draw, scope, depth, always)
    if kind == 14:
        return ("logic", draw(st.sampled_from(["and", "or"])), part(), part())
    return ("either", part(False), *([part(False)] if draw(st.booleans()) else []),
            part(True) if always or draw(st.booleans()) else part(False))


def memory(draw: Any, scope: Scope, depth: int, always: bool) -> Tree:
    """`hold` or `previous` of a reference or of an expression; the way back from later ops is `previous`."""
    if scope.later and draw(st.integers(0, 2)) == 0:
        return ("previous", ("ref", draw(st.sampled_from(scope.later))), number(draw))
    value = reference(draw, scope, False) if draw(st.booleans()) else expression(draw, scope, depth - 1)
    start = expression(draw, scope, 0, always) if draw(st.integers(0, 4)) == 0 else number(draw)
    return (draw(st.sampled_from(["hold", "previous"])), value, start)


def condition(draw: Any, scope: Scope, depth: int = 1, always: bool = False) -> Tree:
    sign = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
    simple = ("binary", sign, ("binary", "%", expression(draw, scope, depth, always), ("const", 4.0)),
              ("const", draw(st.sampled_from([0.0, 1.0, 2.0]))))
    if draw(st.integers(0, 5)) == 0:
        return ("not", simple)
    return simple


def every(draw: Any, effects: list[str], stages: list[str], updates: bool = False, inner: bool = False) -> Any:
    kind = draw(st.integers(0, 9))
    if kind <= 2:
        return draw(st.integers(1, 9))
    if kind == 3:
        steps = draw(st.integers(2, 9))
        return {"steps": steps, "offset": draw(st.integers(0, steps - 1))}
    if kind == 4:
        start = draw(st.integers(1, 30))
        return {"steps": draw(st.integers(1, 5)), "from": start, "until": start + draw(st.integers(0, 40))}
    if kind == 5:
        return {"steps": draw(st.integers(1, 3)), "grow": draw(st.integers(2, 3)), "max": draw(st.integers(3, 20))}
    if kind == 6:
        length = draw(st.integers(2, 6))
        return {"cycle": length, "positions": draw(st.lists(st.integers(1, length), min_size=1, unique=True))}
    if kind == 7 and not inner:
        return draw(st.sampled_from(["1 epoch", "0.5 epochs", "3 epochs", "first", "last"]))
    if kind == 8:
        choices: list[Any] = []
        if effects:
            choices.append({"firings": draw(st.integers(1, 4)), "of": draw(st.sampled_from(effects))})
        if stages:
            choices += [{"first": draw(st.sampled_from(stages))}, {"last": draw(st.sampled_from(stages))}]
        if updates:
            choices.append({"updates": draw(st.integers(1, 4)), "of": draw(st.sampled_from(["one", "two"]))})
        if choices:
            return draw(st.sampled_from(choices))
    if kind == 9:
        return [every(draw, effects, stages, updates, inner) for _ in range(draw(st.integers(1,
            2)))] if not inner else 2
    return draw(st.integers(1, 3))


@dataclass
class Drawn:
    """A pipeline, and the trees of its expressions by op."""

    pipeline: dict[str, Any]
    inputs: dict[str, list[Tree]] = field(default_factory=dict)
    conditions: dict[str, list[Tree]] = field(default_factory=dict)
    ends: dict[str, Tree] = field(default_factory=dict)  # of stages


class Drawer:
    """Draws ops one after the other."""

    def __init__(self, draw: Any, core: bool, prefix: str = "", inner: bool = False) -> None:
        self.draw = draw
        self.core = core  # only what the oracle knows
        self.inner = inner
        self.prefix = prefix
        self.drawn = Drawn({"ops": {}})
        self.ops: dict[str, Any] = self.drawn.pipeline["ops"]
        self.scope = Scope(constants=("step", "params.p"))
        self.effects: list[str] = []
        self.stages: list[str] = []
        self.trains = False

    def draw_ops(self, count: int) -> None:
        names = [f"{self.prefix}o{number_}" for number_ in range(count)]
        for number_, name in enumerate(names):
            self.scope.later = [] if self.inner else names[number_:]
            self.op(name)
        self.scope.later = []
        numbers = {made.name for made in self.scope.readable if not made.effect}
        if not self.inner:  # what was to come may have become an effect, which has no value
            for name in list(self.drawn.inputs):
                self.drawn.inputs[name] = [_known(tree, numbers) for tree in self.drawn.inputs[name]]
            for name in list(self.drawn.conditions):
                self.drawn.conditions[name] = [_known(tree, numbers) for tree in self.drawn.conditions[name]]
        for name, trees in self.drawn.inputs.items():
            texts = [render(tree) for tree in trees]
            if self.ops[name].pop("short", False):
                self.ops[name] = texts[0]
            elif texts:
                self.ops[name]["inputs"] = texts
        for name, trees in self.drawn.conditions.items():
            if trees:
                self.ops[name]["when"] = " and ".join(map(render, trees))

    def op(self, name: str) -> None:
        draw, scope = self.draw, self.scope
        kind = draw(st.sampled_from(["clocked", "constant", "draw", "expr", "expr", "expr", "add", "total", "tally",
                                     "note", "note", "note", "report"]))
        effect = kind in ("note", "report")
        counts = {"add": 2, "expr": 1, "clocked": 0, "constant": 0}
        declared = kind != "expr" and draw(st.integers(0, 2 if effect else 4)) == 0
        entry: dict[str, Any] = {"short": True} if kind == "expr" else {"op": kind}
        trees = [expression(draw, scope, always=declared)
                 for _ in range(counts.get(kind, draw(st.integers(0 if kind == "draw" else 1, 2))))]
        always = all(self._is_always(tree) for tree in trees)
        if declared:
            entry["every"] = every(draw, self.effects, self.stages, self.trains, self.inner)
            always = False
        if kind != "expr" and draw(st.integers(0, 3)) == 0:
            # a declared clock is a promise: its conditions can be looked at whenever it holds
            self.drawn.conditions[name] = [condition(draw, scope, always=declared)
                                           for _ in range(draw(st.integers(1, 2)))]
            always = False
        if self.stages and kind != "expr" and draw(st.integers(0, 5)) == 0:
            entry["during"] = draw(st.sampled_from(self.stages))
            always = False
        if self.ops and draw(st.integers(0, 7)) == 0 and kind != "expr" and not self.trains:
            entry["after"] = [draw(st.sampled_from(list(self.ops)))]
        self.ops[name] = entry
        self.drawn.inputs[name] = trees
        if effect:
            self.effects.append(name)
        if kind != "note":
            scope.readable.append(Made(name, always, effect))

    def _is_always(self, tree: Tree) -> bool:
        always = {made.name for made in self.scope.readable if made.always}
        match tree:
            case ("ref", name):
                return str(name).split(".")[0] in always
            case ("either", *arguments):
                return any(map(self._is_always, arguments))
            case ("hold" | "previous", _, start):
                return self._is_always(start)
        return all(self._is_always(part) for part in tree[1:] if isinstance(part, tuple))


def _known(tree: Tree, names: set[str]) -> Tree:
    match tree:
        case ("previous", ("ref", name), start) if str(name).split(".")[0] not in names:
            return start
        case (head, *parts):
            return (head, *(_known(part, names) if isinstance(part, tuple) else part for part in parts))
    return tree


@st.composite
def core_pipelines(draw: Any) -> Drawn:
    """Ops, expressions, clocks, conditions and stages."""
    drawer = Drawer(draw, core=True)
    add_stages(draw, drawer)
    drawer.scope.readable.append(Made("batch", True, field=".x"))
    drawer.draw_ops(draw(st.integers(3, 12)))
    ops = {"batch": {"op": "load_batch"}, **drawer.ops}
    if draw(st.integers(0, 5)) == 0 and drawer.scope.refs(True):
        ops["end"] = {"op": "stop", "when": f"step > {draw(st.integers(20, 60))}"}
    drawer.drawn.pipeline |= {"run": {"num_steps": 80, "seed": draw(st.integers(0, 3)), "checkpoint": False},
                              "params": {"p": 1.5}, "data": DATA, "ops": ops}
    return drawer.drawn


def add_stages(draw: Any, drawer: Drawer) -> None:
    if draw(st.booleans()):
        return
    stages: dict[str, Any] = {"a": {"until": draw(st.integers(1, 20))}}
    if draw(st.booleans()):
        end = ("binary", ">", ("hold", ("ref", "clock"), ("const", 0.0)), ("const", draw(st.sampled_from([5.0, 25.0,
            40.0]))))
        stages["b"] = {"until": {"when": render(end)}}
        drawer.drawn.ends["b"] = end
        drawer.ops["clock"] = {"op": "clocked"}
        drawer.drawn.inputs["clock"] = []
        drawer.scope.readable.append(Made("clock", True))
    else:
        stages["b"] = {"for": draw(st.integers(1, 30))}
    stages["c"] = {"for": draw(st.integers(1, 9))}
    stages["d"] = {}
    drawer.stages = list(stages)
    drawer.ops["where"] = {"op": "note"}
    drawer.drawn.inputs["where"] = [("name", "stage")]
    drawer.drawn.pipeline["stages"] = stages


@st.composite
def pipelines(draw: Any, trains: bool = False) -> Drawn:
    """All of it: also training, loops, streams, events, counts of updates. trains: certainly training, on sources
    that others look at."""
    drawer = Drawer(draw, core=False)
    add_stages(draw, drawer)
    ops = drawer.ops
    drawer.scope.readable.append(Made("batch", True, field=".x"))
    ops["batch"] = {"op": "load_batch"}
    for name, settings in (("own", {"data": "other"}), ("third", {"data": "other", "stream": "s"})):
        if trains or draw(st.booleans()):
            ops[name] = {"op": "load_batch", "with": settings}
            drawer.scope.readable.append(Made(name, True, field=".x"))
    graphs = {}
    if draw(st.integers(0, 2)):
        graphs = add_loop(draw, drawer)
    if trains or draw(st.booleans()):
        add_training(draw, drawer)
    if trains:
        ops["watch"] = {"op": "note", "inputs": ["sum(own.x)", "sum(third.x)"], "every": draw(st.integers(1, 3))}
    add_some(draw, drawer)
    drawer.draw_ops(draw(st.integers(2, 9)))
    add_ends(draw, drawer)
    add_events(draw, drawer)
    bound = draw(st.sampled_from([{"num_steps": 60}, {"num_steps": 60}, {"num_steps": 60, "num_epochs": 3},
                                  {"num_epochs": 9}, {"num_steps": 60, "num_updates": draw(st.integers(1, 40))}]))
    optimizers = OPTIMIZERS
    if draw(st.integers(0, 2)) == 0 and "rate" not in ops:
        changed = draw(st.sampled_from(["one", "two", "three"]))
        optimizers = optimizers | {changed: optimizers[changed] | {
            "schedule": draw(st.sampled_from(SCHEDULES)), "per": draw(st.sampled_from(["step", "update"]))}}
    drawer.drawn.pipeline |= {
        "run": bound | {"seed": draw(st.integers(0, 3)), "checkpoint": {"every": draw(st.integers(5, 50))},
                        "nonfinite": draw(st.sampled_from(["ignore", "skip"]))},
        "params": {"p": 1.5}, "data": DATA | draw(st.sampled_from([{}, {"train": UNEVEN}])), "models": MODELS,
        "optimizers": optimizers, "graphs": graphs}
    return drawer.drawn


def add_some(draw: Any, drawer: Drawer) -> None:
    """Ops of the library that others may read."""
    ops, scope = drawer.ops, drawer.scope
    if draw(st.integers(0, 3)) == 0:
        ops["fixed"] = {"op": "fixed_examples", "with": {"data": "other"}}
        scope.readable.append(Made("fixed", True, field=".x"))
    if draw(st.integers(0, 3)) == 0:
        ops["noise"] = {"op": "normal", "inputs": {"rows": "batch.x"}, "with": {"shape": [2]}}
        ops["noise_sum"] = "sum(noise)"
        scope.readable.append(Made("noise_sum", True))
    if draw(st.integers(0, 3)) == 0:
        always = draw(st.booleans())
        ops["record"] = {"op": "improved", "inputs": render(expression(draw, scope, 1, always)),
                         "with": {"mode": draw(st.sampled_from(["min", "max"]))}}
        scope.readable += [Made("record.since", False), Made("record.best", False)]
        if draw(st.booleans()):
            ops["best"] = {"op": "checkpoint", "when": "record"}
    if draw(st.integers(0, 5)) == 0:
        ops["mean"] = {"op": "average", "inputs": render(expression(draw, scope, 1, True))}
        scope.readable.append(Made("mean", True))


def add_ends(draw: Any, drawer: Drawer) -> None:
    """What ends the run, or saves it, by what happens in it."""
    scope = drawer.scope
    if draw(st.integers(0, 4)) == 0:
        held = [made.name for made in scope.readable if not made.field and not made.effect]
        when = render(condition(draw, scope)) if not held else f"hold({draw(st.sampled_from(held))}, 0.0) > 20"
        drawer.ops["end"] = {"op": "stop", "when": f"step > {draw(st.integers(1, 50))} and {when}"}
    if draw(st.integers(0, 4)) == 0:
        drawer.ops["save"] = {"op": "checkpoint", "when": render(condition(draw, scope))}


def add_training(draw: Any, drawer: Drawer) -> None:
    """A model or two, updated now and then, and something that looks at them."""
    ops, scope = drawer.ops, drawer.scope
    drawer.trains = True
    for name, model, optimizer in (("net", "net", "one"), ("aux", "aux", "two"))[:draw(st.integers(1, 2))]:
        source = render(expression(draw, scope, 1, always=True))
        streams = [made.name for made in scope.readable if made.name in ("own", "third")]
        if streams and draw(st.booleans()):
            source = f"sum({draw(st.sampled_from(streams))}.x)"
        elif draw(st.booleans()) and any(made.name == "l.x" and made.always for made in scope.readable):
            source = "l.x"
        out, update = f"{name}_out", f"{name}_update"
        if name == "aux" and draw(st.booleans()):
            source = "net_out"
        ops[f"{name}_in"] = f"clip({source}, -9, 9)"
        ops[out] = {"op": "forward", "inputs": f"{name}_in", "with": {"model": model}}
        loss = f"{out} * 0.1"
        if draw(st.integers(0, 3)) == 0:
            ops[f"{name}_slope"] = {"op": "gradient", "inputs": {"of": out, "wrt": f"{name}_in"}}
            loss = f"{out} * 0.1 + {name}_slope"
        if draw(st.integers(0, 3)) == 0:  # through another model, that another optimizer may update
            ops[f"{name}_through"] = {"op": "forward", "inputs": out, "with": {"model": "aux" if name == "net" else "net"}}
            loss = f"{name}_through + {loss}"
        if draw(st.integers(0, 5)) == 0:
            loss = f"{loss} if step % 7 else nan"
        entry: dict[str, Any] = {"op": "optimize", "inputs": loss, "with": {"optimizer": optimizer}}
        if name == "aux" and draw(st.integers(0, 2)) == 0:
            draw(st.sampled_from([ops[out], entry]))["after"] = ["net_update"]
        kind = draw(st.integers(0, 4))
        if kind == 1:
            entry["every"] = draw(st.integers(1, 5))
        elif kind == 2:
            entry["when"] = render(condition(draw, scope, 1, always=True))
        elif kind == 3:
            entry["with"]["accumulate"] = draw(st.integers(2, 3))
        elif kind == 4:
            entry["with"]["accumulate"] = {"until": draw(st.integers(2, 7))}
            entry["inputs"] = {"loss": loss, "count": "batch.count"}
        ops[update] = entry
        scope.readable += [Made(out, True), Made(update, kind == 0, field="")]
        scope.readable[-1] = Made(f"{update}.updates", kind == 0)
        scope.readable.append(Made(f"{update}.applied", False))
        if draw(st.booleans()):
            ops[f"{name}_look"] = {"op": "forward", "inputs": "sum(batch.x)", "with": {"model": model}}
            scope.readable.append(Made(f"{name}_look", True))
        drawer.effects.append(update)
    if draw(st.integers(0, 2)) == 0:
        ops["average"] = {"op": "update_ema", "with": {"target": "ema", "source": "net", "decay": 0.5}}
        ops["ema_look"] = {"op": "forward", "inputs": "1.0", "with": {"model": "ema"}}
        scope.readable.append(Made("ema_look", True))
    if draw(st.integers(0, 3)) == 0:
        ops["rate"] = {"op": "set_learning_rate", "inputs": "0.01 / step", "with": {"optimizer": "one"},
                       "every": draw(st.integers(2, 9))}


def add_loop(draw: Any, drawer: Drawer, name: str = "l", name_of_graph: str = "g") -> dict[str, Any]:
    """A loop of one kind or another, with ops of its own, maybe another loop among them."""
    inner = Drawer(draw, core=False, prefix="i", inner=True)
    graphs: dict[str, Any] = {}
    kind = draw(st.sampled_from(["repeat", "over", "while", "value"]))
    inner.scope.readable.append(Made("given", True))
    if kind == "over":
        inner.ops["rows"] = {"op": "load_batch"}
        inner.scope.readable.append(Made("rows", True, field=".x"))
    if kind == "value":
        inner.ops["rows"] = {"op": "load_batch"}
        inner.scope.readable.append(Made("rows", True, field=""))
        inner.scope.readable[-1] = Made("rows_sum", True)
        inner.ops["rows_sum"] = "sum(rows)"
    if kind in ("repeat", "while") and draw(st.booleans()):
        inner.ops["stream"] = {"op": "load_batch", "with": {"data": "other"}}
        inner.scope.readable.append(Made("stream", True, field=".x"))
    if name == "l" and draw(st.integers(0, 4)) == 0:
        graphs = add_loop(draw, inner, "n", "h")
    if name == "l" and draw(st.integers(0, 3)) == 0:
        add_training_in_loop(draw, inner)
    inner.draw_ops(draw(st.integers(1, 5)))
    value = draw(st.sampled_from([made for made in inner.scope.readable if not made.effect] or [Made("step", True)]))
    text = f"sum({value.name}{value.field})" if value.field else value.name
    inner.ops["mean"] = {"op": "average",
                         "inputs": f"hold({value.name}, 0.0)" if not value.field and value.name != "step"
                         else text}
    outputs = {"x": f"hold({value.name}, -1.0)" if not value.field and value.name != "step" else "mean",
               "mean": "mean" if draw(st.booleans()) else "mean * 2"}
    if draw(st.integers(0, 4)) == 0:
        inner.ops["enough"] = {"op": "stop", "when": "step >= given % 3 + 1"}
    if draw(st.integers(0, 9)) == 0:
        inner.ops["over"] = {"op": "stop", "when": "given > 30", "with": {"run": True}}
    graph: dict[str, Any] = {"ops": inner.ops, "outputs": outputs}
    loop: dict[str, Any] = {"op": "loop", "with": {"graph": name_of_graph},
                            "inputs": {"given": render(expression(draw, drawer.scope, 1, always=True))}}
    if kind == "repeat":
        graph["repeat"] = draw(st.integers(1, 4))
    elif kind == "over":
        graph["over"] = draw(st.sampled_from(["train", "other"]))
    elif kind == "while":
        graph |= {"while": f"step < given % {draw(st.integers(2, 4))} + {draw(st.integers(0, 1))}", "max": 4}
    else:
        drawer.ops[f"{name}_value"] = {"op": "grid", "with": {"rows": draw(st.integers(0, 5))}}
        loop["inputs"]["over"] = f"{name}_value"
        loop["with"] |= {"batch_size": 2, "shuffle": draw(st.booleans())}
    always = kind in ("repeat", "over")
    if draw(st.integers(0, 2)) == 0:
        loop["every"] = draw(st.integers(1, 6))
        always = False
    if draw(st.integers(0, 5)) == 0:
        loop["when"] = render(condition(draw, drawer.scope, 1, always=True))
        always = False
    drawer.ops[name] = loop
    drawer.scope.readable += [Made(f"{name}.x", always), Made(f"{name}.mean", always)]
    return {name_of_graph: graph} | graphs


def add_training_in_loop(draw: Any, inner: Drawer) -> None:
    """A model that an iteration updates, now and then."""
    inner.trains = True
    inner.ops["own_out"] = {"op": "forward", "inputs": "clip(given, -9, 9)", "with": {"model": "own"}}
    update: dict[str, Any] = {"op": "optimize", "inputs": "own_out * 0.1", "with": {"optimizer": "three"}}
    if draw(st.booleans()):
        update["with"]["accumulate"] = draw(st.integers(2, 3))
    if draw(st.integers(0, 2)) == 0:
        update["when"] = "step % 2 == given % 2"
    inner.ops["own_update"] = update
    inner.scope.readable.append(Made("own_out", True))


def add_events(draw: Any, drawer: Drawer) -> None:
    for event in draw(st.lists(st.sampled_from(["start", "epoch_start", "epoch_end", "end"]), max_size=2, unique=True)):
        numbers = [made for made in drawer.scope.readable if not made.effect and not made.field]
        held = f"hold({draw(st.sampled_from(numbers)).name}, 0.0)" if numbers else "1.0"
        kind = draw(st.sampled_from(["note", "tally"]))
        entry = drawer.ops[f"at_{event}"] = {"op": kind, "inputs": held, "at": event}
        if draw(st.integers(0, 3)) == 0:
            entry["when"] = f"{held} % 3 < 2"
        if kind == "tally":
            follows = draw(st.booleans())  # the same event, or the steps after it
            drawer.ops[f"read_{event}"] = {
                "op": "note", "inputs": f"at_{event}" if follows else f"hold(at_{event}, 0.0)"}
        if draw(st.integers(0, 5)) == 0:
            drawer.ops[f"save_{event}"] = {"op": "checkpoint", "at": event}
