"""What the pages show of commands is what they print, but for times and figures; `make docs` writes it anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs_tools import PAGES, blocks, draw, masked, pictures, session, workplace


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_sessions(page: Path, tmp_path: Path) -> None:
    """In the order of the page, in one folder: a run that one session stops is resumed in the next."""
    folder = workplace(tmp_path)
    for block in blocks(page):
        if block.mark == "generated":
            assert masked(session(block.text, folder)) == masked(block.text), block.name


@pytest.mark.parametrize(("path", "arguments"), [pytest.param(*found, id=found[0].name) for found in pictures()])
def test_pictures(path: Path, arguments: list[str], tmp_path: Path) -> None:
    assert path.read_text(encoding="utf-8") == draw(arguments, workplace(tmp_path))


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_python_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The marked examples in Python, one after the other."""
    marked = [block for block in blocks(page) if block.mark == "run"]
    if marked:
        pytest.importorskip("torch")
        monkeypatch.chdir(workplace(tmp_path))
    names: dict[str, object] = {}
    for block in marked:
        exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), names)
