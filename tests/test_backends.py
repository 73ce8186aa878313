"""`run.backend`: which there are, and what is said where one cannot be had."""

from __future__ import annotations

import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

from edgraph.backends import load
from edgraph.compile import check
from edgraph.language import runs
from edgraph.schema_parts import sections
from edgraph.text.diagnostics import Diagnostics, PipelineError
from edgraph.text.render import render_text

PIPELINES = Path(__file__).parent.parent / "pipelines"


def refused(backend: str) -> str:
    """What loading the backend of a pipeline says."""
    checked = check({"name": "some", "run": {"num_steps": 1, "over": "none"}, "ops": {"one": {"op": "print"}}},
                    [f"run.backend={backend}"])
    assert checked.pipeline is not None
    with pytest.raises(PipelineError) as error:
        load.load_backend(checked.pipeline, Diagnostics())
    found = Diagnostics()
    found.extend(error.value.diagnostics)
    return render_text(found)


def test_the_language_the_schema_and_the_loader_know_the_same_backends() -> None:
    assert tuple(load.BACKENDS) == runs.BACKENDS
    [typed] = [part["enum"] for part in sections.run()["properties"]["backend"]["anyOf"] if "enum" in part]
    assert tuple(typed) == runs.BACKENDS


@pytest.mark.parametrize("backend", ["torch", "tensorflow"])
def test_a_framework_that_is_not_installed_names_the_extra(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find = util.find_spec
    monkeypatch.setattr(load, "find_spec", lambda name: None if name == backend else find(name))
    said = refused(backend)
    assert f'pip install "edgraph[{backend}]"' in said and "missing-package" in said
    assert f"run.backend={backend}" in said, "the caret is under the override"


WITHOUT = """
import sys
from importlib.machinery import PathFinder
found = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name.split(".")[0] in ("torch", "tensorflow", "keras") else found(name, *rest)
from edgraph.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def machine_without(*arguments: str) -> subprocess.CompletedProcess[str]:
    """edgraph where no framework is installed."""
    return subprocess.run([sys.executable, "-c", WITHOUT, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("backend", ["torch", "tensorflow"])
def test_a_run_without_its_framework(backend: str, tmp_path: Path) -> None:
    done = machine_without("run", str(PIPELINES / "digits.yaml"), f"run.backend={backend}", f"run.root={tmp_path}")
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert f'pip install "edgraph[{backend}]"' in done.stderr and not any(tmp_path.iterdir())


def test_a_run_that_needs_no_framework(tmp_path: Path) -> None:
    """From the first import to resuming."""
    pipeline, folder = str(PIPELINES / "sklearn-digits.yaml"), str(tmp_path / "run")
    first = machine_without("run", pipeline, "run.num_epochs=2", "--folder", folder)
    assert first.returncode == 0, first.stderr
    again = machine_without("run", pipeline, "run.num_epochs=3", "--resume", folder)
    assert again.returncode == 0 and "finished after 135 steps" in again.stdout + again.stderr
