"""`edgraph graph`: a pipeline's picture."""

from __future__ import annotations

from pathlib import Path

import click

from edgraph.cli.arguments import OUTPUT, OVERRIDES, PIPELINE
from edgraph.cli.checking import checked
from edgraph.cli.output import WrongCommand, write

FORMATS = ("svg", "mermaid", "dot")
SUFFIXES = {"": "svg", ".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".md": "mermaid", ".dot": "dot",
            ".gv": "dot"}


@click.command(epilog="""\b
Examples:
  edgraph graph pipelines/digits.yaml -o digits.svg
  edgraph graph pipelines/digits.yaml --format mermaid    for a page in Markdown""")
@PIPELINE
@OVERRIDES
@click.option("--format", "format_", type=click.Choice(FORMATS),
              help="svg (the default), mermaid or dot; without it the ending of -o decides.")
@OUTPUT
def graph(pipeline: str, overrides: tuple[str, ...], format_: str | None, output: Path | None) -> None:
    """Draw a pipeline.

    Its ops, what feeds them, when they run, and which of them train. Every kind of edge (data, held
    and previous values, conditions, clocks, order) has its own line; loops are boxes around their
    graph. The SVG needs no other program, and turns dark on dark pages.
    """
    format_ = format_ or _format_of(output)
    from edgraph.graph.draw.from_graph import drawing
    picture = drawing(checked(pipeline, overrides).require())
    if format_ == "svg":
        from edgraph.graph.draw.svg import svg as draw
    elif format_ == "mermaid":
        from edgraph.graph.draw.mermaid import mermaid as draw
    else:
        from edgraph.graph.draw.dot import dot as draw
    write(draw(picture), output)


def _format_of(output: Path | None) -> str:
    """By the ending. Raises WrongCommand for another: a .png that holds SVG opens nowhere."""
    if output is None:
        return "svg"
    suffix = output.suffix.lower()
    if suffix not in SUFFIXES:
        raise WrongCommand(f"'{output.name}' is no picture that can be drawn: its ending must be .svg, .mmd or "
                           ".mermaid, or .dot; or give --format svg, mermaid or dot")
    return SUFFIXES[suffix]
