"""Pictures: the layout keeps its promises on random graphs, and the texts are what other programs read."""

from __future__ import annotations

import random
import xml.etree.ElementTree as xml
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgraph.cli.main import main
from edgraph.compile import check
from edgraph.graph.draw.crossings import count_crossings, order_layers
from edgraph.graph.draw.dot import dot
from edgraph.graph.draw.drawing import EDGE_KINDS, EDGE_WORDS, NODE_KINDS, Drawing, Edge, Node
from edgraph.graph.draw.from_graph import drawing
from edgraph.graph.draw.layers import Link, assign_layers
from edgraph.graph.draw.layout import layout
from edgraph.graph.draw.mermaid import mermaid
from edgraph.graph.draw.places import Layout, Route
from edgraph.graph.draw.svg import svg
from edgraph.graph.draw.widths import shorten, width

DIGITS = str(Path(__file__).parent.parent / "pipelines" / "digits.yaml")
SVG = "{http://www.w3.org/2000/svg}"


def random_drawing(seed: int, count: int, loops: bool = True) -> Drawing:
    """Edges from any node to a later one, `previous` edges to any, labels, badges and loops."""
    draw = random.Random(seed)
    nodes, edges = [], []
    for index in range(count):
        kind = draw.choice(NODE_KINDS)
        body = random_drawing(seed + index + 1, draw.randint(1, 4), False) if kind == "loop" and loops else None
        nodes.append(Node(f"node_{index}", "op" * draw.randint(1, 9), kind, "every 10 steps" * draw.randint(0, 1),
                          "loss > 3" * draw.randint(0, 1), draw.random() < 0.5, body))
        for _ in range(draw.choice((0, 1, 1, 2, 3)) if index else 0):
            source = max(0, index - 1 - int(draw.expovariate(0.2)))
            edges.append(Edge(f"node_{source}", f"node_{index}", draw.choice(EDGE_KINDS), draw.choice(("", ".image"))))
        if draw.random() < 0.2:
            edges.append(Edge(f"node_{index}", f"node_{draw.randrange(index + 1)}", "previous"))
    return Drawing(tuple(nodes), tuple(edges), "random")


def segments(route: Route) -> list[tuple[float, float, float, float]]:
    """Boxes around the pieces of an edge; a curve between two points stays within the box of both."""
    return [(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)) for (x0, y0), (x1, y1) in pairwise(route.points)]


def overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    """Whether they have more than their borders in common."""
    return a[0] + 0.01 < b[2] and b[0] + 0.01 < a[2] and a[1] + 0.01 < b[3] and b[1] + 0.01 < a[3]


def check_layout(placed: Layout) -> None:
    rectangles = {box.node.name: (box.x, box.y, box.x + box.width, box.y + box.height) for box in placed.boxes}
    names = list(rectangles)
    for index, name in enumerate(names):
        left, top, right, bottom = rectangles[name]
        assert left >= -0.01 and top >= -0.01 and right <= placed.width + 0.01 and bottom <= placed.height + 0.01
        for other in names[:index]:
            assert not overlap(rectangles[name], rectangles[other]), (name, other)
    for route in placed.routes:
        for piece in segments(route):
            crossed = [name for name in names if overlap(piece, rectangles[name])]
            assert not crossed, (route.edge, crossed)
        if not route.beside:
            ends = (rectangles[route.edge.source], rectangles[route.edge.target])
            for (x, y), (left, top, right, bottom) in zip((route.points[0], route.points[-1]), ends, strict=True):
                assert left <= x <= right and min(abs(y - top), abs(y - bottom)) < 0.01
    for box in placed.boxes:
        assert box.content.width <= box.width
        if box.body is not None:
            assert box.x <= box.body_x and box.body_x + box.body.width <= box.x + box.width
            assert box.y < box.body_y and box.body_y + box.body.height <= box.y + box.height
            check_layout(box.body)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40))
