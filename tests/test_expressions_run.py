"""Expressions as the generated code and the interpreter compute them."""

from __future__ import annotations

from typing import Any

import pytest
from toy import accepted, both, errors


def value(text: str, **more: Any) -> str:
    """What an expression is at step 2, where `r` is 2.0."""
    ran = both({"run": {"over": "none", "num_steps": 2, "checkpoint": False}, **more,
                "ops": {"r": "1.0 * step", "note": {"op": "note", "inputs": text, "every": 2}}})
    return str(ran.inputs("note")[0])


@pytest.mark.parametrize(("text", "means"), [
    ("(-2) ** r", "4.0"), ("-2 ** r", "-4.0"), ("(-2) ** 2", "4"), ("-2 ** 2", "-4"), ("2 ** -r", "0.25"),
    ("(-1.5) ** 2", "2.25"), ("3 - -2", "5"), ("-r ** 2", "-4.0"), ("(-inf) ** 2", "inf"),
    ("1 < r < 3", "True"), ("-7 // 2", "-4"), ("r - (3 - 4)", "3.0"), ("r / (4 / r)", "1.0")])
def test_signs_and_powers(text: str, means: str) -> None:
    assert value(text) == means


def test_a_negative_parameter_of_a_graph_to_a_power() -> None:
    ran = both({"run": {"over": "none", "num_steps": 1, "checkpoint": False},
                "ops": {"inner": {"op": "loop", "with": {"graph": "square", "params": {"x": -3}}},
                        "note": {"op": "note", "inputs": "inner.y"}},
                "graphs": {"square": {"params": {"x": None}, "repeat": 1, "ops": {"y": "params.x ** 2 + step"},
                                      "outputs": {"y": "y"}}}})
    assert ran.inputs("note") == ["10"]


def test_rows_of_a_value() -> None:
    def pipeline(reference: str) -> dict[str, Any]:
        return {"run": {"over": "none", "num_steps": 1}, "ops": {
            "n": {"op": "normal", "with": {"shape": [3]}}, "show": {"op": "print", "inputs": reference}}}
    accepted(pipeline("n[-1] + n[0]"))
    assert errors(pipeline("n.x")) == errors(pipeline("n['x']")) == ["unknown-field"]
