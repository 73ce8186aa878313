"""The registry: names, clashes, import paths, and what looking costs."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.util import find_spec

import pytest

from edgraph.ops import registry as module
from edgraph.ops.registry import KINDS, Registered, RegistrationError, load_target, op, registry


def test_looking_imports_no_framework() -> None:
    code = (
        "import sys; from edgraph.ops.registry import registry; registry.ops['forward']; "
        "print(*(m for m in ('numpy', 'torch', 'pydantic', 'docstring_parser', 'yaml', 'networkx') if m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == []


def test_every_declaration_is_documented() -> None:
    for kind in KINDS:
        for name, item in registry.table(kind).items():
            assert item.summary.endswith("."), f"{kind} {name} has no summary"
            for part in (*(item.params or ()), *getattr(item, "inputs", ()), *getattr(item, "ports", ())):
                assert part.doc, f"{kind} {name}: nothing is said of {part.name}"


def test_a_builtin_name_cannot_be_taken() -> None:
    with pytest.raises(
        RegistrationError,
        match=r"test_ops_registry\.py:\d+: op 'mse' is already registered by "
        "edgraph itself",
    ):

        @op
        def mse(a, b): ...  # type: ignore[no-untyped-def]


def test_a_user_name_belongs_to_its_module() -> None:
    @op
    def mine(a): ...  # type: ignore[no-untyped-def]

    try:
        assert registry.ops["mine"].family == "user"
        op(mine)  # again, as when a notebook's cell is run twice
        mine.__module__ = "elsewhere"
        with pytest.raises(RegistrationError, match="already registered by module 'test_ops_registry'"):
            op(mine)
    finally:
        registry.remove("op", "mine")


def test_data_sets_and_models_of_a_user() -> None:
    @module.dataset(length=lambda settings: settings.get("size", 10), fields=("x",))
    class numbers:
        def __init__(self, size: int = 10) -> None:
            self.size = size

    @module.model(name="net")
    def make_net(width: int) -> object:
        """A net."""
        return width

    try:
        item = registry.data["numbers"]
        assert item.load() is numbers and item.fields == ("x",)
        assert item.length is not None and item.length({"size": 3}) == 3
        assert registry.models["net"].load()(5) == 5
        assert registry.models["net"].params == (module.ParamSpec("width", int),)
    finally:
        registry.remove("data", "numbers")
        registry.remove("model", "net")


def test_names_and_import_paths_resolve() -> None:
    assert registry.resolve("model", "mlp") is registry.models["mlp"]
    found = registry.resolve("model", "collections.OrderedDict")
    assert isinstance(found, Registered) and found.params is None
    assert inspect.isclass(found.load())
    assert registry.resolve("model", "mpl") is None
    assert registry.resolve("model", "not a.path") is None
    assert registry.resolve("op", "a.b") is None
    assert registry.is_builtin("op", "forward") and not registry.is_builtin("op", "mine")


def test_the_length_of_digits_is_known_unread() -> None:
    length = registry.data["digits"].length
    assert length is not None
    assert [length(s) for s in ({}, {"split": "validation"}, {"split": "all"})] == [1437, 360, 1797]


def test_import_paths() -> None:
    assert load_target("os.path.join") is load_target("os.path:join")
    with pytest.raises(ImportError, match=r"path' has no 'jion'"):
        load_target("os.path.jion")
    with pytest.raises(ImportError, match="there is no module 'nowhere'"):
        load_target("nowhere.thing")


def test_targets_of_the_library_exist() -> None:
    pytest.importorskip("torch")
    for kind in ("data", "model", "schedule", "optimizer"):
        for item in registry.table(kind).values():  # type: ignore[arg-type]
            assert isinstance(item, Registered)
            backend = item.backends[0] if item.backends else "torch"
            if find_spec(backend) is None:
                continue
            names = set(inspect.signature(item.on(backend).load()).parameters)
            assert {p.name for p in item.params or ()} <= names, item.name
