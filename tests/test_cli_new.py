"""`edgraph new`: each template validates without a word, is in good order, and runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgraph.api import load
from edgraph.cli.main import main
from edgraph.cli.new import NAMES, TEMPLATES
from edgraph.compile import check
from edgraph.text.render import render_text

THERE = sorted(path.stem for path in TEMPLATES.glob("*.yaml"))


def test_the_names_are_those_of_the_files() -> None:
    assert set(THERE) == set(NAMES)


@pytest.mark.parametrize("template", THERE)
def test_template(template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                  capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "my.yaml", "--template", template]) == 0
    assert "wrote my.yaml\n" in capsys.readouterr().out
    text = Path("my.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=pipeline.schema.json\n#\n") and "FILE" not in text
    assert "name: my\n" in text and max(map(len, text.splitlines())) <= 120
    assert main(["format", "--check", "my.yaml"]) == 0
    short = ["run.num_steps=3"]
    if template == "evaluator":
        assert main(["new", "first.yaml"]) == 0
        assert load("first.yaml", short).run("runs/classifier").exit_code == 0
        short = []
    found = check("my.yaml", data=True)
    assert not len(found.diagnostics), render_text(found.diagnostics)
    ended = load("my.yaml", short).run("run")
    assert ended.failure is None and ended.exit_code == 0


def test_what_is_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                             capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".vscode").mkdir()
    (tmp_path / ".vscode" / "settings.json").write_text("mine")
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "pipeline.schema.json").write_text("{}")
    assert main(["new", "pipelines/2 things.yaml", "--editor", "vscode"]) == 0
    printed = capsys.readouterr().out
    text = Path("pipelines/2 things.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=../schemas/pipeline.schema.json\n")
    assert 'name: "2-things"\n' in text
    assert main(["new", "other.yaml", "--editor", "vscode"]) == 0
    printed = capsys.readouterr().out
    assert Path(".vscode/settings.json").read_text() == "mine"
    assert "settings.json is there already and stays as it is" in printed
    assert json.loads(Path(".vscode/extensions.json").read_text()) == {"recommendations": ["redhat.vscode-yaml"]}
    assert main(["new", "other.yaml"]) == 2
    assert "there is a file 'other.yaml' already" in capsys.readouterr().err
