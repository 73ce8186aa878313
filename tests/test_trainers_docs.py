"""docs/trainers.md: every example is a pipeline without mistakes, and every parameter is explained."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import edgraph
from edgraph.language.merge import lay_over
from edgraph.ops.registry import registry
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.read import read
from edgraph.text.source import Mapping, Source, plain

PAGE = (Path(__file__).parent.parent / "docs" / "trainers.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
EXAMPLES = [(name, text) for name, section in SECTIONS.items()
            for text in re.findall(r"^```yaml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL) if "patterns:" in text]
BASE = PAGE.split("<!-- trainers: base -->\n```yaml\n", 1)[1].split("```", 1)[0]


def laid_over_base(text: str) -> Any:
    trees = [read(Source("page", part), Diagnostics()) for part in (text, BASE)]
    assert all(isinstance(tree, Mapping) for tree in trees)
    return plain(lay_over(trees[0], trees[1]))  # type: ignore[arg-type]


def test_every_trainer_has_its_section() -> None:
    assert {name for name in registry.patterns if registry.is_builtin("pattern", name)} == set(SECTIONS)
    assert {name for name, _ in EXAMPLES} == set(SECTIONS)


@pytest.mark.parametrize(("name", "text"), EXAMPLES)
def test_example(name: str, text: str, tmp_path: Path) -> None:
    tree = laid_over_base(text)
    assert tree["patterns"]["train"]["use"] == name
    found = edgraph.load(tree).validate(data=True)
    assert [f"{d.code}: {d.message}" for d in found if d.severity == "error"] == []
    ended = edgraph.load(tree, ["run.num_steps=60"]).run(tmp_path / "run")
    assert ended.failure is None and ended.end == "finished"


@pytest.mark.parametrize("name", SECTIONS)
def test_every_parameter_is_explained(name: str) -> None:
    params = [param.name for param in registry.patterns[name].params or ()]
    rows = re.findall(r"^\| (`.*?) \|", SECTIONS[name], re.MULTILINE)
    explained = [word for row in rows for word in re.findall(r"`(\w+)`", row)]
    assert sorted(explained) == sorted(params)
    assert all(param.doc for param in registry.patterns[name].params or ())


def test_a_pattern_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example in Python, used, used wrongly, and not imported."""
    code = PAGE.split("```python\n", 1)[1].split("```", 1)[0]
    (tmp_path / "my_patterns.py").write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    use = {"use": "alternate", "with": {"first": "d_loss", "second": "g_loss", "optimizers": ["adam_d", "adam_g"]}}
    tree = {**yaml.safe_load(BASE), "imports": ["my_patterns"], "run": {"num_steps": 4}, "patterns": {"train": use}}
    Path("good.yaml").write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    try:
        assert [d.message for d in edgraph.load("good.yaml").validate(imports=True) if d.severity == "error"] == []
        plan = edgraph.load("good.yaml").check(imports=True).require()
        assert plan.nodes["train.first"].clock.next(0) == 1 and plan.nodes["train.second"].clock.next(0) == 2
        use["with"]["optimizers"] = ["adam_d"]  # type: ignore[index]
        use["with"]["first"] = "d_los"  # type: ignore[index]
        Path("bad.yaml").write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
        assert [d.message for d in edgraph.load("bad.yaml").validate(imports=True) if d.severity == "error"] == [
            "pattern 'alternate': there are 2 losses, but 1 optimizers"]
        assert inspect.getdoc(registry.patterns["alternate"].load())
    finally:
        registry.remove("pattern", "alternate")
        sys.modules.pop("my_patterns", None)
    # nothing is said about what a module that was not imported may make
    assert [d.message for d in edgraph.load("good.yaml").validate() if d.severity == "error"] == []
