"""Every example of README.md and docs/ is what it says: pipelines are fine or have the errors that are shown."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from docs_tools import PAGES, ROOT, Block, all_blocks, diagnose

import edgraph
from edgraph.graph.passes import PASSES
from edgraph.language.data import KEYS as DATA_KEYS
from edgraph.language.expressions import FUNCTIONS
from edgraph.language.graphs import KEYS as GRAPH_KEYS
from edgraph.language.loading import SECTIONS
from edgraph.language.ops import OP_KEYS
from edgraph.language.pipeline import EVENTS
from edgraph.language.runs import RUN_KEYS, STAGE_KEYS
from edgraph.language.training import MODEL_KEYS, OPTIMIZER_KEYS

BLOCKS = list(all_blocks())
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")


def named(found: list[Block]) -> list[object]:
    return [pytest.param(block, id=block.name) for block in found]


def test_there_are_examples() -> None:
    assert len(BLOCKS) > 60 and all(page.exists() for page in PAGES)


@pytest.mark.parametrize("block", named([b for b in BLOCKS if b.language == "yaml"
                                         and not b.mark.startswith(("file:", "part of:"))]))
def test_pipeline(block: Block, tmp_path: Path) -> None:
    """`make docs` writes the messages again."""
    expected = block.says.text if block.says else ""
    assert diagnose(block, tmp_path) == expected


@pytest.mark.slow
@pytest.mark.parametrize("interpret", [False, True], ids=["generated", "interpreted"])
@pytest.mark.parametrize("block", named([b for b in BLOCKS if b.language == "yaml" and b.page.name == "language.md"
                                         and b.says is None and "runs/" not in b.text]))
def test_pipeline_runs(block: Block, interpret: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said to be right also runs, for a few steps."""
    pytest.importorskip("torch")
    diagnose(block, tmp_path)
    monkeypatch.chdir(tmp_path)
    run = edgraph.load("pipeline.yaml", ["run.num_steps=60", "run.precision=fp32"]).run(interpret=interpret)
    assert run.failure is None, run.failure.text()
    assert run.end == "finished"


@pytest.mark.parametrize("block", named([b for b in BLOCKS if b.language == "python"]))
def test_python(block: Block, tmp_path: Path) -> None:
    ast.parse(block.text)


@pytest.mark.parametrize("block", named([b for b in BLOCKS if b.mark.startswith(("file:", "part of:"))]))
def test_parts_of_files(block: Block) -> None:
    whole, part = block.marked("file"), block.marked("part of")
    if whole is not None:
        assert block.text == (ROOT / whole).read_text(encoding="utf-8")
    elif part is not None:
        assert block.text.strip() in (ROOT / part).read_text(encoding="utf-8")


def test_the_reference_knows_every_word() -> None:
    """Keys, events and functions of the language all stand in docs/language.md."""
    page = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    words = {*SECTIONS, *OP_KEYS, *DATA_KEYS, *MODEL_KEYS, *OPTIMIZER_KEYS, *GRAPH_KEYS, *RUN_KEYS, *STAGE_KEYS,
             *EVENTS, *FUNCTIONS}
    missing = [word for word in sorted(words) if not re.search(rf"`[^`\n]*\b{word}\b[^`\n]*`", page)]
    assert not missing


def test_architecture_is_that_of_the_code() -> None:
    """Every room, and the passes in their order."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = [path.name for path in (ROOT / "edgraph").iterdir() if (path / "__init__.py").exists()]
    assert [room for room in rooms if room != "schema_parts" and f"`{room}/`" not in page] == []
    assert re.findall(r"^\| (\w+) \|[^|]*\|[^|]*\|$", page.split("reports, among others")[1].split("\n\n")[0],
                      re.MULTILINE) == [name for name, _ in PASSES]


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_links(page: Path) -> None:
    """Links lead to files that are there, and to headings that are in them."""
    for path, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {path}"
        assert not anchor or anchor in anchors(target), f"{page.name} links to {path}#{anchor}"


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
