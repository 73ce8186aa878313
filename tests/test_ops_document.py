"""The generated reference: fresh, and with examples that hold."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ops_tools import SPAN, mapping, said

from edgraph.ops import document
from edgraph.ops.check import check_settings
from edgraph.ops.library.examples import EXAMPLES
from edgraph.ops.registry import KINDS, registry
from edgraph.ops.spec import OpSpec
from edgraph.text.diagnostics import Diagnostics

ROOT = Path(__file__).parent.parent


def test_the_reference_is_fresh() -> None:
    written = (ROOT / "docs" / "ops.md").read_text(encoding="utf-8")
    assert written == document.markdown(), "run: python -m edgraph.ops.document docs/ops.md"


@pytest.mark.parametrize("kind", EXAMPLES)
def test_examples_hold(kind: str) -> None:
    for name, text in EXAMPLES[kind].items():
        ((_, entry),) = yaml.safe_load(text).items()
        item = registry.table(kind)[name]  # type: ignore[index]
        if isinstance(entry, str):
            assert name == "expr"
            continue
        settings = entry.get("with", {})
        if kind == "schedule":
            settings = {key: value for key, value in entry.items() if key != "use"}
        diagnostics = Diagnostics()
        check_settings(
            item.params, mapping(settings), diagnostics, what=name, span=SPAN, is_open=item.open_params
        )
        assert said(diagnostics) == []
        assert entry.get("op" if kind == "op" else "use") == name
        if (
            isinstance(item, OpSpec)
            and isinstance(entry.get("inputs"), dict)
            and not any(i.variadic for i in item.inputs)
        ):
            assert set(entry["inputs"]) <= {i.name for i in item.inputs}, name
            assert {i.name for i in item.inputs if i.required} <= set(entry["inputs"]), name


def test_every_op_has_an_example() -> None:
    assert set(EXAMPLES["op"]) == set(registry.ops)


def test_everything_can_be_described() -> None:
    for kind in KINDS:
        for name in registry.table(kind):
            assert document.describe(name).startswith(f"{name} (")
            assert name in document.overview()


def test_a_description_says_it_all() -> None:
    text = document.describe("optimize")
    for part in (
        "accumulate: a whole number at least 1 or {until: a whole number at least 1}, by default 1",
        "count (optional)",
        "grad_norm",
        "It is an update.",
        "update: {op: optimize, inputs: loss, with: {optimizer: adam}}",
    ):
        assert part in text


def test_an_unknown_name_has_a_suggestion() -> None:
    with pytest.raises(LookupError, match="nothing is called 'foward'; did you mean 'forward'"):
        document.describe("foward")
