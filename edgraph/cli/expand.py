"""`edgraph expand`: the pipeline with includes, parameters, overrides and patterns worked in, as YAML."""

from __future__ import annotations

import click

from edgraph.cli.arguments import OVERRIDES, PIPELINE
from edgraph.cli.checking import checked
from edgraph.cli.output import write


@click.command(epilog="""\b
Examples:
  edgraph expand pipelines/digits.yaml lr=3e-4
  edgraph expand pipelines/digits.yaml lr=3e-4 --origins    where each value came from""")
@PIPELINE
@OVERRIDES
@click.option("--origins", is_flag=True, help="Say in a comment where each value was written.")
def expand(pipeline: str, overrides: tuple[str, ...], origins: bool) -> None:
    """Print the resolved pipeline as YAML.

    Includes, parameters, overrides and patterns are worked in; what is printed loads to the same
    pipeline.
    """
    found = checked(pipeline, overrides).pipeline
    assert found is not None
    from edgraph.graph.worked_in import with_tree
    from edgraph.language.expand import expand as yaml
    write(yaml(with_tree(found), origins), None)
