"""Construction of models and optimizers, and every message about what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch_tools import MLP, Engine, backend, batch, entries, messages, one, same, twin

from edgraph.backends.base import NonFiniteLoss
from edgraph.backends.torch import TorchBackend
from edgraph.ops.registry import registry
from edgraph.text.diagnostics import PipelineError

OPT = {"use": "SGD", "updates": ["net"]}
HERE = __name__


class Nest(nn.Module):
    def __init__(self, *, parts: list[nn.Module], first: nn.Module | None = None, width: int = 2) -> None:
        super().__init__()
        self.parts = nn.Sequential(*([first] if first else []), *parts)


class HalfOff(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.on, self.off = nn.Linear(2, 2), nn.Linear(2, 2)
        self.off.requires_grad_(False)


class Unkept(nn.Module):
    def __init__(self, *, device: str = "cpu") -> None:
        super().__init__()
        self.phase = nn.Parameter(torch.zeros(2, dtype=torch.complex128, device=device))


class Optimizer(torch.optim.SGD):
    """A user's own, with a step that torch's wrappers know nothing of."""

    def __init__(self, params: Any, *, lr: float, strength: float = 1.0) -> None:
        super().__init__(params, lr=lr * strength)


def no_model(*, size: int = 1) -> int:
    return size


def no_optimizer(params: Any) -> int:
    return 3


# -- models --------------------------------------------------------------------------------------------

def test_initial_weights_are_those_of_a_seeded_twin() -> None:
    """Each model has a stream of its own: others before it change nothing."""
    alone = backend({"net": MLP}, seed=3).models["net"]
    made = backend({"first": MLP, "net": MLP}, seed=3)
    assert same(made.models["net"], alone)
    assert same(alone, twin("net", lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)),
                            3))
    assert not same(made.models["first"], alone)


def test_library_models() -> None:
    made = backend({
        "mlp": {"use": "mlp", "with": {"sizes": [4, 5, 6, 2], "activation": "gelu", "dropout": 0.1,
                                       "batch_norm": True,
                                       "bias": False}},
        "conv": {"use": "convnet", "with": {"channels": [4, 8], "classes": 10, "in_channels": 3, "kernel": 5,
                                            "dropout": 0.1,
                                            "batch_norm": True}}})
    assert [type(part).__name__ for part in made.models["mlp"]] == [
        "Flatten", "Linear", "BatchNorm1d", "GELU", "Dropout", "Linear", "BatchNorm1d", "GELU", "Dropout", "Linear"]
    assert made.models["conv"](torch.rand(2, 3, 16, 16)).shape == (2, 10)
    assert [type(part).__name__ for part in made.models["conv"]] == [
        *["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"] * 2, "AdaptiveAvgPool2d", "Flatten", "Dropout", "Linear"]


def test_every_registered_model_can_be_made() -> None:
    for name, item in registry.models.items():
        if "torch" in item.backends:
            assert issubclass(item.on("torch").load(), nn.Module), name


def test_nested_use() -> None:
    linear = {"use": "torch.nn.Linear", "with": {"in_features": 2, "out_features": 2}}
    made = backend({"net": {"use": f"{HERE}.Nest", "with": {"parts": [linear, {"use": "torch.nn.GELU"}],
                                                            "first": linear}}})
    assert [type(part).__name__ for part in made.models["net"].parts] == ["Linear", "Linear", "GELU"]


def test_copies() -> None:
    made = backend({"b": {"copy": "a"}, "a": {**MLP, "frozen": True}, "c": {"copy": "b"}},
                   {"opt": {"use": "SGD", "updates": ["b"]}})
    assert list(made.models) == ["b", "a", "c"]
    assert same(made.models["a"], made.models["b"])
    assert same(made.models["a"], made.models["c"])
    assert made.shared_parameters() == []
    assert all(p.requires_grad for p in made.models["b"].parameters())
    assert not made.models["a"].training


def test_what_a_constructor_switched_off_stays_off() -> None:
    made = backend({"net": {"use": f"{HERE}.HalfOff"}, "twin": {"copy": "net"}},
                   {"opt": {"use": "SGD", "updates": ["net", "twin"]}})
    assert len(made.updaters["opt"].params) == 4
    assert not made.models["twin"].off.weight.requires_grad


def test_initial_weights_do_not_depend_on_the_device() -> None:
    assert torch.cuda.is_available() or backend({"net": MLP}).device.type == "cpu"


# -- weights -------------------------------------------------------------------------------------------

def test_weights_from_a_checkpoint() -> None:
    trained = one(MLP)
    Engine(trained).step(1, *batch(1))
    asked: list[str] = []

    def checkpoint(name: str) -> Any:
        asked.append(name)
        return trained.state()

    made = backend({"net": {**MLP, "weights": "runs/x@best"}, "other": {**MLP, "weights": "runs/x@best"}},
                   checkpoint=checkpoint)
    assert asked == ["runs/x@best"] * 2
    assert same(made.models["net"], trained.models["net"])
    assert same(made.models["other"], trained.models["net"])  # the only one there is


def test_weights_from_a_file(tmp_path: Path) -> None:
    net = backend({"net": MLP}, seed=7).models["net"]
    save_file({f"enc.{name}": value for name, value in net.state_dict().items()} | {"dec.x": torch.ones(1)},
              tmp_path / "x.safetensors")
    weights = {"file": "x.safetensors", "prefix": "enc."}
    assert same(backend({"net": {**MLP, "weights": weights}}, folder=tmp_path).models["net"], net)
    save_file({"1.weight": torch.ones(8, 6), "more": torch.ones(1)}, tmp_path / "part.safetensors")
    loose = {"file": "part.safetensors", "strict": False}
    made = backend({"net": {**MLP, "weights": loose}}, folder=tmp_path).models["net"]
    assert made[1].weight.eq(1).all()
    assert messages({"net": {**MLP, "weights": {**loose, "strict": True}}}, folder=tmp_path) == [
        "bad-weights: weights of model 'net' from 'part.safetensors': 3 missing: '1.bias', '3.weight', '3.bias'; "
        "1 that the model does not have: 'more' (set strict: false to take what fits)"]


@pytest.mark.parametrize(("content", "message"), [
    (None, "there is no such file (relative paths start at the pipeline's folder, {folder})"),
    (b"nothing", "it is not a safetensors file (SafetensorError: *)"),
    ({"1.weight": torch.ones(3)}, "'1.weight' has shape (3,) and in the model (8, 6)"),
    ({"a": torch.ones(3)},
     "no name in it is one of the model's (it has 'a'; the model has '1.weight', '1.bias', '3.weight', …)")])
def test_bad_weight_files(tmp_path: Path, content: Any, message: str) -> None:
    if isinstance(content, bytes):
        (tmp_path / "x.safetensors").write_bytes(content)
    elif content:
        save_file(content, tmp_path / "x.safetensors")
    found, = messages({"net": {**MLP, "weights": {"file": "x.safetensors"}}}, folder=tmp_path)
    expected = f"bad-weights: weights of model 'net' from 'x.safetensors': {message}".format(folder=tmp_path)
    start, _, end = expected.partition("*")
    assert found.startswith(start)
    assert found.endswith(end)


def test_bad_checkpoints() -> None:
    def absent(name: str) -> Any:
        raise ValueError(f"there is no run '{name}'")

    net = {**MLP, "weights": "x@best"}
    assert messages({"net": net}) == [
        "bad-weights: weights of model 'net' from 'x@best': there is no run folder to look in"]
    assert messages({"net": net}, checkpoint=absent) == [
        "bad-weights: weights of model 'net' from 'x@best': there is no run 'x@best'"]
    two = backend({"nett": MLP, "b": MLP}).state()
    assert messages({"net": net}, checkpoint=lambda name: two) == [
        "bad-weights: weights of model 'net' from 'x@best': the checkpoint has no model 'net' (did you mean 'nett'?)"]


# -- what is wrong with models -------------------------------------------------------------------------

@pytest.mark.parametrize(("model", "expected"), [
    ({"use": "mpl"}, "unknown-model: there is no model 'mpl' (did you mean 'mlp'?)"),
    ({"use": "torch.nn.Liner"},
     "import-failed: model 'torch.nn.Liner' cannot be imported: 'torch.nn' has no 'Liner'"),
    ({"use": "no_such.Net"}, "import-failed: model 'no_such.Net' cannot be imported: there is no module 'no_such'"),
    ({"use": "mlp", "with": {"sizes": [1, 2], "activaton": "relu"}},
     "unknown-parameter: model 'mlp' has no parameter 'activaton' (did you mean 'activation'?)"),
    ({"use": "mlp"}, "missing-parameter: model 'mlp' needs 'sizes' under 'with'"),
    ({"use": "torch.nn.Linear", "with": {"in_features": 2, "out_featurs": 2}},
     "unknown-parameter: model 'torch.nn.Linear' has no parameter 'out_featurs' (did you mean 'out_features'?)"),
    ({"use": "torch.nn.Conv2d", "with": {"in_channels": 3, "out_channels": 4, "kernel_size": 3, "groups": 2}},
     "cannot-construct: model 'torch.nn.Conv2d' could not be made: in_channels must be divisible by groups"),
    ({"use": f"{HERE}.no_model"}, f"not-a-model: '{HERE}.no_model' gave a int, and a model is a torch.nn.Module"),
    ({"use": "torch.nn.LazyLinear", "with": {"out_features": 3}},
     "lazy-model: model 'net' has layers without a shape until their first input"),
    ({"use": f"{HERE}.Unkept"}, "cannot-construct: model 'net' cannot be used: 'phase' is a tensor of torch.complex128, "
     "torch.strided, which cannot be kept in a checkpoint"),
    ({"use": f"{HERE}.Unkept", "with": {"device": "meta"}}, "cannot-construct: model 'net' cannot be used: 'phase' is on "
     "the device 'meta'"),
    ({"copy": "nett"}, "unknown-model: there is no model 'nett' to copy"),
    ({"copy": "net"}, "copy-cycle: models copy each other: net -> net (give one of them a 'use')")])
def test_wrong_models(model: dict[str, Any], expected: str) -> None:
    """A model that cannot be built is one mistake: its optimizer says nothing more."""
    found, = messages({"net": model}, {"opt": OPT})
    assert found.startswith(expected)


def test_cycles_of_copies() -> None:
    found = messages({"a": {"copy": "b"}, "b": {"copy": "c"}, "c": {"copy": "a"}})
    assert found == ["copy-cycle: models copy each other: a -> b -> c -> a (give one of them a 'use')"]


def test_all_mistakes_at_once() -> None:
    found = messages({"a": {"use": "mpl"}, "b": {"use": "mlp"}, "net": MLP},
                     {"x": {"use": "Adma", "updates": ["net"]}, "y": {"use": "SGD", "updates": ["nte", "net.7"]}})
    assert [text.split(":")[0] for text in found] == [
        "unknown-model", "missing-parameter", "unknown-optimizer", "unknown-model", "unknown-model"]


# -- what is wrong with optimizers ---------------------------------------------------------------------

@pytest.mark.parametrize(("optimizer", "expected"), [
    ({"use": "Adma"}, "unknown-optimizer: there is no optimizer 'Adma' (did you mean 'Adam'?)"),
    ({"use": "LBFGS"},
     "needs-closure: optimizer 'LBFGS' evaluates the loss several times in an update, which needs a "
     "closure (use an optimizer that takes one gradient, such as Adam)"),
    ({"use": "torch.optim.LBFGS"}, "needs-closure: optimizer 'torch.optim.LBFGS' evaluates"),
    ({"with": {"lrr": 1}}, "unknown-parameter: optimizer 'SGD' has no parameter 'lrr' (did you mean 'lr'?)"),
    ({"with": {"lr": "fast"}}, "wrong-type: parameter 'lr' of optimizer 'SGD'"),
    ({"use": "torch.optim.SGD", "with": {"lr": -1.0}},
     "cannot-construct: optimizer 'torch.optim.SGD' could not be made: Invalid learning rate: -1.0"),
    ({"with": {"nesterov": True}}, "cannot-construct: optimizer 'SGD' could not be made: Nesterov momentum requires"),
    ({"use": f"{HERE}.no_optimizer"}, f"not-an-optimizer: '{HERE}.no_optimizer' gave a int, and an optimizer is a "
     "torch.optim.Optimizer"),
    ({"use": f"{HERE}.Optimizer"}, f"missing-parameter: optimizer '{HERE}.Optimizer' needs 'lr' under 'with'"),
    ({"updates": ["nett"]}, "unknown-model: there is no model 'nett' (did you mean 'net'?)"),
    ({"updates": ["net.7"]}, "unknown-model: model 'net' has no sub-module '7' (expected one of 0, 1, 2, 3)"),
    ({"updates": ["net.1.weight"]}, "unknown-model: model 'net.1' has no sub-module 'weight' (it has none)"),
    ({"updates": ["net.2"]},
     "nothing-to-update: optimizer 'opt' finds nothing to update in 'net.2': it has no parameters"),
    ({"updates": ["net", "net.1"]},
     "nothing-to-update: optimizer 'opt' finds nothing to update in 'net.1': an earlier "
     "entry of 'updates' has all of it, and the first match wins"),
    ({"updates": [{"model": "net", "match": ["*norm*"]}]},
     "nothing-to-update: optimizer 'opt' finds nothing to update in "
     "'net': no parameter matches '*norm*' (it has '1.weight', '1.bias', '3.weight', …)"),
    ({"updates": ["cold"]},
     "frozen-model: optimizer 'opt' updates 'cold', which is frozen (drop 'frozen: true' or take "
     "it out of 'updates')"),
    ({"updates": ["cold.1"]}, "frozen-model: optimizer 'opt' updates 'cold.1', which is frozen"),
    ({"updates": ["half.off"]},
     "nothing-to-update: optimizer 'opt' finds nothing to update in 'half.off': its constructor "
     "switched off the gradients of all its parameters"),
    ({"updates": [{"model": "net", "weight_dekay": 0.0}]},
     "unknown-parameter: optimizer 'SGD' has no parameter 'weight_dekay' (did you mean 'weight_decay'?)"),
    ({"use": "Muon"}, "cannot-construct: optimizer 'Muon' could not be made: Muon only supports 2D parameters"),
    ({"schedule": {"use": "cosin", "steps": 5}},
     "unknown-schedule: there is no schedule 'cosin' (did you mean 'cosine'?)"),
    ({"schedule": {"use": "cosine"}}, "missing-parameter: schedule 'cosine' needs 'steps' under 'with'"),
    ({"schedule": {"use": "cosine", "steps": 5, "warm": 2}},
     "unknown-parameter: schedule 'cosine' has no parameter 'warm'"),
    ({"schedule": {"use": "StepLR", "gama": 2, "step_size": 1}},
     "unknown-parameter: schedule 'StepLR' has no parameter 'gama' (did you mean 'gamma'?)"),
    ({"schedule": {"use": "CyclicLR", "base_lr": 0.1, "max_lr": 1.0, "cycle_momentum": True}, "use": "Adagrad"},
     "cannot-construct: schedule 'CyclicLR' could not be made: optimizer must support momentum"),
    ({"schedule": {"use": "SequentialLR", "milestones": [1], "schedulers": ["ConstantLR", {"use": "ConstantLR"}]}},
     "wrong-type: each of the 'schedulers' is a mapping with 'use' (such as {use: ConstantLR, factor: 0.1})"),
    ({"schedule": {"use": "SequentialLR", "milestones": [1], "schedulers": [{"use": "cosine", "steps": 9}]}},
     "bad-value: 'cosine' cannot be one of several schedulers (these are classes of torch.optim.lr_scheduler, such as")])
def test_wrong_optimizers(optimizer: dict[str, Any], expected: str) -> None:
    models = {"net": MLP, "cold": {**MLP, "frozen": True}, "half": {"use": f"{HERE}.HalfOff"}}
    found, = messages(models, {"opt": {**OPT, **optimizer}})
    assert found.startswith(expected)


def test_the_users_own_optimizer() -> None:
    made = one(MLP, use=f"{HERE}.Optimizer", **{"with": {"lr": 0.1, "strength": 2.0}})
    other = one(MLP, **{"with": {"lr": 0.2}})
    Engine(made).step(1, *batch(1))
    Engine(other).step(1, *batch(1))
    assert same(made.models["net"], other.models["net"])


def test_hooks_of_the_users_are_called() -> None:
    """The short cut past torch's wrappers is not taken where somebody listens."""
    from edgraph.backends.torch.updater import Updater

    weight = nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    calls: list[int] = []
    assert Updater("a", optimizer).step is not optimizer.step
    optimizer.register_step_post_hook(lambda *rest: calls.append(1))
    Updater("a", optimizer).step()
    assert calls == [1]


