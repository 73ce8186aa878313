"""`edgraph ops` and `edgraph schema`: the vocabulary for people and for editors."""

from __future__ import annotations

from pathlib import Path

import click

from edgraph.cli.arguments import OUTPUT
from edgraph.cli.output import WrongCommand, write


@click.command(epilog="""\b
Examples:
  edgraph ops                  everything there is
  edgraph ops cross_entropy    what one op takes and gives
  edgraph ops mlp              models, data sets and optimizers too
  edgraph ops my.yaml my_op    those of a pipeline's own modules too""")
@click.argument("pipeline", metavar="[PIPELINE] [NAME]", required=False)
@click.argument("name", metavar="", required=False)
def ops(pipeline: str | None, name: str | None) -> None:
    """List the ops, or describe one.

    With the models, data sets, optimizers, schedules and loggers; with a pipeline those of its own modules too.
    """
    from edgraph.ops.document import describe, overview
    if pipeline is not None and name is None and Path(pipeline).suffix not in (".yaml", ".yml"):
        pipeline, name = None, pipeline
    if pipeline is not None:
        _import_modules(pipeline)
    try:
        write(overview() if name is None else describe(name), None)
    except LookupError as error:
        raise WrongCommand(str(error.args[0])) from None


def _import_modules(file: str) -> None:
    """Register what the modules of a pipeline have, whatever is wrong with the rest of it. Raises PipelineError."""
    from edgraph import language
    from edgraph.ops.imports import import_modules
    from edgraph.text.diagnostics import Diagnostics, PipelineError
    diagnostics = Diagnostics()
    pipeline = language.load(file, [], diagnostics)
    if pipeline is None:
        raise PipelineError(diagnostics)
    found = Diagnostics()
    import_modules(pipeline.imports, Path(file).parent, found)
    if found.failed:
        raise PipelineError(found)


@click.command(epilog="""\b
Examples:
  edgraph schema -o schemas/pipeline.schema.json
  edgraph schema my.yaml -o my.schema.json    with the ops of the pipeline's own modules

Name it in the first line of a pipeline, and editors complete and check while you type:
  # yaml-language-server: $schema=../schemas/pipeline.schema.json""")
@click.argument("pipeline", required=False)
@OUTPUT
def schema(pipeline: str | None, output: Path | None) -> None:
    """Print the JSON Schema of pipelines, for editors."""
    if pipeline is not None:
        from edgraph.cli.checking import checked
        checked(pipeline, ())  # registers the modules' ops: without all of them the schema would refuse what is right
    from edgraph.schema import text
    write(text(), output)
