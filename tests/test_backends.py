"""`run.backend`: which there are, and what is said where one cannot be had."""

from __future__ import annotations

from importlib import util

import pytest

from edgraph.backends import load
from edgraph.compile import check
from edgraph.language import runs
from edgraph.schema_parts import sections
from edgraph.text.diagnostics import Diagnostics, PipelineError
from edgraph.text.render import render_text


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
    monkeypatch.setattr(load.Framework, "exists", lambda self: True)
    said = refused(backend)
    assert f'pip install "edgraph[{backend}]"' in said and "missing-package" in said
    assert f"run.backend={backend}" in said, "the caret is under the override"
