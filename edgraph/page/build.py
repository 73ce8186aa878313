"""The page: a picture, the facts as JSON, a style and a script, put into one HTML text."""

from __future__ import annotations

import json
from importlib.resources import files

from edgraph.graph.draw.from_graph import drawing
from edgraph.graph.draw.marks import escape
from edgraph.graph.draw.svg import svg
from edgraph.graph.ir import Graph
from edgraph.page.facts import facts


def page(graph: Graph) -> str:
    """The HTML of a checked graph. Same graph, same text."""
    found = facts(graph)
    parts = {"title": escape(found["title"] or "pipeline"), "style": _asset("page.css"), "script": _asset("page.js"),
             "picture": svg(drawing(graph)), "facts": _inside_script(json.dumps(found, ensure_ascii=False))}
    pieces = _asset("page.html").split("@@")  # text and names of parts in turn
    return "".join(parts[piece] if number % 2 else piece for number, piece in enumerate(pieces))


def _asset(name: str) -> str:
    return files("edgraph.page").joinpath(name).read_text(encoding="utf-8")


def _inside_script(text: str) -> str:
    """JSON that cannot end the script element that holds it."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
