"""`edgraph lsp`: the language server, which editors start."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

import click

from edgraph.cli.output import WrongCommand


@click.command(epilog="""\b
Examples:
  edgraph lsp              what an editor starts, to talk to it on stdin and stdout
  edgraph lsp --imports    with the ops of the pipelines' own modules

docs/editors.md has the settings of editors. It needs pygls: pip install "edgraph[lsp]".""")
@click.option("--imports", is_flag=True, help="Import the modules of each pipeline that is opened (this runs "
                                              "their code), so that their ops are known too.")
def lsp(imports: bool) -> None:
    """Serve an editor: all that `validate` says as you type, completion, hovers, renaming."""
    if find_spec("pygls") is None or find_spec("lsprotocol") is None:
        raise WrongCommand('the language server needs pygls: pip install "edgraph[lsp]"')
    from edgraph.lsp.server import make
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as editor:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a pipeline's module prints must not come in between
        make(imports).start_io(stdout=editor)
