"""Settings against parameters: values converted, mistakes said in words."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

import pytest
from ops_tools import SPAN, mapping, said, tree

from edgraph.ops.annotations import checker
from edgraph.ops.check import check_settings
from edgraph.ops.markers import Count, Length, Model, NonNegative, Range, Unit
from edgraph.ops.mismatch import Mismatch
from edgraph.ops.registry import registry
from edgraph.ops.spec import ParamSpec
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Mapping


class Until(TypedDict):
    until: Count


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("annotation", "given", "value"),
    [
        (int, 3, 3),
        (int, 1000.0, 1000),
        (float, 3, 3.0),
        (float, float("inf"), float("inf")),
        (bool, True, True),
        (str, "x", "x"),
        (Path, "a/b", Path("a/b")),
        (Any, {"a": [1]}, {"a": [1]}),
        (int | None, None, None),
        (Literal["a", 1, None], 1, 1),
        (Literal["a", 1, None], None, None),
        (list[int], [1, 2], [1, 2]),
        (tuple[float, float], [1, 2.5], (1.0, 2.5)),
        (tuple[int, ...], [1, 2, 3], (1, 2, 3)),
        (dict[str, float], {"a": 1}, {"a": 1.0}),
        (Count | Until, {"until": 5}, {"until": 5}),
        (Count | Until, 5, 5),
        (int | str, "x", "x"),
        (list[int] | int, 3, 3),
        (Colour, "red", Colour.RED),
        (list, ["a", 1], ["a", 1]),
        (Annotated[float, Range(above=0, max=1)], 1, 1.0),
        (bytes, "x", b"x"),
        (set[int], [1, 2], {1, 2}),
        (Annotated[int, ["not hashable"]], 3, 3),
        (Annotated[list[str], Model()], ["a"], ["a"]),
    ],
)
def test_values_are_converted(annotation: Any, given: Any, value: Any) -> None:
    made = checker(annotation).convert(tree(given))
    assert made == value and type(made) is type(value)


@pytest.mark.parametrize(
    ("annotation", "given", "message"),
    [
        (int, 1.5, "expected a whole number, found the number 1.5"),
        (int, True, "expected a whole number, found true"),
        (float, "fast", "expected a number, found the text 'fast'"),
        (float, None, "expected a number, found nothing"),
        (str, 3, "expected a text, found the number 3"),
        (str, ["a"], "expected a text, found a list of 1"),
        (str, {"a": 1, "b": 2}, "expected a text, found a mapping with a, b"),
        (NonNegative, -1, "expected a number at least 0, found the number -1"),
        (NonNegative, float("nan"), "expected a number at least 0, found the number nan"),
        (NonNegative | None, -1, "expected a number at least 0, found the number -1"),
        (
            Annotated[int, Unit("pixels"), Range(min=1, max=9)],
            10,
            "expected a whole number of pixels from 1 to 9, found the number 10",
        ),
        (Annotated[str, Model()], 3, "expected the name of a model, found the number 3"),
        (Annotated[str | None, Model()], 3, "expected the name of a model or null, found the number 3"),
        (Literal["auto", "train"], "tran", "expected one of 'auto', 'train', found the text 'tran'"),
        (list[Count], [1, 0], "expected a whole number at least 1, found the number 0"),
        (list[Count], 5, "expected a list of whole numbers at least 1, found the number 5"),
        (
            Annotated[list[int], Length(min=2)],
            [1],
            "expected a list of at least 2 whole numbers, found a list of 1",
        ),
        (tuple[float, float], [1], "expected a list of 2 numbers, found a list of 1"),
        (Count | Until, {"unti": 5}, "expected {until: a whole number at least 1}, found the key 'unti'"),
        (Count | Until, {}, "expected {until: a whole number at least 1}, 'until' is missing"),
        (
            Count | Until,
            "x",
            "expected a whole number at least 1 or {until: a whole number at least 1}, found the text 'x'",
        ),
        (dict[str, int], 3, "expected a mapping to whole numbers, found the number 3"),
        (Colour, "blue", "Input should be 'red', found the text 'blue'"),
        (str, 10**400, "expected a text, found the number " + str(10**400)),
        (float, 10**400, "expected a number that fits a float, found the number " + str(10**400)),
    ],
)
def test_mistakes_are_said_in_words(annotation: Any, given: Any, message: str) -> None:
    with pytest.raises(Mismatch) as caught:
        checker(annotation).convert(tree(given))
    assert caught.value.message == message


def test_annotations_of_frameworks_are_taken_on_trust() -> None:
    class Module: ...

    use = tree({"use": "torch.nn.ReLU"})
    assert checker(Module).convert(use) is use
    assert checker(Module | None).convert(use) is use
    assert checker(Module).convert(tree(3)) == 3


def check(params: tuple[ParamSpec, ...], given: dict[str, Any], **options: Any) -> tuple[dict[str, Any], list[str]]:
    diagnostics = Diagnostics()
    values = check_settings(params, mapping(given), diagnostics, what="op 'x'", span=SPAN, **options)
    return values, said(diagnostics)


def test_settings_of_an_op() -> None:
    params = registry.ops["optimize"].params
    values, messages = check(params, {"optimizer": "adam", "accumulate": {"until": 64}})
    assert values == {"optimizer": "adam", "accumulate": {"until": 64}, "check": "loss"} and not messages
    assert check(params, {"optimizer": "adam"}, defaults=False)[0] == {"optimizer": "adam"}


def test_every_mistake_is_reported_in_one_go() -> None:
    diagnostics = Diagnostics()
    given = mapping({"sizes": 64, "activation": "rleu", "droput": 0.5, "bias": "yes"})
    check_settings(registry.models["mlp"].params, given, diagnostics, what="model 'mlp'", span=SPAN)
    assert said(diagnostics) == [
        "unknown-parameter: model 'mlp' has no parameter 'droput' (did you mean 'dropout'?)",
        "unknown-value: parameter 'activation' of model 'mlp': expected one of 'relu', 'leaky_relu', 'gelu', "
        "'silu', 'elu', 'tanh', 'sigmoid', 'softplus', 'identity', found the text 'rleu' (did you mean 'relu'?)",
        "wrong-type: parameter 'bias' of model 'mlp': expected true or false, found the text 'yes' (write true)",
        "wrong-type: parameter 'sizes' of model 'mlp': expected a list of whole numbers at least 1, found the number "
        "64 (write [64])",
    ]


def test_a_misspelt_required_parameter_is_one_mistake() -> None:
    assert check(registry.ops["forward"].params, {"modl": "a"})[1] == [
        "unknown-parameter: op 'x' has no parameter 'modl' (did you mean 'model'?)"
    ]


def test_missing_and_unknown() -> None:
    assert check(registry.ops["update_ema"].params, {})[1] == [
        "missing-parameter: op 'x' needs 'target', 'source' under 'with' (with: {target: …, source: …})"
    ]
    assert check((), {"a": 1})[1] == ["unknown-parameter: op 'x' has no parameter 'a' (it takes no parameters)"]


def test_other_keys_of_open_parameters_are_passed_on() -> None:
    values, messages = check(
        registry.ops["call"].params, {"function": "a.b", "k": 2, "net": {"use": "c.D"}}, is_open=True
    )
    assert not messages and values["k"] == 2 and isinstance(values["net"], Mapping)


def test_nothing_is_checked_of_an_import_path() -> None:
    diagnostics = Diagnostics()
    values = check_settings(None, mapping({"a": 1}), diagnostics, what="x", span=SPAN)
    assert values == {"a": 1} and not len(diagnostics)


def test_a_number_in_quotes_says_so() -> None:
    assert check(registry.optimizers["Adam"].params, {"lr": "1e-3"})[1] == [
        "wrong-type: parameter 'lr' of op 'x': expected a number at least 0, found the text '1e-3' (without quotes "
        "1e-3 is a number)"
    ]
