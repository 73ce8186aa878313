"""The pages of the pipelines: one for each, with the plan that it has now and small pictures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs_tools import blocks, session

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs" / "pipelines").glob("*.md"))


def test_each_pipeline_has_one() -> None:
    """Maybe together with others, whose names are its title; and a row in the table. `digits` is the tutorial's."""
    pipelines = {path.stem for path in (ROOT / "pipelines").glob("*.yaml")} - {"digits"}
    titles = [page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for page in PAGES]
    table = (ROOT / "docs" / "pipelines.md").read_text(encoding="utf-8")
    assert sorted(pipelines) == sorted(name for title in titles for name in title.split(", "))
    assert sorted(titles) == sorted(re.findall(r"^\| \[([\w, -]+)\]", table, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_the_plan(page: Path) -> None:
    generated = [block for block in blocks(page) if block.mark == "generated"]
    assert generated and f"$ edgraph plan pipelines/{page.stem}.yaml" in generated[0].text
    for block in generated:
        assert session(block.text, ROOT) == block.text


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_links_and_pictures(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        path = (page.parent / target.partition("#")[0]).resolve()
        assert path.exists(), target
        assert path.suffix != ".png" or path.stat().st_size < 60_000