def test_torchs_compiler_is_not_imported() -> None:
    """It takes as long as importing torch; torch.optim would import it to exempt one method from it."""
    import subprocess
    import sys

    code = """if True:
        import sys, torch_tools as t
        made = t.one(t.MLP, use="Adam", schedule={"use": "StepLR", "step_size": 2}, clip_norm=1.0)
        engine = t.Engine(made)
        for step in (1, 2, 3):
            engine.step(step, *t.batch(step))
        made.load_state(made.state())
        assert "torch._dynamo" not in sys.modules"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)


# -- what is wrong at a node ---------------------------------------------------------------------------

def caught(function: Any, *arguments: Any, **options: Any) -> list[str]:
    with pytest.raises(PipelineError) as error:
        function(*arguments, **options)
    return [f"{d.code}: {d.message}" + (f" ({d.help})" if d.help else "") for d in error.value.diagnostics]


def test_wrong_names() -> None:
    made = one(MLP)
    call: dict[str, Any] = {"train": True, "trains": frozenset(), "buffers": True}
    assert caught(made.forward, "x", "nte",
                  **call) == ["unknown-model: there is no model 'nte' (did you mean 'net'?)"]
    assert caught(made.gradients, "otp", retain=False, weighted=False) == [
        "unknown-optimizer: there is no optimizer 'otp' (did you mean 'opt'?)"]
    assert caught(made.apply, "x", frozenset())[0].startswith("unknown-optimizer: there is no optimizer 'x'")
    assert caught(made.gradient, "net.1.wieght") == [
        "unknown-parameter: model 'net.1' has no parameter 'wieght' (did you mean 'weight'?)"]
    assert caught(made.gradient, "net") == [
        "unknown-parameter: 'net' is a whole model, and a gradient is taken with respect to one parameter "
        "(name one, such as 'net.weight')"]
    assert made.gradient("net.1.weight") is not None


def test_wrong_devices_and_precisions() -> None:
    assert caught(TorchBackend, device="cdua")[0].startswith("unknown-device: there is no device 'cdua' here: ")
    assert caught(TorchBackend, device="cpu", precision="bf61") == [
        "unknown-precision: there is no precision 'bf61' (did you mean 'bf16'?)"]
    assert caught(TorchBackend, device="cpu", precision="fp16") == [
        "unknown-precision: precision fp16 needs a GPU, and the device is cpu (use bf16 or fp32)"]
    if not torch.cuda.is_available():
        assert caught(TorchBackend, device="cuda")[0].startswith("unknown-device: there is no device 'cuda' here: ")
        assert TorchBackend().device.type == "cpu"


# -- losses that are not numbers -----------------------------------------------------------------------

def test_losses_that_are_none() -> None:
    made = one(MLP)
    take = made.gradients("opt", retain=False, weighted=False)
    out = made.models["net"](batch(1)[0])
    with pytest.raises(ValueError, match=r"the loss of optimizer 'opt' has shape \(16, 3\); expected one number"):
        take(out)
    with pytest.raises(TypeError, match="the loss of optimizer 'opt' is a float, not a tensor"):
        take(1.0)
    with pytest.raises(ValueError, match="the loss of optimizer 'opt' does not depend on anything that it updates"):
        take(torch.tensor(1.0))
    made.nonfinite = "ignore"
    with pytest.raises(ValueError, match="has shape"):
        made.gradients("opt", retain=False, weighted=False)(out)
    with pytest.raises(TypeError, match="is a float"):
        made.gradients("opt", retain=False, weighted=False)(1.0)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_not_finite(value: float) -> None:
    x = batch(1)[0] * value
    y = batch(1)[1]
    stopping = one(MLP)
    before = [p.detach().clone() for p in stopping.models["net"].parameters()]
    with pytest.raises(NonFiniteLoss, match="the loss is nan"):
        Engine(stopping).step(1, x, y)
    assert all(torch.equal(a, b) for a, b in zip(before, stopping.models["net"].parameters(), strict=True))
    skipping = one(MLP, nonfinite="skip")
    report = Engine(skipping, ports=("applied", "updates", "grad_norm", "lr")).step(1, x, y)
    assert report["applied"] is False
    assert report["updates"] == 0
    assert report["grad_norm"] != report["grad_norm"]
    assert all(torch.equal(a, b) for a, b in zip(before, skipping.models["net"].parameters(), strict=True))
    ignoring = one(MLP, nonfinite="ignore")
    Engine(ignoring).step(1, x, y)
    assert not all(p.isfinite().all() for p in ignoring.models["net"].parameters())


def test_skipped_firings_are_not_accumulated() -> None:
    made = one(MLP, nonfinite="skip")
    engine = Engine(made, accumulate=2, ports=("applied",))
    x, y = batch(1)
    assert [engine.step(n, part, y)["applied"] for n, part in enumerate([x, x * float("nan"), x], 1)] == [False,
                                                                                                          False, True]


class Steep(nn.Module):
    """A loss of 0 with an infinite gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.weight.sqrt()


