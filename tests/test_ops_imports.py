"""A pipeline's own modules: found beside it, their mistakes reported with the user's line."""
from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from ops_tools import SPAN, said

from edgraph.ops import imports
from edgraph.ops.imports import import_modules
from edgraph.ops.registry import registry
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.source import Span

OP = "from edgraph.ops.registry import op\n"


class Name(NamedTuple):
    text: str
    span: Span = SPAN


@pytest.fixture(autouse=True)
def nothing_stays(tmp_path: Path) -> Iterator[None]:
    modules, path = set(sys.modules), list(sys.path)
    yield
    import_modules([], tmp_path, Diagnostics())
    for name in set(sys.modules) - modules:
        del sys.modules[name]
    sys.path[:] = path
    imports._IMPORTED.clear()


def load(folder: Path, *names: str) -> list[str]:
    diagnostics = Diagnostics()
    import_modules([Name(name) for name in names], folder, diagnostics)
    return said(diagnostics)


def own() -> list[str]:
    return sorted(name for name in registry.ops if not registry.is_builtin("op", name))


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_a_module_beside_the_pipeline_registers(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        my_ops=OP + "import parts\n@op\ndef double(x): return 2 * x\n",
        parts=OP + "@op\ndef half(x): return x / 2\n",
    )
    assert load(folder, "my_ops") == []
    assert own() == ["double", "half"]
    assert load(folder, "parts") == [] and own() == ["half"]
    assert load(folder) == [] and own() == []


def test_modules_of_two_folders_may_share_a_name(tmp_path: Path) -> None:
    one = write(
        tmp_path / "one", my_ops=OP + "import parts\n@op\ndef first(x): return parts.N\n", parts="N = 1"
    )
    two = write(
        tmp_path / "two", my_ops=OP + "import parts\n@op\ndef second(x): return parts.N\n", parts="N = 2"
    )
    assert load(one, "my_ops") == [] and own() == ["first"]
    first = registry.ops["first"].implementation
    assert load(two, "my_ops") == [] and own() == ["second"]
    second = registry.ops["second"].implementation
    assert first is not None and second is not None and (first(0), second(0)) == (1, 2)
    assert load(one, "my_ops") == [] and registry.ops["first"].implementation is first
    assert str(two) not in sys.path and str(one) in sys.path


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    load(write(tmp_path, my_ops=OP + "@op\ndef old(x): ...\n"), "my_ops")
    load(write(tmp_path, my_ops=OP + "@op\ndef newer(x): ...\n"), "my_ops")
    assert own() == ["newer"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "x = 1\n\ndef f():\n    return 1 / 0\nf()\n",
            "import-failed: cannot import 'my_ops': ZeroDivisionError: division by zero (my_ops.py:4) (correct the module, or install what it needs)",
        ),
        ("x = (1\n", "import-failed: cannot import 'my_ops': '(' was never closed (my_ops.py:1:5) (correct the module)"),
        (
            "\nimport nothere_\n",
            "import-failed: cannot import 'my_ops': ModuleNotFoundError: No module named 'nothere_' (my_ops.py:2) (correct the module, or install what it needs)",
        ),
        ("raise SystemExit(3)\n", "import-failed: cannot import 'my_ops': SystemExit: 3 (my_ops.py:1) (correct the module, or install what it needs)"),
        (
            OP + "@op\nclass Bad:\n    def __call__(self, x): ...\n",
            "bad-registration: my_ops.py:2: op 'Bad' is a class without state_dict and load_state_dict, so what it keeps "
            "would be lost on resume; add both, or say @op(state=None) if it keeps nothing between steps",
        ),
        (
            OP + "@op\ndef forward(x): ...\n",
            "bad-registration: my_ops.py:2: op 'forward' is already registered by edgraph itself; choose another name",
        ),
    ],
)
def test_mistakes_in_a_module_are_diagnostics(tmp_path: Path, text: str, message: str) -> None:
    assert load(write(tmp_path, my_ops=text), "my_ops") == [message]
    assert own() == [] and "my_ops" not in sys.modules


def test_what_a_broken_module_has_is_not_called_unknown(tmp_path: Path) -> None:
    from edgraph.compile import check
    (tmp_path / "broken.py").write_text("import nothing_like_this\n")
    path = tmp_path / "pipeline.yaml"
    path.write_text("imports: [./broken.py]\nrun: {num_steps: 3}\ndata: {train: {use: Mine}}\n"
                    "ops:\n  batch: {op: load_batch}\n  one: {op: mine, inputs: batch.x}\n")
    assert [item.code for item in check(path, imports=True, data=True).diagnostics] == ["bad-name", "import-failed"]


def test_a_marker_that_is_wrong_is_not_ignored(tmp_path: Path) -> None:
    text = ("from __future__ import annotations\nfrom typing import Annotated\nfrom edgraph import op\n"
            "from edgraph.ops.markers import Range\n@op\n"
            "def odd(x, *, y: Annotated[float, Range(abov=0)] = 1.0): return x\n")
    (message,) = load(write(tmp_path, odd=text), "odd")
    assert "the annotation Annotated[float, Range(abov=0)] cannot be: " in message and "'abov'" in message


def test_the_line_of_the_user_is_related(tmp_path: Path) -> None:
    diagnostics = Diagnostics()
    import_modules([Name("my_ops")], write(tmp_path, my_ops="\n\nboom\n"), diagnostics)
    ((_, place),) = next(iter(diagnostics)).related
    assert place.place() == "my_ops.py:3:1" and place.source.line(3) == "boom"


def test_a_module_that_is_not_there(tmp_path: Path) -> None:
    folder = write(tmp_path, my_ops="")
    assert load(folder, "my_opps") == [
        "unknown-import: no module 'my_opps' is beside the pipeline or installed (did you mean 'my_ops'?)"
    ]


def test_a_script_s_own_module_makes_room(tmp_path: Path) -> None:
    elsewhere = write(tmp_path / "elsewhere", my_ops="WHERE = 'elsewhere'\n")
    here = write(tmp_path / "here", my_ops=OP + "@op\ndef mine(x): ...\n")
    sys.path.insert(0, str(elsewhere))
    __import__("my_ops")
    assert load(here, "my_ops") == [] and own() == ["mine"]
