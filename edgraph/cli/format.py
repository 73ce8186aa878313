"""`edgraph format`: pipelines in good order."""

from __future__ import annotations

from pathlib import Path

import click

from edgraph.cli.fixing import difference
from edgraph.cli.output import WrongCommand
from edgraph.text.diagnostics import Diagnostics, PipelineError
from edgraph.text.edits import replace_file

CHANGED = 1


@click.command(epilog="""\b
Examples:
  edgraph format my.yaml
  edgraph format pipelines/*.yaml --check    exit code 1 if one would change, for hooks
  edgraph format my.yaml --diff              show what would change""")
@click.argument("files", metavar="FILES...", nargs=-1, required=True)
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 if a file would change.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
def format(files: tuple[str, ...], check: bool, diff: bool) -> int:
    """Put pipelines in good order.

    The keys of ops and the sections come in their usual order, expressions with commas get quotes,
    spaces and empty lines are evened out. What a pipeline means, every comment, and whether things stand
    in braces or on lines of their own stays as it is. Exit code: 0, 1 with --check if a file would
    change, 2 for a file that cannot be read.
    """
    wrong, changed = Diagnostics(), False
    for path in dict.fromkeys(files):
        before, after = _formatted(path, wrong)
        if before == after:
            continue
        changed = True
        if diff:
            click.echo(difference(before, after, path), nl=False)
        elif check:
            click.echo(f"{path} would change")
        else:
            try:
                replace_file(Path(path), after)
            except OSError as error:
                raise WrongCommand(f"cannot write {path}: {error.strerror}") from None
            click.echo(f"{path} changed")
    if wrong.failed:
        raise PipelineError(wrong)
    return CHANGED if check and changed else 0


def _formatted(path: str, wrong: Diagnostics) -> tuple[str, str]:
    """The text of a file, and how it should be: the same where it cannot be read, which is reported."""
    from edgraph.language.format import format_text
    from edgraph.text.files import read_file
    source = read_file(Path(path), wrong, None)
    if source is None:
        return "", ""
    found = Diagnostics()
    text = format_text(source, found)
    wrong.extend(item for item in found if item.severity == "error")
    return source.text, source.text if text is None else text