def test_check_of_gradients() -> None:
    x = torch.zeros(1)
    with pytest.raises(NonFiniteLoss, match=r"the loss is 0, and the norm of its gradients (inf|nan)"):
        Engine(one({"use": f"{HERE}.Steep"}), loss="l1", check="gradients").step(1, x, x)
    made = one({"use": f"{HERE}.Steep"}, nonfinite="skip")
    assert Engine(made, loss="l1", check="gradients", ports=("applied",)).step(1, x, x) == {"applied": False}
    made = one({"use": f"{HERE}.Steep"}, nonfinite="skip")
    assert Engine(made, loss="l1", ports=("applied",)).step(1, x, x) == {"applied": True}


def test_ports_that_nobody_asked_for_cost_nothing() -> None:
    made = one(MLP)
    assert Engine(made).step(1, *batch(1)) == {}
    assert Engine(made, ports=("applied",)).step(1, *batch(1)) == {"applied": True}
    assert Engine(made, ports=("lr", "updates")).step(1, *batch(1)) == {"lr": 0.001, "updates": 3}


def test_entries_are_what_the_backend_reads() -> None:
    """language.pipeline's classes have everything that edgraph.backends.entries asks for."""
    from edgraph.backends import entries as asked

    pipeline = entries({"net": {**MLP, "weights": "a@b"}}, {"opt": OPT})
    for protocol, entry in ((asked.ModelEntry, pipeline.models["net"]),
                            (asked.OptimizerEntry, pipeline.optimizers["opt"]),
                            (asked.Weights, pipeline.models["net"].weights), (asked.Group,
                                                                              pipeline.optimizers["opt"].updates[0])):
        asked_for = [name for name in dir(protocol) if isinstance(getattr(protocol, name), property)]
        assert asked_for and all(hasattr(entry, name) for name in asked_for)
