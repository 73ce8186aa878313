"""The page of `edgraph graph --html`: what it tells is what the plan says, and a browser shows it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmarks.large import pipeline as large
from edgraph.cli.main import main
from edgraph.compile import check
from edgraph.page.build import page
from edgraph.page.facts import facts
from edgraph.plan import show

PIPELINES = sorted((Path(__file__).parent.parent / "pipelines").glob("*.yaml"))
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-quic")


def rows_at(found: dict[str, Any], step: int) -> list[list[Any]]:
    which = [pattern for start, pattern in found["stretches"] if start <= step][-1]
    rows: list[list[Any]] = found["patterns"][which]
    return rows


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_tells_of_each_step_what_the_plan_says(path: Path) -> None:
    graph = check(path).require()
    found = facts(graph)
    steps = show.json(graph, 1, min(200, found["last"]))["steps"]
    for said in steps:
        rows = [row for row in rows_at(found, said["step"]) if row[1] != "gradients"]
        assert [row[0] for row in rows] == said["ops"]
        assert [row[0] for row in rows if row[2] is not None] == said["conditional"]
    assert {row[0] for rows in found["patterns"] for row in rows} <= set(found["ops"])


def test_needs_no_network_and_is_the_same_each_time() -> None:
    graph = check(PIPELINES[0]).require()
    text = page(graph)
    assert text == page(graph)
    assert set(re.findall(r"https?://[^\"'<\s]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert "@@" not in text


def test_what_authors_write_cannot_leave_its_place(tmp_path: Path) -> None:
    path = tmp_path / "sly.yaml"
    path.write_text("""\
name: "</title><script>alert(1)</script>"
run: {num_steps: 3}
ops:
  a: {op: print, inputs: step, doc: "</script><script>alert(2)</script>"}
""")
    text = page(check(path).require())
    assert "<script>alert" not in text


def test_a_run_without_end_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "endless.yaml"
    path.write_text("ops:\n  a: {op: print, inputs: step, every: 3}\n  b: {op: stop, when: step > 9}\n")
    found = facts(check(path).require())
    assert found["more"]
    assert found["last"] == 10_000


def test_two_outputs_are_one_too_many(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", str(PIPELINES[0]), "--html", str(tmp_path / "a.html"), "--format", "svg"]) == 2
    assert "choose one" in capsys.readouterr().err


@pytest.fixture
def dom(tmp_path: Path) -> Any:
    if CHROMIUM is None:
        pytest.skip("needs Chromium")

    def shown(path: Path, at: str, before: str = "", after: str = "") -> str:
        """before, after: scripts that an editor around the page would run."""
        html = tmp_path / "page.html"
        assert main(["graph", str(path), "--html", str(html)]) == 0
        text = html.read_text(encoding="utf-8")
        html.write_text(text.replace("<body>", f"<body><script>{before}</script>") + f"<script>{after}</script>",
                        encoding="utf-8")
        return subprocess.run([CHROMIUM, *QUIET, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
                               f"{html.as_uri()}#{at}"], capture_output=True, text=True, timeout=120, check=True).stdout
    return shown


def states(dom: str) -> dict[str, str]:
    """What each node of the picture is shown as."""
    return {name: next(word for word in ("runs", "may", "rests") if word in classes.split())
            for classes, name in re.findall(r'<g class="([^"]*)" data-node="([^"]*)"', dom)}


def test_a_browser_lights_up_what_runs(dom: Any) -> None:
    digits = next(path for path in PIPELINES if path.stem == "digits")
    found = dom(digits, "step=23&op=score")
    assert states(found) == {
        **dict.fromkeys(["batch", "logits", "loss", "update", "fixed", "guess", "panel", "score", "result", "record",
                         "score.batch", "score.logits", "score.accuracy"], "runs"),
        "report": "rests", "best": "may", "enough": "may"}
    assert "Step 23, in this order" in found
    order = re.search(r'<ol id="order">(.*?)</ol>', found, re.DOTALL)
    assert order is not None
    assert re.findall(r'data-op="([^"]*)"', order[1]) == [row[0] for row in rows_at(facts(check(digits).require()), 23)]
    assert '<section id="about" aria-live="polite"><h2>score</h2>' in found


def test_an_editor_around_the_page(dom: Any) -> None:
    """The op of the cursor's line is chosen, and a click says where an op is; what is shown is kept by the editor."""
    digits = next(path for path in PIPELINES if path.stem == "digits")
    lines = digits.read_text(encoding="utf-8").splitlines()
    loss, report = (next(n for n, line in enumerate(lines, 1) if line.startswith(f"  {name}:")) for name in ("loss", "report"))
    found = dom(digits, "step=1", before="""
        window.heard = [];
        window.acquireVsCodeApi = () => ({postMessage: (m) => heard.push(m), getState: () => "step=50&op=batch",
                                          setState: (state) => { window.kept = state; }});""", after=f"""
        window.dispatchEvent(new MessageEvent("message", {{data: {{line: {loss}}}}}));
        const node = svg.querySelector("[data-node=report] .box");
        svg.setPointerCapture = () => {{}};
        document.body.dataset.kept = window.kept;
        for (const kind of ["pointerdown", "pointerup"])
            node.dispatchEvent(new PointerEvent(kind, {{bubbles: true, pointerId: 1}}));
        document.body.dataset.heard = JSON.stringify(heard);""")
    assert 'data-kept="step=50&amp;op=loss"' in found
    assert f'data-heard="[{{&quot;ready&quot;:true}},{{&quot;line&quot;:{report}}}]"' in found
    assert states(found)["report"] == "runs"  # at step 50


def test_a_browser_shows_three_hundred_ops(dom: Any, tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text(large(300))
    found = states(dom(path, "step=160"))
    assert len(found) == 345
    assert found["penalty_7"] == "runs"
    assert found["report_7"] == "rests"
