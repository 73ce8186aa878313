"""`edgraph diff`: how a pipeline is written makes no difference, and each kind of change is named."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgraph.cli.main import main
from edgraph.compile import Checked, check
from edgraph.plan.compare import Difference, compare
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.read import read
from edgraph.text.render import render_text
from edgraph.text.source import Mapping, Source, plain

ROOT = Path(__file__).parent.parent
SHIPPED = sorted((ROOT / "pipelines").glob("*.yaml"))
DIGITS = (ROOT / "docs" / "bases" / "digits.yaml").read_text()
GAN = (ROOT / "docs" / "bases" / "gan.yaml").read_text()
TALL = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def checked(text: str, folder: Path, name: str = "pipeline.yaml", overrides: tuple[str, ...] = ()) -> Checked:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    found = check(path, overrides)
    assert not found.diagnostics.failed, render_text(found.diagnostics)
    return found


def differences(before: str, now: str, folder: Path, *overrides: str) -> list[Difference]:
    return compare(checked(before, folder, "before.yaml").require(),
                   checked(now, folder, "now.yaml", overrides).require())


def texts(base: str, folder: Path, *changes: tuple[str, str], overrides: tuple[str, ...] = ()) -> list[str]:
    """What is said when some lines of a pipeline are replaced."""
    text = base
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return [f"{item.section}: {item.text()}" for item in differences(base, text, folder, *overrides)]


# -- what makes no difference --------------------------------------------------------------------------

def tree_of(path: Path) -> dict[str, Any]:
    tree = read(Source(path.name, path.read_text(encoding="utf-8")), Diagnostics())
    assert isinstance(tree, Mapping)
    found = plain(tree)
    assert isinstance(found, dict)
    return found


def shuffled(value: Any, chance: random.Random, path: tuple[str, ...] = ()) -> Any:
    """The keys of all mappings in another order, but where the order means something."""
    if isinstance(value, list):
        return [shuffled(item, chance, path) for item in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    ordered = path[:1] in (("stages",), ("patterns",))  # consecutive windows; parameters of trainers
    if not ordered:
        chance.shuffle(keys)
    return {key: shuffled(value[key], chance, (*path, key)) for key in keys}


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in SHIPPED])
def test_formatting_and_the_order_of_keys(path: Path, tmp_path: Path) -> None:
    tree = tree_of(path)
    before = check(path).require()

    @TALL
    @given(st.randoms(use_true_random=False), st.sampled_from([True, False, None]), st.sampled_from([60, 120, 1000]))
    def once(chance: random.Random, flow: bool | None, width: int) -> None:
        text = yaml.safe_dump(shuffled(tree, chance), sort_keys=False, default_flow_style=flow, width=width,
                              allow_unicode=True)
        found = compare(before, checked(text, tmp_path, path.name).require())
        # forwards in train mode move the statistics of a model one after the other, in the order of the file
        assert [item for item in found if "the buffers of" not in str(item.now)] == []
    once()


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in SHIPPED])
def test_parameters_and_patterns_worked_in(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["expand", str(path)]) == 0
    text = capsys.readouterr().out
    assert compare(check(path).require(), checked(text, tmp_path, path.name).require()) == []


@pytest.mark.parametrize(("old", "new"), [
    ("every: 1 epoch}\n  result", "every: {steps: 23}}\n  result"),  # an epoch has so many
    ("with: {optimizer: adam}", "with: {optimizer: adam, accumulate: 1}"),  # a default
    ("inputs: {input: logits, target: batch.label}}\n  update", "inputs: [logits, batch.label]}\n  update"),
    ("update: {op: optimize, inputs: loss,", "update: {op: optimize, inputs: ((loss)),"),
    ("  update:", "  update: # trains\n   "),
], ids=["clock", "default", "inputs", "parentheses", "comment"])
def test_what_means_the_same(old: str, new: str, tmp_path: Path) -> None:
    assert texts(DIGITS, tmp_path, (old, new)) == []


def test_includes(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(DIGITS)
    assert differences(DIGITS, "include: base.yaml\n", tmp_path) == []


def test_a_parameter_in_an_expression(tmp_path: Path) -> None:
    one = DIGITS.replace("inputs: loss,", "inputs: loss * params.scale,").replace("params: {", "params: {scale: 2.0, ", 1)
    two = DIGITS.replace("inputs: loss,", "inputs: loss * 2.0,")
    assert differences(one, two, tmp_path) == []
    assert [item.text() for item in differences(one, one, tmp_path, "scale=3.0")] == [
        "update: input loss: loss * 2.0 -> loss * 3.0"]


# -- what is named -------------------------------------------------------------------------------------

def test_clocks(tmp_path: Path) -> None:
    found = texts(DIGITS, tmp_path, ("every: 1 epoch}\n  result", "every: 10}\n  result"))
    assert found == ["ops: score: clock: the last step of each epoch -> every 10 steps (20 -> 46 times)",
                     "counts: result: 20 -> 46 times"]


def test_a_longer_run_is_one_difference(tmp_path: Path) -> None:
    found = texts(DIGITS, tmp_path, overrides=("run.num_epochs=40",))
    assert len(found) == 1 and found[0].startswith("run: length: 460 steps (20 epochs of 23 steps")
    found = texts(DIGITS, tmp_path, overrides=("data.train.batch_size=32",))
    assert [text.split(":")[0] for text in found] == ["run", "data"]
    assert found[1] == "data: train: batch_size: 64 -> 32"


def test_parameters(tmp_path: Path) -> None:
    found = texts(DIGITS, tmp_path, overrides=(
        "optimizers.adam.clip_norm=1.0", "optimizers.adam.schedule={use: cosine, steps: 100}", "run.seed=3",
        "models.classifier.with.sizes=[64, 32, 10]", "ops.update.with.accumulate=4", "data.train.shuffle=false"))
    for text in ("run: seed: 0 -> 3", "data: train: shuffle: true -> false",
                 "optimizers: adam: clip_norm: none -> 1.0", "ops: update: accumulate: 1 -> 4"):
        assert text in found
    assert any(text.startswith("models: classifier: sizes: [64, ") and text.endswith("-> [64, 32, 10]") for text in found)
    assert any(text.startswith("optimizers: adam: schedule: none -> {use: cosine, ") for text in found)
    assert not any("per: " in text for text in found)  # which says nothing without a schedule
    found = texts(DIGITS, tmp_path, overrides=("optimizers.adam.schedule=0.1 / step", "optimizers.adam.per=step"))
    assert found == ["optimizers: adam: schedule: none -> 0.1 / step", "optimizers: adam: per: update -> step"]


def test_how_often_at_most(tmp_path: Path) -> None:
    """What depends on conditions runs at most so often."""
    found = texts(DIGITS, tmp_path, overrides=("ops.score.when=loss < 5", "ops.score.every=10"))
    assert found == ["ops: score: clock: the last step of each epoch -> every 10 steps (20 -> at most 46 times)",
                     "ops: score: when: none -> loss < 5", "counts: result: 20 -> at most 46 times"]


def test_ops_come_go_and_get_other_names(tmp_path: Path) -> None:
    text = DIGITS.replace("loss:", "cost:").replace("inputs: loss", "inputs: cost").replace("  update:", "  step_:")
    text = text.replace("ops:\n", "ops:\n  line: {op: print, inputs: cost, every: 100, when: cost > 2}\n", 1)
    found = [item.text() for item in differences(DIGITS, text, tmp_path)]
    assert "~ loss -> cost: renamed" in found and "~ update -> step_: renamed" in found
    assert "+ line: added: print, every 100 steps, when cost > 2 (at most 4 times)" in found
    assert not [text for text in found if "->" in text and "renamed" not in text]
    back = [item.text() for item in differences(text, DIGITS, tmp_path)]
    assert "- line: removed: print, every 100 steps, when cost > 2 (at most 4 times)" in back


def test_an_op_that_draws_keeps_no_numbers_under_another_name(tmp_path: Path) -> None:
    found = [item.text() for item in differences(GAN, GAN.replace("noise", "dust"), tmp_path)]
    assert found == ["~ noise -> dust: renamed", "dust: random numbers: those of 'noise' -> those of 'dust'"]


def test_entries_get_other_names(tmp_path: Path) -> None:
    found = [item.text() for item in differences(DIGITS, DIGITS.replace("classifier", "net"), tmp_path)]
    assert found == ["~ classifier -> net: renamed", "net: random numbers: those of 'classifier' -> those of 'net'"]


def test_inputs_and_conditions(tmp_path: Path) -> None:
    text = DIGITS.replace("inputs: loss,", "inputs: 2 * loss, when: loss < 5 and step > 3,")
    found = [item.text() for item in differences(DIGITS, text, tmp_path)]
    assert found[:2] == ["update: input loss: loss -> 2 * loss", "update: when: none -> loss < 5 and step > 3"]
    turned = text.replace("loss < 5 and step > 3", "step > 3 and loss < 5")
    assert differences(text, turned, tmp_path) == []


def test_order_and_weights(tmp_path: Path) -> None:
    found = texts(GAN, tmp_path, overrides=("ops.fake_score.after=[real_score]",))
    assert found == []  # the same order as before
    now = GAN.replace("fool:       {op: bce_with_logits, inputs: {input: fake_score",
                      "fool:       {op: bce_with_logits, inputs: {input: fresh_score")
    now = now.replace("  fool:", "  fresh_score: {op: forward, inputs: fake, with: {model: critic}}\n  fool:")
    found = [item.text() for item in differences(now, now, tmp_path, "ops.fresh_score.after=[train_d]")]
    assert "fresh_score: before 'train_d' -> after 'train_d', which writes 'critic'" in found


def test_what_begins_to_train(tmp_path: Path) -> None:
    found = texts(DIGITS, tmp_path, ("inputs: loss,", 'inputs: "loss * (2 - hold(score.accuracy, 0.0))",'))
    assert "order: score: after every update of the step -> before the updates, as it leads to one" in found


def test_gradients(tmp_path: Path) -> None:
    before = DIGITS.replace("ops:\n", "ops:\n  twice: {op: forward, inputs: batch.image, with: {model: classifier}}\n"
                                      "  both: mean(twice)\n", 1).replace("inputs: loss,", "inputs: loss + detach(both),")
    now = before.replace("detach(both)", "both")
    found = [f"{item.section}: {item.text()}" for item in differences(before, now, tmp_path)]
    assert "gradients: update: through: logits -> twice, logits" in found
    assert "ops: twice: mode: eval mode -> train mode" in found


def test_inside_loops(tmp_path: Path) -> None:
    found = texts(DIGITS, tmp_path, ("accuracy: {op: accuracy, inputs: {input: logits, target: batch.label}}",
                                     "accuracy: {op: accuracy, inputs: {input: logits, target: batch.label}, "
                                     "with: {top_k: 3}}"))
    assert found == ["ops: score.accuracy: top_k: 1 -> 3"]


def test_stages(tmp_path: Path) -> None:
    one = DIGITS + "stages: {warm: {until: 100 steps}, rest: {}}\n"
    found = [item.text() for item in differences(one, one, tmp_path, "stages.warm.until=200 steps")]
    assert found == ["warm: steps: steps 1 to 100 -> steps 1 to 200",
                     "rest: steps: from step 101 to the end -> from step 201 to the end"]


def test_a_pattern_and_the_ops_that_it_makes(tmp_path: Path) -> None:
    """Written by hand with a cycle clock, under other names."""
    before = tree_of(ROOT / "pipelines" / "digits-gan.yaml")
    now = {key: value for key, value in before.items() if key != "patterns"}
    now["ops"] = {**before["ops"],
                  "critic": {"op": "optimize", "inputs": "d_loss", "with": {"optimizer": "adam_critic"},
                             "every": {"cycle": 6, "positions": [1, 2, 3, 4, 5]}},
                  "generator": {"op": "optimize", "inputs": "g_loss", "with": {"optimizer": "adam_generator"},
                                "every": {"cycle": 6, "positions": [6]}}}
    found = differences(yaml.safe_dump(before, sort_keys=False), yaml.safe_dump(now, sort_keys=False), tmp_path)
    names = [item.text() for item in found if item.section == "ops"]
    assert names == ["~ train.critic -> critic: renamed", "~ train.generator -> generator: renamed"]


# -- the command ---------------------------------------------------------------------------------------

PATH = str(ROOT / "pipelines" / "digits.yaml")


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", PATH, PATH]) == 0
    assert capsys.readouterr().out.endswith(": no difference\n")
    assert main(["diff", PATH, "lr=1e-4", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert not found["same"] and found["now"] == f"{PATH} lr=1e-4"
    assert found["differences"] == [{"section": "optimizers", "name": "adam", "what": "lr", "before": "0.003",
                                     "now": "0.0001"}]
    assert main(["diff", PATH, "lr=1e-4", PATH, "lr=1e-4"]) == 0


@pytest.mark.parametrize(("arguments", "message"), [
    ([PATH], "or one with overrides"), (["lr=1"], "the file before it"), ([PATH, PATH, PATH], "found 3 files"),
    ([PATH, "lrr=1"], "there is no parameter 'lrr'"), ([PATH, "nowhere.yaml"], "there is no file 'nowhere.yaml'")])
def test_wrong_arguments(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", *arguments]) == 2
    assert message in capsys.readouterr().err
