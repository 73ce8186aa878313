"""`edgraph graph`: a pipeline's picture."""

from __future__ import annotations

from pathlib import Path

import click

from edgraph.cli.arguments import DATA, OUTPUT, OVERRIDES, PIPELINE
from edgraph.cli.checking import checked
from edgraph.cli.output import WrongCommand, write
from edgraph.graph.ir import Graph

FORMATS = ("svg", "mermaid", "dot")
SUFFIXES = {"": "svg", ".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".md": "mermaid", ".dot": "dot",
            ".gv": "dot"}


@click.command(epilog="""\b
Examples:
  edgraph graph pipelines/digits.yaml -o digits.svg
  edgraph graph pipelines/digits.yaml --format mermaid    for a page in Markdown
  edgraph graph pipelines/digits.yaml --open              what runs at each step, in the browser""")
@PIPELINE
@OVERRIDES
@click.option("--format", "format_", type=click.Choice(FORMATS),
              help="svg (the default), mermaid or dot; without it the ending of -o decides.")
@OUTPUT
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write a page on which one goes through the steps.")
@click.option("--open", "open_", is_flag=True, help="Open that page in the browser.")
@DATA
def graph(pipeline: str, overrides: tuple[str, ...], format_: str | None, output: Path | None, html: Path | None,
          open_: bool, data: bool) -> None:
    """Draw a pipeline.

    Its ops, what feeds them, when they run, and which of them train. Every kind of edge (data, held
    and previous values, conditions, clocks, order) has its own line; loops are boxes around their
    graph. The SVG needs no other program, and turns dark on dark pages.

    The page of --html and --open is one file that needs no network: the graph, a slider over the
    steps that lights up what runs and in which order, and the timetable.
    """
    if html is not None or open_:
        if format_ is not None or output is not None:
            raise click.UsageError("--html and --open make a page, --format and -o a picture: choose one")
        _page(checked(pipeline, overrides, data=data).require(), html, open_)
        return
    format_ = format_ or _format_of(output)
    from edgraph.graph.draw.from_graph import drawing
    picture = drawing(checked(pipeline, overrides, data=data).require())
    if format_ == "svg":
        from edgraph.graph.draw.svg import svg as draw
    elif format_ == "mermaid":
        from edgraph.graph.draw.mermaid import mermaid as draw
    else:
        from edgraph.graph.draw.dot import dot as draw
    write(draw(picture), output)


def _page(graph: Graph, html: Path | None, open_: bool) -> None:
    """To the file, or to one of its own in the folder for temporary files, which the browser reads after the end of
    this command."""
    from edgraph.page.build import page
    if html is None:
        import tempfile
        html = Path(tempfile.mkdtemp(prefix="edgraph-")) / "graph.html"
    write(page(graph), html)
    if open_:
        import webbrowser
        if not webbrowser.open(html.resolve().as_uri()):
            raise WrongCommand(f"no browser was found; the page is {html}")


def _format_of(output: Path | None) -> str:
    """By the ending. Raises WrongCommand for another: a .png that holds SVG opens nowhere."""
    if output is None:
        return "svg"
    suffix = output.suffix.lower()
    if suffix not in SUFFIXES:
        raise WrongCommand(f"'{output.name}' is no picture that can be drawn: its ending must be .svg, .mmd or "
                           ".mermaid, or .dot; or give --format svg, mermaid or dot")
    return SUFFIXES[suffix]
