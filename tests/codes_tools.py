"""The examples of diagnostics: run, and written again with their page by `make docs`.

    python tests/codes_tools.py           every example
    python tests/codes_tools.py CODE...   some of them
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgraph.backends import load
from edgraph.text.codes import CODES, Example, example
from edgraph.text.diagnostics import PipelineError
from edgraph.text.explained import page
from edgraph.text.render import render_text

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "diagnostics.md"
EXAMPLES = ROOT / "edgraph" / "text" / "examples"
HUGE = "huge.yaml"  # an example is about its size
FIRST = "first.yaml"  # is run before
# What must not be installed for these.
ABSENT = {"missing-package": "tensorflow"}


@contextmanager
def without(package: str | None) -> Iterator[None]:
    """As if one package were not installed, and everything else were."""
    before = load.find_spec
    if package is not None:
        load.find_spec = lambda name: None if name.startswith(package) else before("sys")
    try:
        yield
    finally:
        load.find_spec = before


def said(shown: Example, folder: Path) -> str:
    """What its command says of an example, in an empty folder."""
    before, modules, path = Path.cwd(), set(sys.modules), list(sys.path)
    for name, data in shown.files.items():
        (folder / name).write_bytes(data)
    if HUGE.encode() in shown.files["pipeline.yaml"]:
        with (folder / HUGE).open("wb") as file:
            file.truncate(100_000_000)
    os.chdir(folder)
    try:
        return _said(shlex.split(shown.command)[1:]).replace(str(folder), "…")
    finally:
        os.chdir(before)
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            if name == "mine":
                del sys.modules[name]


def _said(words: list[str]) -> str:
    command, pipeline, *rest = words
    overrides = [word for word in rest if "=" in word]
    if command == "validate":
        from edgraph.compile import check
        return render_text(check(pipeline, overrides, imports="--imports" in rest, data="--data" in rest).diagnostics)
    from edgraph.api import load as open_pipeline
    try:
        if Path(FIRST).exists():
            open_pipeline(FIRST).run("runs/first", quiet=True)
        if command == "set":
            from edgraph.cli.live import read
            open_pipeline("pipeline.yaml").run(pipeline, quiet=True)
            read(tuple(rest), json.loads((Path(pipeline) / "params.json").read_text(encoding="utf-8")))
        elif "--resume" in rest:
            first = open_pipeline(pipeline).run(rest[-1], quiet=True)
            open_pipeline(pipeline, overrides).run(None, str(first.folder), quiet=True)
        else:
            open_pipeline(pipeline, overrides).run("run", quiet=True)
    except PipelineError as error:
        return render_text(error.diagnostics)
    return ""


def main() -> None:
    for code in sys.argv[1:] or CODES:
        with tempfile.TemporaryDirectory() as folder, without(ABSENT.get(code)):
            (EXAMPLES / f"{code}.out").write_text(said(example(code), Path(folder)), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
