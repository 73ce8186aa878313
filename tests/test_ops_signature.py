"""From Python signatures, annotations and docstrings to op specs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import pytest

from edgraph.ops import markers
from edgraph.ops.docstring import split
from edgraph.ops.registry import registry
from edgraph.ops.signature import Options, RegistrationError, op_spec, parameters_of
from edgraph.ops.spec import REQUIRED, OpSpec

if TYPE_CHECKING:
    from nowhere import Unknown


def spec(target: Any, **options: Any) -> OpSpec:
    return op_spec(target, Options(**options))


def test_positional_are_inputs_and_keyword_only_are_parameters() -> None:
    def blend(a, b=None, *rest, weight: float, name: str = "x"):  # type: ignore[no-untyped-def]
        """Blend values.

        They are added.

        a: (batch, n) the first.  b: the second,
        maybe.
        weight: how much.
        """

    made = spec(blend)
    assert [(i.name, i.required, i.variadic) for i in made.inputs] == [
        ("a", True, False),
        ("b", False, False),
        ("rest", False, True),
    ]
    assert [(p.name, p.annotation, p.default) for p in made.params] == [
        ("weight", float, REQUIRED),
        ("name", str, "x"),
    ]
    assert (made.summary, made.doc) == ("Blend values.", "They are added.")
    assert [i.doc for i in made.inputs] == ["(batch, n) the first.", "the second, maybe.", ""]
    assert made.params[0].doc == "how much."
    assert made.family == "user" and not made.state and not made.open_params


class Writes:
    def __call__(self, value: Any) -> None: ...


class Counts:
    def update(self, value: Any) -> None: ...
    def compute(self) -> float: return 0.0
    def reset(self) -> None: ...


def test_an_effect_that_returns_nothing_has_no_value() -> None:
    def writes(value: Any) -> None: ...
    def unsaid(value): ...  # type: ignore[no-untyped-def]
    def both(value: Any) -> float: return 0.0

    assert not spec(writes, effect=True).has_value
    assert not spec(writes, update=True).has_value
    assert not spec(Writes, effect=True, state=None).has_value
    assert spec(writes).has_value
    assert spec(unsaid, effect=True).has_value
    assert spec(both, effect=True).has_value
    assert spec(Counts, effect=True, metric=True).has_value


def test_those_of_the_library_without_a_value() -> None:
    found = {made.name for made in registry.ops.values() if registry.is_builtin("op", made.name) and not made.has_value}
    assert found == {"checkpoint", "fit_batch", "log_histogram", "log_images", "log_scalars", "log_table", "log_text",
                     "print", "set_learning_rate", "stop", "update_ema"}


def test_roles_and_access_come_from_annotations() -> None:
    def distil(
        *,
        teacher: Annotated[str, markers.Model()],
        student: Annotated[str, markers.Model("updates")],
        many: Annotated[list[str] | None, markers.Model()] = None,
        data: Annotated[str, markers.Data()] | None = None,
        optimizer: Annotated[str, markers.Optimizer()] = "adam",
        graph: Annotated[str, markers.Graph()] = "g",
        n: int = 1,
    ) -> None: ...

    made = spec(distil)
    assert [p.role for p in made.params] == [
        "model",
        "model",
        "models",
        "data",
        "optimizer",
        "graph",
        "value",
    ]
    assert made.reads == ("teacher", "many") and made.writes == ("student",)
    assert made.effect, "what updates a model changes something outside its value"


def test_names_known_only_to_type_checkers_are_not_checked() -> None:
    def f(x: Unknown, *, thing: Unknown, n: int = 1) -> Unknown: ...

    assert [p.annotation for p in spec(f).params] == [Any, int]


class Counter:
    def __init__(self, *, start: int = 0) -> None:
        self.n = start

    def __call__(self, value: Any) -> int:
        self.n += 1
        return self.n


def test_a_class_says_whether_it_keeps_state() -> None:
    with pytest.raises(
        RegistrationError,
        match=r"test_ops_signature\.py:\d+: op 'Counter' is a class without "
        r"state_dict.*state=None",
    ):
        spec(Counter)
    assert spec(Counter, state=None).state is False

    class Saved(Counter):
        def state_dict(self) -> dict[str, int]:
            return {"n": self.n}

        def load_state_dict(self, state: dict[str, int]) -> None:
            self.n = state["n"]

    made = spec(Saved)
    assert (
        made.state
        and [p.name for p in made.params] == ["start"]
        and [i.name for i in made.inputs] == ["value"]
    )


def test_a_class_op_takes_parameters_by_keyword() -> None:
    class Loose:
        def __init__(self, start: int) -> None: ...
        def __call__(self, value: Any) -> None: ...

    with pytest.raises(RegistrationError, match="parameter 'start' of op 'Loose' must be keyword-only"):
        spec(Loose, state=None)


def test_metrics_are_classes_with_three_methods() -> None:
    class Total:
        def update(self, count: int, value: Any) -> None: ...
        def compute(self) -> float: ...
        def reset(self) -> None: ...

    made = spec(Total, metric=True, passes=("count",))
    assert [i.name for i in made.inputs] == ["value"] and not made.state
    with pytest.raises(RegistrationError, match="without update, compute, reset"):
        spec(Counter, metric=True)


def test_passed_arguments_are_no_inputs() -> None:
    def stamp(global_step: int, value: Any) -> None: ...

    assert [i.name for i in spec(stamp, passes=("global_step",)).inputs] == ["value"]
    with pytest.raises(RegistrationError, match="first arguments must be named step"):
        spec(stamp, passes=("step",))


def test_parameters_of_a_model_are_all_its_arguments() -> None:
    class Net:
        """A net.

        width: how wide.
        """

        def __init__(self, width: int, depth: int = 2, **others: Any) -> None: ...

    params, is_open, doc = parameters_of(Net)
    assert [(p.name, p.required, p.doc) for p in params] == [
        ("width", True, "how wide."),
        ("depth", False, ""),
    ]
    assert is_open and doc.summary == "A net."


@pytest.mark.parametrize(
    "text",
    [
        "Sum.\n\nArgs:\n    a: the first\n        of all.\n    b (int): the second.",
        "Sum.\n\nParameters\n----------\na : int\n    the first of all.\nb : int\n    the second.\n",
        "Sum.\n\n:param a: the first of all.\n:param b: the second.\n",
        "Sum.\n\na: the first of all.  b: the second.",
    ],
)
def test_docstrings_of_every_style(text: str) -> None:
    found = split(text, ["a", "b"])
    assert found.summary == "Sum."
    assert {name: doc.rstrip(".") for name, doc in found.entries.items()} == {
        "a": "the first of all",
        "b": "the second",
    }


def test_words_with_a_colon_that_are_no_parameter_stay_text() -> None:
    found = split("Sum.\n\nNote: this is slow.\n\na: the first; see: there.", ["a"])
    assert found.text == "Note: this is slow." and found.entries == {"a": "the first; see: there."}
