"""Ops that are implemented where they are declared, and the tables checked against torch."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from ops_tools import SPAN, mapping

from edgraph.ops.check import check_rule
from edgraph.ops.library.control import Improved, improved
from edgraph.ops.library.optimizers import NEED_CLOSURES
from edgraph.ops.registry import registry
from edgraph.text.diagnostics import Diagnostics


class Recorder:
    """Loggers that keep what they are given, and the services of an op."""

    def __init__(self, *names: str) -> None:
        self.name, self.input_names, self.loggers, self.seen = "report", names, self, []  # type: ignore[var-annotated]

    def to_numpy(self, value: Any) -> Any:
        return value

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self.seen.append((step, dict(values)))

    def images(self, step: int, name: str, images: Any, captions: Any, *settings: Any) -> None:
        self.seen.append((step, name, images.shape, captions, *settings))

    def text(self, step: int, name: str, text: str) -> None:
        self.seen.append((step, name, text))

    def histogram(self, step: int, name: str, values: Any) -> None:
        self.seen.append((step, name, values))

    def table(self, step: int, name: str, columns: Sequence[str], rows: Any) -> None:
        self.seen.append((step, name, columns, rows))

    def line(self, text: str) -> None:
        self.seen.append(text)


def log(op: str, inputs: dict[str, Any], **settings: Any) -> list[Any]:
    services = Recorder(*inputs)
    spec = registry.ops[op]
    assert spec.implementation is not None and spec.passes == ("global_step",) and spec.effect and not spec.state
    instance = spec.implementation(**settings)
    instance.attach(services)
    instance(50, *inputs.values())
    return services.seen


def test_improved_watches_the_best() -> None:
    watch = improved(mode="max", min_delta=0.1)
    made = [watch(v) for v in (0.5, 0.55, 0.7, math.nan, 0.6)]
    assert [bool(m) for m in made] == [True, False, True, False, False]
    assert [m["since"] for m in made] == [0, 1, 0, 1, 2]
    assert [m["best"] for m in made] == [0.5, 0.5, 0.7, 0.7, 0.7]
    assert dict(made[2]) == {"improved": True, "best": 0.7, "since": 0}
    down = improved()
    assert [bool(down(v)) for v in (3, 2, 2, 1, math.inf)] == [True, True, False, True, False]
    assert not improved()(math.nan)


def test_improved_continues_from_its_state() -> None:
    watch = improved()
    watch(3.0)
    watch(4.0)
    resumed = improved()
    resumed.load_state_dict(watch.state_dict())
    assert dict(resumed(5.0)) == dict(watch(5.0)) == {"improved": False, "best": 3.0, "since": 2}
    assert isinstance(resumed(1.0), Improved)


def test_scalars_are_named_after_node_and_input() -> None:
    assert log("log_scalars", {"loss": np.float32(0.5), "update.lr": 1e-3}) == [
        (50, {"report.loss": 0.5, "report.update.lr": 1e-3})
    ]
    assert log("log_scalars", {"score": {"accuracy": np.array([0.9]), "loss": 2}}) == [
        (50, {"report.score.accuracy": 0.9, "report.score.loss": 2.0})
    ]
    assert log("log_scalars", {"record": Improved(True, 3.0, 0)})[0][1]["report.record.best"] == 3.0


def test_a_scalar_is_one_number() -> None:
    with pytest.raises(ValueError, match=r"'report\.x' is an array of shape \(2,\): expected one number"):
        log("log_scalars", {"x": np.zeros(2)})
    with pytest.raises(ValueError, match=r"'report\.x' is 'much'"):
        log("log_scalars", {"x": "much"})


def test_texts_and_histograms() -> None:
    assert log("log_text", {"note": "fine"}) == [(50, "report.note", "fine")]
    assert log("log_histogram", {"weights": [1, 2]}) == [(50, "report.weights", [1, 2])]


def test_pictures_have_captions() -> None:
    image, label = np.zeros((3, 1, 8, 8)), np.array([7, 1, 2])
    assert log("log_images", {"image": image}, columns=2, scale=4, range=(-1.0, 1.0)) == [
        (50, "report", (3, 1, 8, 8), None, 2, 4, (-1.0, 1.0))
    ]
    assert log("log_images", {"image": image, "label": label})[0][3] == ["7", "1", "2"]
    assert log("log_images", {"image": image, "label": label, "target": np.array([7, 3, 2])})[0][3] == [
        "7",
        "1 (3)",
        "2",
    ]
    assert log("log_images", {"image": image, "label": label}, classes=["a", "b", "c"])[0][3] == [
        "7",
        "b",
        "c",
    ]
    assert log("log_images", {"image": image, "label": np.array([0.123456, 1, 2])})[0][3] == [
        "0.123",
        "1",
        "2",
    ]
    with pytest.raises(ValueError, match="3 pictures, but 2 labels"):
        log("log_images", {"image": image, "label": label[:2]})
    with pytest.raises(ValueError, match="3 pictures, but 1 targets"):
        log("log_images", {"image": image, "label": label, "target": 7})
    with pytest.raises(ValueError, match="'label' is one number or text for each picture, and has values of several"):
        log("log_images", {"image": image, "label": np.zeros((3, 10))})


def test_tables() -> None:
    assert log("log_table", {"label": np.array([1, 2]), "guess": [1, 3]}) == [
        (50, "report", ["label", "guess"], [[1, 1], [2, 3]])
    ]
    assert log("log_table", {"matrix": np.array([[1, 2], [3, 4]])}, columns=["cat", "dog"]) == [
        (50, "report", ["cat", "dog"], [[1, 2], [3, 4]])
    ]
    assert log("log_table", {"loss": 0.5}) == [(50, "report", ["loss"], [[0.5]])]
    with pytest.raises(ValueError, match="equally long, and of these 'label' has 2, 'loss' has 1 rows"):
        log("log_table", {"label": [1, 2], "loss": 0.5})


def test_lines_on_the_terminal() -> None:
    assert log("print", {"loss": np.array(0.123456789), "update.lr": 0.5}) == ["step 50  loss 0.12346  update.lr 0.5"]
    assert log("print", {"loss": np.array(0.5), "update.lr": 0.25}, format="{step}: {loss:.2f} at {update.lr}") == [
        "50: 0.50 at 0.25"
    ]
    with pytest.raises(ValueError, match=r"'x' is an array of shape \(2,\), which '{x:.2f}' cannot write"):
        log("print", {"x": np.zeros(2)}, format="{x:.2f}")


@pytest.mark.parametrize(
    ("op", "settings", "inputs", "message"),
    [
        ("print", {"format": "{loss}{step}{{}}"}, {"loss"}, None),
        ("print", {"format": None}, {"loss"}, None),
        ("print", {"format": "{los}"}, {"loss"}, "it names {los}, but there are {step}, {loss}"),
        ("print", {"format": "{loss.__class__}"}, {"loss"}, "it names {loss.__class__}, but there are"),
        ("print", {"format": "{loss"}, {"loss"}, "expected '}' before end of string; a brace itself is written twice"),
        ("optimize", {"accumulate": {"until": 3}}, {"loss", "count"}, None),
        ("optimize", {"accumulate": {"until": 3}}, {"loss"}, "it needs the input 'count', such as batch.count"),
        ("gradient", {"wrt": None}, {"of", "wrt"}, None),
        ("gradient", {"wrt": "net.weight"}, {"of"}, None),
        ("gradient", {"wrt": None}, {"of"}, "say with respect to what"),
        ("gradient", {"wrt": "net.weight"}, {"of", "wrt"}, "it is given twice"),
        ("checkpoint", {"name": "best-of.all_2"}, set(), None),
        ("checkpoint", {"name": None}, set(), None),
        ("checkpoint", {"name": "a/b"}, set(), "'a/b' cannot name a checkpoint: a name starts with a letter"),
        ("checkpoint", {"name": "step-12"}, set(), "is neither 'latest' nor ends like 'step-12'"),
        ("call", {"function": "my_ops.relu"}, set(), None),
        ("call", {"function": "torch:nn.functional.relu"}, set(), None),
        ("call", {"function": "relu"}, set(), "expected the path of a function, such as my_ops.relu"),
        ("call", {"function": ""}, set(), "expected the path of a function, such as my_ops.name"),
        ("uniform", {"low": 0.0, "high": 1.0}, set(), None),
        ("uniform", {"low": 1.0, "high": 1.0}, set(), "expected more than low, which is 1; found 1"),
    ],
)
def test_rules_that_types_cannot_say(op: str, settings: dict[str, Any], inputs: set[str], message: str | None) -> None:
    diagnostics = Diagnostics()
    check_rule(registry.ops[op], settings, sorted(inputs), mapping(settings), diagnostics, span=SPAN)
    (name,) = settings.keys() - {"low"}
    assert len(diagnostics) == (message is not None)
    for said in diagnostics:
        assert said.code == "bad-value" and message is not None and message in said.message
        assert said.message.startswith(f"parameter '{name}' of op '{op}': ")


def test_the_optimizers_are_those_of_torch() -> None:
    torch = pytest.importorskip("torch")
    classes = {
        name: item
        for name, item in vars(torch.optim).items()
        if inspect.isclass(item)
        and issubclass(item, torch.optim.Optimizer)
        and item is not torch.optim.Optimizer
        and name not in NEED_CLOSURES
    }
    assert {name for name, item in registry.optimizers.items() if "torch" in item.backends} == set(classes)
    for name, item in classes.items():
        theirs = {p.name: p.default for p in inspect.signature(item).parameters.values() if p.name != "params"}
        ours = {p.name: p.default for p in registry.optimizers[name].params or ()}
        assert ours == theirs, name
