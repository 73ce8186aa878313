"""The rooms of edgraph and what each may import. No import runs backwards, and there are no cycles."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parent.parent / "edgraph"

# Room → what its modules may import, by the beginning of the module's name. A room may always import itself.
ROOMS: dict[str, tuple[str, ...]] = {
    "edgraph.text": (),
    "edgraph.language": ("edgraph.text",),
    "edgraph.ops": ("edgraph.text",),
    "edgraph.data": ("edgraph.text", "edgraph.ops"),
    "edgraph.graph": ("edgraph.text", "edgraph.language", "edgraph.ops"),
    "edgraph.plan": ("edgraph.text", "edgraph.language", "edgraph.ops", "edgraph.graph"),
    "edgraph.run": ("edgraph.text.diagnostics", "edgraph.text.source", "edgraph.language.expressions",
                    "edgraph.language.parameters", "edgraph.language.pipeline", "edgraph.ops", "edgraph.data",
                    "edgraph.graph", "edgraph.plan", "edgraph.backends.base"),
    "edgraph.backends": ("edgraph.text", "edgraph.ops", "edgraph.data"),
}
# Above all rooms: these may import anything, and no room imports them.
ABOVE = ("edgraph.__main__", "edgraph.compile", "edgraph.api", "edgraph.resume", "edgraph.evaluation", "edgraph.cli", "edgraph.lsp",
         "edgraph.page", "edgraph.schema", "edgraph.schema_parts")
FRAMEWORKS = ("torch", "torchvision", "tensorflow", "keras", "jax")
HOMES = {"keras": "tensorflow"}  # where that is not the backend of the same name
HEAVY = (*FRAMEWORKS, "numpy", "scipy", "sklearn", "networkx", "pydantic", "rich", "PIL", "jsonschema",
         "safetensors", "tensorboard")
# What `edgraph validate` imports must not import these at the top of a module.
LIGHT = ("edgraph.text", "edgraph.language", "edgraph.ops", "edgraph.graph", "edgraph.plan",
         "edgraph.compile", "edgraph.cli", "edgraph.lsp", "edgraph.api")


class Import(NamedTuple):
    module: str  # of edgraph's modules the most exact one: `from edgraph.text import source` is that module
    line: int
    when: str  # "import": with the importing module; "call": inside a function; "typing": never


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


@cache
def imports_of(name: str) -> tuple[Import, ...]:
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    return tuple(_imports(tree, name, "import"))


def _imports(node: ast.AST, importer: str, when: str) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, when)
        elif isinstance(child, ast.ImportFrom):
            assert not child.level, f"{importer}:{child.lineno}: imports name their module in full"
            for alias in child.names:
                exact = f"{child.module}.{alias.name}"
                yield Import(exact if exact in MODULES else str(child.module), child.lineno, when)
        elif _is_type_checking(child):
            yield from _imports(child, importer, "typing")
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _imports(child, importer, "call")
        else:
            yield from _imports(child, importer, when)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def room_of(module: str) -> str | None:
    return next((room for room in ROOMS if within(module, room)), None)


def within(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(prefix + ".")


def places(found: list[tuple[str, Import]]) -> str:
    return "\n".join(f"{MODULES[name].relative_to(PACKAGE.parent)}:{line}: imports {module}"
                     for name, (module, line, _) in found)


def test_every_module_has_a_place() -> None:
    homeless = [name for name in MODULES if room_of(name) is None and name != "edgraph"
                and not any(within(name, above) for above in ABOVE)]
    assert not homeless, f"name the room of {homeless} in this test, and in docs/architecture.md"


@pytest.mark.parametrize("room", ROOMS)
def test_imports_run_one_way(room: str) -> None:
    allowed = (room, *ROOMS[room])
    wrong = [(name, found) for name in MODULES if within(name, room) for found in imports_of(name)
             if within(found.module, "edgraph") and found.module != "edgraph"
             and not any(within(found.module, prefix) for prefix in allowed)]
    assert not wrong, f"{room} may import {', '.join(ROOMS[room]) or 'nothing of edgraph'}:\n{places(wrong)}"


def test_frameworks_only_in_their_backend() -> None:
    wrong = [(name, found) for name in MODULES for found in imports_of(name)
             for framework in FRAMEWORKS if within(found.module, framework)
             and not within(name, f"edgraph.backends.{HOMES.get(framework, framework)}")]
    assert not wrong, places(wrong)


def test_nothing_heavy_at_the_top_of_what_validation_imports() -> None:
    light = [name for name in MODULES if name == "edgraph" or any(within(name, room) for room in LIGHT)]
    wrong = [(name, found) for name in light for found in imports_of(name)
             if found.when == "import" and any(within(found.module, heavy) for heavy in HEAVY)]
    assert not wrong, places(wrong)


def test_validation_imports_nothing_heavy() -> None:
    """The whole process, whatever imports what."""
    program = (
        "import sys; from edgraph.cli.main import main\n"
        f"code = main(['validate', {str(PACKAGE.parent / 'pipelines' / 'digits.yaml')!r}])\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.exit(f'validation imports {heavy}' if heavy else code)")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_cycles_between_modules() -> None:
    """Imports inside functions count too: they would only hide a cycle."""
    below = {name: sorted({found.module for found in imports_of(name) if found.module in MODULES
                           and found.module != name and found.when != "typing"}) for name in MODULES}
    cycles: list[str] = []
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> None:
        for other in below[name]:
            if other in path:
                cycles.append(" -> ".join([*path[path.index(other):], other]))
            elif other not in done:
                visit(other, [*path, other])
        done.add(name)

    for name in MODULES:
        if name not in done:
            visit(name, [name])
    assert not cycles, "modules import each other in a circle:\n" + "\n".join(cycles)
