"""pipelines/digits-gan.yaml: the same weights by hand, by cycle clocks and by the pattern; and its plan in the docs."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn
from trainers import bce
from twins import batches, differences, digits, module_weights, run, saved_weights, started

import edgraph
from edgraph.cli.main import main

ROOT = Path(__file__).parent.parent
PIPELINE = ROOT / "pipelines" / "digits-gan.yaml"
PAGE = (ROOT / "docs" / "trainers.md").read_text(encoding="utf-8")
STEPS = 300
SHORT = [f"run.num_steps={STEPS}"]


def fenced(after: str) -> str:
    """The first block of the page after some words."""
    return PAGE.split(after, 1)[1].split("```", 2)[1].partition("\n")[2]


def made(tree: Any, name: str) -> nn.Module:
    from edgraph.backends.torch.models import MLP

    settings = {key: [16 if size == "${latent}" else size for size in value] if key == "sizes" else value
                for key, value in tree["models"][name]["with"].items()}
    return started(MLP(**settings), name, 0).train()


def by_hand(tree: Any) -> dict[str, nn.Module]:
    """The loop as one writes it: five steps of the critic, one of the generator."""
    critic, generator = made(tree, "critic"), made(tree, "generator")
    optimizers = {name: torch.optim.Adam(net.parameters(), **tree["optimizers"][f"adam_{name}"]["with"])
                  for name, net in (("critic", critic), ("generator", generator))}
    images, _ = digits()
    for step, _, chosen in batches(0, len(images), 64, STEPS):
        real = images[chosen]
        torch.manual_seed(edgraph.stream_seed(0, "noise", step))
        noise = torch.randn(len(real), 16)

        def score(node: str, pictures: torch.Tensor, step: int = step) -> torch.Tensor:
            torch.manual_seed(edgraph.stream_seed(0, node, step))
            scores: torch.Tensor = critic(pictures)
            return scores

        if step % 6:
            statistics = copy.deepcopy(dict(generator.named_buffers()))
            with torch.no_grad():
                fake = generator(noise)
                for name, buffer in generator.named_buffers():  # a step that does not train it leaves them
                    buffer.copy_(statistics[name])
            loss, net, optimizer = bce(score("real_score", real), 1.0) + bce(score("fake_score", fake), 0.0), critic, \
                optimizers["critic"]
        else:
            loss, net, optimizer = bce(score("fake_score", generator(noise)), 1.0), generator, optimizers["generator"]
        gradients = torch.autograd.grad(loss, list(net.parameters()))
        for parameter, gradient in zip(net.parameters(), gradients, strict=True):
            parameter.grad = gradient
        optimizer.step()
    return {"critic": critic, "generator": generator}


def test_by_hand(tmp_path: Path) -> None:
    run(PIPELINE, tmp_path / "run", SHORT)
    nets = by_hand(yaml.safe_load(PIPELINE.read_text(encoding="utf-8")))
    assert differences(saved_weights(tmp_path / "run"), module_weights(**nets)) == []


def test_by_cycle_clocks(tmp_path: Path) -> None:
    """Without the pattern: two updates with clocks, as the docs show them."""
    run(PIPELINE, tmp_path / "pattern", SHORT)
    tree = yaml.safe_load(PIPELINE.read_text(encoding="utf-8"))
    del tree["patterns"]
    tree["ops"] |= yaml.safe_load(fenced("The same without a pattern"))["ops"]
    run(tree, tmp_path / "clocks", SHORT)
    assert differences(saved_weights(tmp_path / "pattern"), saved_weights(tmp_path / "clocks")) == []


def test_expanded_it_is_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What `edgraph expand` prints is a pipeline without patterns that does the same."""
    assert main(["expand", str(PIPELINE)]) == 0
    (tmp_path / "expanded.yaml").write_text(capsys.readouterr().out, encoding="utf-8")
    assert "patterns" not in yaml.safe_load((tmp_path / "expanded.yaml").read_text(encoding="utf-8"))
    for name, source in (("pattern", PIPELINE), ("expanded", tmp_path / "expanded.yaml")):
        run(source, tmp_path / name, ["run.num_steps=30"])
    assert differences(saved_weights(tmp_path / "pattern"), saved_weights(tmp_path / "expanded")) == []


def test_the_plan_in_the_docs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`edgraph plan --steps 1..12`, as it is printed."""
    monkeypatch.chdir(ROOT)
    assert main(["plan", "pipelines/digits-gan.yaml", "--steps", "1..12"]) == 0
    printed = capsys.readouterr().out
    assert fenced("$ edgraph plan pipelines/digits-gan.yaml --steps 1..12`") == printed
    plan = edgraph.load(PIPELINE).plan(1, 12)
    records = [{op["name"] for op in pattern["ops"] if op["gradients"]} for pattern in plan["patterns"]]
    assert "fake" not in records[0] and {"real_score", "fake_score"} <= records[0]  # the critic's steps
    assert "real_score" not in records[1] and {"fake", "fake_score"} <= records[1]  # the generator's
