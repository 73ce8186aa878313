"""What patterns make besides ops, and how it is worked into a pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from trainers import GAN, tree

import edgraph
from edgraph.cli.main import main
from edgraph.compile import check

LOSSES = "losses: {critic: d_loss, generator: g_loss}, optimizers: {critic: adam_d, generator: adam_g}"
CYCLE = f"{{{LOSSES}, frequency: {{critic: 2, generator: 1}}}}"


def messages(pipeline: Any, *overrides: str) -> list[str]:
    return [d.message for d in edgraph.load(pipeline, overrides).validate() if d.severity == "error"]


def test_an_adjusted_op() -> None:
    pipeline = tree("base_trainer", f"{{{LOSSES}}}", ops={"train.log": {"every": 7}})
    assert check(pipeline).require().nodes["train.log"].clock.next(0) == 7
    assert check(pipeline, ["ops.train.log.every=9"]).require().nodes["train.log"].clock.next(0) == 9
    assert "train.log" not in check(pipeline, ["ops.train.log=null"]).require().nodes


def test_the_run_of_the_file_wins() -> None:
    pipeline = tree("base_trainer", f"{{{LOSSES}, checkpoint_every: 50, keep: 4}}")
    policy = check(pipeline).require().pipeline.run.checkpoint
    assert policy is not None and policy.keep == 4
    policy = check(pipeline, ["run.checkpoint=false"]).require().pipeline.run.checkpoint
    assert policy is not None and not policy.enabled


def test_a_loss_with_the_name_of_its_op() -> None:
    """`{d_loss: d_loss}`: the first is the name in the trainer, the second the op of the file."""
    pipeline = tree("frequency_trainer",
                    "{losses: {d_loss: d_loss}, optimizers: {d_loss: adam_d}, frequency: [d_loss]}")
    graph = check(pipeline).require()
    assert [read.node for read in graph.nodes["train.d_loss.gradients"].reads] == ["d_loss"]
    assert graph.nodes["train.d_loss"].clock.next(0) == 1 and graph.nodes["train.d_loss"].clock.next(1) == 2


def test_default_and_group_learning_rates_are_multiplied() -> None:
    pipeline = tree("list_trainer", f"sets: [{{{LOSSES}, lr_multiplier: 3.0}}]")
    pipeline["optimizers"] = {
        "adam_d": {"use": "Adam", "updates": [{"model": "critic", "match": ["*.bias"], "lr": 0.1}, "critic"]},
        "adam_g": {"use": "torch.optim.Adam", "updates": ["generator"], "with": {"lr": 0.5}}}
    optimizers = check(pipeline).require().pipeline.optimizers
    settings = optimizers["adam_d"].use.settings
    assert settings is not None and settings.get("lr").value == 3.0 * 1e-3  # type: ignore[union-attr]
    assert optimizers["adam_d"].updates[0].settings == {"lr": 3.0 * 0.1}
    del pipeline["optimizers"]["adam_g"]["with"]
    assert messages(pipeline) == ["the learning rate of optimizer 'adam_g' is not known, so that it cannot be "
                                  "multiplied"]


def test_inside_a_graph() -> None:
    """In a loop a trainer can say nothing about the rest of the pipeline; with schedules per update it need not."""
    found = yaml.safe_load(GAN)
    ops = found.pop("ops")
    found["ops"] = {"train": {"op": "loop", "with": {"graph": "inner"}, "every": 10}}
    use = {"use": "frequency_trainer", "with": yaml.safe_load(CYCLE)}
    found["graphs"] = {"inner": {"over": "train", "ops": ops, "patterns": {"turns": use}}}
    assert messages(found) == ["pattern 'frequency_trainer' says something about optimizers, which a graph that is run "
                               "as a loop cannot"]
    use["with"]["per"] = "update"
    body = check(found).require().nodes["train"].body
    assert body is not None and "turns.generator" in body.nodes


def test_expanded_trainers_load_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    uses = {"base_trainer": f"{{{LOSSES}, lr: 0.1, decay: {{from: 1, to: 9}}, "
                            "run_once: {op: print, inputs: {a: 1}}}",
            "template": f"{{{LOSSES}, checkpoint_every: 10 minutes}}",
            "frequency_trainer": CYCLE,
            "list_trainer": f"sets: [{{{LOSSES}, lr_multiplier: 3.0}}]",
            "stage_trainer": f"{{{LOSSES}, stages: {{a: {{until: 3, losses: [critic]}}, b: {{losses: [generator]}}}}}}"}
    for name, settings in uses.items():
        pipeline = tree(name, settings)
        if name == "base_trainer":
            for entry in pipeline["optimizers"].values():
                del entry["with"]
        (tmp_path / "one.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False), encoding="utf-8")
        texts = []
        for source, target in (("one", "two"), ("two", "three")):
            assert main(["expand", str(tmp_path / f"{source}.yaml")]) == 0
            texts.append(capsys.readouterr().out)
            (tmp_path / f"{target}.yaml").write_text(texts[-1], encoding="utf-8")
        assert texts[0] == texts[1], name
        plans = [edgraph.load(tmp_path / f"{source}.yaml").plan(1, 40) for source in ("one", "two")]
        assert plans[0] == plans[1], name




def test_editors_know_the_trainers() -> None:
    import jsonschema

    from edgraph.schema import schema

    validator = jsonschema.Draft7Validator(schema())

    def wrong(settings: str, trainer: str = "frequency_trainer") -> list[str]:
        return [".".join(map(str, error.path)) for error in validator.iter_errors(tree(trainer, settings))]

    assert wrong(CYCLE) == []
    assert wrong("{anything: 1}", "a_graph_of_the_file") == []
    assert wrong(CYCLE.replace("generator: 1}", "generator: 0}")) == ["patterns.train.with.frequency"]
    assert wrong(CYCLE.replace("frequency", "frequencies")) != []
    misspelt = f"{{{LOSSES}, log_every: {{steps: 10, offest: 3}}}}"
    assert wrong(misspelt, "base_trainer") == ["patterns.train.with.log_every"]


def test_what_a_function_may_not_make() -> None:
    def wrong(*, value: int = 1) -> Any:
        return {"a": {"op": "print", "inputs": object()}} if value == 1 else [1] if value == 2 else 1 / 0

    edgraph.pattern(wrong)
    try:
        found = yaml.safe_load(GAN)
        for value, message in ((1, "raised TypeError: it made a object, which a pipeline cannot hold"),
                               (2, "returned list; expected a mapping from names to ops"),
                               (3, "raised ZeroDivisionError: division by zero")):
            found["patterns"] = {"p": {"use": "wrong", "with": {"value": value}}}
            assert messages(found) == [f"pattern 'wrong' {message}"]
    finally:
        from edgraph.ops.registry import registry
        registry.remove("pattern", "wrong")
