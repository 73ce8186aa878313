"""Every test module finds the registry and the imported modules as the one before it did; random cases are the same
every time in the fast tier, and new ones in the slow tier."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from edgraph.ops import imports
from edgraph.ops.registry import KINDS, registry
from edgraph.text.codes import CODES
from edgraph.text.diagnostics import Diagnostic, Diagnostics

HERE = Path(__file__).parent
OF_THE_LIBRARY = ("test_ops_document", "test_ops_imports", "test_ops_registry", "test_schema", "test_schema_editor")


def pytest_configure(config: pytest.Config) -> None:
    """What is green stays green until somebody changes something; who looks for new cases runs `make test-slow`."""
    settings.register_profile("fast", derandomize=True)
    if "not slow" in config.option.markexpr:
        settings.load_profile("fast")


@pytest.fixture(autouse=True, scope="module")
def _isolated(request: pytest.FixtureRequest) -> Iterator[None]:
    before = {kind: dict(registry.table(kind)) for kind in KINDS}
    path, modules = list(sys.path), set(sys.modules)
    if request.module.__name__ in OF_THE_LIBRARY:  # what other tests register is not there
        _fill({kind: {name: item for name, item in table.items() if registry.is_builtin(kind, name)}
               for kind, table in before.items()})
    yield
    _fill(before)
    imports._IMPORTED.clear()
    imports._ACTIVE.clear()
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        file = getattr(sys.modules[name], "__file__", None)
        if file is not None and _is_of_a_pipeline(Path(file)):
            del sys.modules[name]


@pytest.fixture(autouse=True, scope="session")
def _known_codes() -> Iterator[None]:
    """No test meets a message whose code is not in the table."""
    add = Diagnostics._add

    def checked(self: Diagnostics, item: Diagnostic) -> None:
        assert item.code in CODES, f"{item.code!r} is not in edgraph/text/codes.py"
        add(self, item)

    Diagnostics._add = checked  # type: ignore[method-assign]
    yield
    Diagnostics._add = add  # type: ignore[method-assign]


def _fill(tables: dict[str, dict[str, object]]) -> None:
    for kind in KINDS:
        registry._tables[kind].clear()
        registry._tables[kind].update(tables[kind])  # type: ignore[arg-type]


def _is_of_a_pipeline(file: Path) -> bool:
    """A module beside a pipeline, not an installed one, edgraph's own or a test's."""
    root = HERE.parent
    return "site-packages" not in file.parts and HERE not in file.parents and root / "edgraph" not in file.parents \
        and Path(sys.base_prefix) not in file.parents
