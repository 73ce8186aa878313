"""Which expression goes into which input of an op."""

from __future__ import annotations

from edgraph.graph.ir import Argument
from edgraph.language.pipeline import OpEntry
from edgraph.ops.spec import OpSpec
from edgraph.text.diagnostics import Diagnostics, hinted
from edgraph.text.suggest import did_you_mean, nearest


def bind_inputs(spec: OpSpec, entry: OpEntry, diagnostics: Diagnostics) -> tuple[Argument, ...]:
    """One expression, a list or a mapping, as arguments in the order of the op's inputs."""
    named = any(item.name is not None for item in entry.inputs)
    found = _by_name(spec, entry, diagnostics) if named else _by_position(spec, entry, diagnostics)
    given = {argument.port for argument in found}
    # a required input that is misspelt is one mistake, not two
    known = [item.name for item in spec.inputs]
    given |= {meant for item in entry.inputs if item.name is not None and item.name.text not in given
              and (meant := nearest(item.name.text, known)) is not None}
    missing = [item.name for item in spec.inputs if item.required and not item.variadic and item.name not in given]
    if missing:
        names = ", ".join(f"'{name}'" for name in missing)
        takes = ", ".join(item.name for item in spec.inputs)
        diagnostics.error("missing-input", f"'{entry.name}' lacks the input {names} of op '{spec.name}'",
                          entry.inputs_span or entry.op.span, f"its inputs are: {takes}")
    return found


def _by_position(spec: OpSpec, entry: OpEntry, diagnostics: Diagnostics) -> tuple[Argument, ...]:
    found: list[Argument] = []
    plain = [item for item in spec.inputs if not item.variadic]
    variadic = any(item.variadic for item in spec.inputs)
    for position, item in enumerate(entry.inputs):
        if position < len(plain):
            found.append(Argument(plain[position].name, item.value))
        elif variadic:
            found.append(Argument(item.value.text, item.value))
        else:
            takes = ", ".join(i.name for i in spec.inputs) or "no inputs"
            diagnostics.error("unexpected-input", f"op '{spec.name}' takes {_count(len(plain))}, "
                              f"but '{entry.name}' gives {len(entry.inputs)}", item.value.span, f"it takes: {takes}")
            break
    return tuple(found)


def _by_name(spec: OpSpec, entry: OpEntry, diagnostics: Diagnostics) -> tuple[Argument, ...]:
    known = [item.name for item in spec.inputs if not item.variadic]
    variadic = any(item.variadic for item in spec.inputs)
    given: dict[str, Argument] = {}
    names = [item.name.text for item in entry.inputs if item.name is not None]
    for item in entry.inputs:
        if item.name is None:
            continue
        name = item.name.text
        if name not in known and not variadic:
            diagnostics.error("unknown-input", f"op '{spec.name}' has no input '{name}'", item.name.span,
                              help := did_you_mean(name, known) or f"its inputs are: {', '.join(known) or 'none'}",
                              fixes=hinted(help, item.name.span, names))
            continue
        given[name] = Argument(name, item.value)
    ordered = [given[name] for name in known if name in given]
    return (*ordered, *(argument for name, argument in given.items() if name not in known))


def _count(number: int) -> str:
    return "no inputs" if number == 0 else "one input" if number == 1 else f"{number} inputs"