def test_no_node_is_covered_by_another_or_crossed_by_an_edge(seed: int, count: int) -> None:
    check_layout(layout(random_drawing(seed, count)))


def test_edges_run_down_except_previous_ones() -> None:
    nodes = tuple(Node(name, "op") for name in "abcd")
    edges = (Edge("a", "b"), Edge("b", "c"), Edge("c", "a", "previous"), Edge("a", "d", "previous"))
    placed = layout(Drawing(nodes, edges))
    tops = {box.node.name: box.y for box in placed.boxes}
    assert tops["a"] < tops["b"] < tops["c"] and tops["a"] < tops["d"]
    assert [route.edge.source for route in placed.routes if route.upward] == ["c"]


def test_a_cycle_without_previous_is_drawn_too() -> None:
    nodes = tuple(Node(name, "op") for name in "abc")
    check_layout(layout(Drawing(nodes, (Edge("a", "b"), Edge("b", "c"), Edge("c", "a")))))


def test_layers_pull_sources_to_what_uses_them() -> None:
    links = [Link(0, 1, 1), Link(1, 2, 1), Link(2, 3, 1), Link(4, 5, 1), Link(5, 3, 1)]
    assert assign_layers(6, links) == [0, 1, 2, 3, 1, 2]


def test_crossings_are_counted_and_removed() -> None:
    up, down = [[], [], [1], [0]], [[3], [2], [], []]
    assert count_crossings([[0, 1], [2, 3]], down) == 1
    assert count_crossings(order_layers([[0, 1], [2, 3]], up, down), down) == 0


def test_the_svg_is_whole_and_the_same_each_time() -> None:
    picture = random_drawing(7, 25)
    text = svg(picture)
    assert text == svg(random_drawing(7, 25))
    root = xml.fromstring(text)
    assert "<script" not in text and "href" not in text and "url(" not in text
    names = [element.text for element in root.iter(f"{SVG}text") if element.get("class") == "name"]
    assert {node.name for node in picture.nodes} <= set(names)


def test_the_legend_names_only_what_occurs() -> None:
    text = svg(Drawing((Node("a", "op"), Node("b", "op")), (Edge("a", "b", "hold"),)))
    assert EDGE_WORDS["hold"] in text and "observing slice" in text
    assert not any(f">{EDGE_WORDS[kind]}<" in text for kind in EDGE_KINDS if kind != "hold")
    assert "training slice<" not in text


def test_colours_do_not_need_css() -> None:
    """Each shape has its colours as attributes; the style sheet only changes them on dark pages."""
    root = xml.fromstring(svg(random_drawing(1, 10)))
    style = root.find(f"{SVG}style")
    assert style is not None and style.text and style.text.startswith("@media (prefers-color-scheme:dark){")
    for shape in ("rect", "path", "text"):
        assert all(element.get("fill") for element in root.iter(f"{SVG}{shape}"))


ODD = Drawing(
    (Node("end", 'a"b<c>&#;`|\\n\x00', "loop", body=Drawing((Node("graph", "*_\n1. x"),))),
     Node("style", "x" * 200, condition="a < b and c > d")),
    (Edge("end", "style", "hold", '.a["b"]'), Edge("style", "style", "previous")), 'ti"t\\: {le}')


def test_odd_texts() -> None:
    root = xml.fromstring(svg(ODD))
    assert root.find(f"{SVG}title") is not None
    assert 'subgraph n0["<b>end</b><br/>a#34;b#60;c#62;#38;#35;;#96;|' in mermaid(ODD)
    assert 'title: "ti\\"t\\\\: {le}"' in mermaid(ODD)
    assert 'label="ti\\"t\\\\: {le}"' in dot(ODD)
    check_layout(layout(ODD))


def test_an_empty_drawing() -> None:
    for draw in (svg, mermaid, dot):
        assert draw(Drawing(()))


def test_long_texts_are_cut() -> None:
    assert shorten("short", 11, 100) == "short"
    cut = shorten("x" * 100, 11, 100)
    assert cut.endswith("x…") and width(cut, 11) <= 100
    assert width("漢字", 10) == 20 and width("é", 10) > 0


def test_digits() -> None:
    picture = drawing(check(DIGITS).require())
    nodes = {node.name: node for node in picture.nodes}
    assert list(nodes) == ["batch", "logits", "loss", "update", "report", "fixed", "guess", "panel", "score", "result",
                           "record", "best", "enough"]
    assert [name for name, node in nodes.items() if node.training] == ["batch", "logits", "loss", "update"]
    assert nodes["logits"].op == "forward(classifier)" and nodes["update"].kind == "update"
    assert nodes["report"].clock == "step 1 and every 50 steps" and nodes["batch"].kind == "source"
    assert nodes["enough"].condition == "record.since >= 5"
    assert nodes["score"].body is not None
    assert [node.name for node in nodes["score"].body.nodes] == ["batch", "logits", "accuracy"]
    assert set(picture.edges) >= {Edge("batch", "logits", "data", ".image"), Edge("loss", "update"),
                                  Edge("update", "report", "data", ".lr"), Edge("record", "best", "condition"),
                                  Edge("record", "enough", "condition", ".since")}
    check_layout(layout(picture))


def test_every_kind_of_edge() -> None:
    def forward(model: str, source: str) -> dict[str, object]:
        return {"op": "forward", "inputs": source, "with": {"model": model}}

    picture = drawing(check({
        "run": {"num_steps": 100, "over": "none"},
        "models": {name: {"use": "mlp", "with": {"sizes": [8, 8]}} for name in ("net", "critic")},
        "optimizers": {name: {"use": "SGD", "updates": [name], "with": {"lr": 0.1}} for name in ("net", "critic")},
        "ops": {
            "noise": {"op": "normal", "with": {"shape": [4, 8]}},
            "fake": forward("net", "noise"), "judged": forward("critic", "fake"),
            "loss": "mean(judged)", "other": "-mean(judged)",
            "update": {"op": "optimize", "inputs": "loss", "with": {"optimizer": "net"}},
            "second": {"op": "optimize", "inputs": "other", "with": {"optimizer": "critic"}},
            "smooth": "0.9 * previous(smooth, 0.0) + 0.1 * loss",
            "kept": "hold(smooth, 0.0) + 1",
            "show": {"op": "print", "inputs": "kept", "every": {"firings": 5, "of": "update"}},
            "stop": {"op": "stop", "when": "smooth > 10", "after": ["show"]},
        }}).require())
    kinds = {(edge.source, edge.target): edge.kind for edge in picture.edges}
    assert kinds["smooth", "smooth"] == "previous" and kinds["smooth", "kept"] == "hold"
    assert kinds["update", "show"] == "frequency" and kinds["show", "stop"] == "order"
    assert kinds["smooth", "stop"] == "condition" and kinds["loss", "update"] == "data"
    assert not any("gradients" in node.name or "when" in node.name for node in picture.nodes)
    check_layout(layout(picture))


@pytest.mark.parametrize(("name", "start"), [("g.svg", "<svg "), ("g.mmd", "---\ntitle"), ("g.dot", "digraph "),
                                             ("picture", "<svg ")])
def test_the_ending_of_the_file_decides(name: str, start: str, tmp_path: Path) -> None:
    assert main(["graph", DIGITS, "-o", str(tmp_path / name)]) == 0
    assert (tmp_path / name).read_text().startswith(start)


def test_the_format_that_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", DIGITS, "--format", "mermaid"]) == 0
    assert "flowchart TD" in capsys.readouterr().out
    assert main(["graph", DIGITS, "--format", "dot", "-o", str(tmp_path / "g.svg")]) == 0
    assert (tmp_path / "g.svg").read_text().startswith("digraph")
