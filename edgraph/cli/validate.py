"""`edgraph validate`: all errors at once. It imports nothing heavy: editors call it at every save."""

from __future__ import annotations

import sys

import click

from edgraph.cli.arguments import split
from edgraph.cli.output import show
from edgraph.text.diagnostics import Diagnostics

FORMATS = ("text", "json", "github", "sarif")


@click.command(epilog="""\b
Examples:
  edgraph validate pipelines/digits.yaml
  edgraph validate pipelines/*.yaml --format github    annotations in a workflow
  edgraph validate my.yaml lr=1e-2 --imports --data    with what is checked before a run
  edgraph validate my.yaml --fix                       mend what is certain; --diff only shows it""")
@click.argument("files", metavar="FILES... [KEY.PATH=VALUE]...", nargs=-1, required=True)
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text",
              help="How to write what is found.")
@click.option("--imports", is_flag=True, help="Import the pipelines' own modules, and check their ops too.")
@click.option("--data", is_flag=True, help="Open the data sets; check what depends on them.")
@click.option("--fix", "fixes", is_flag=True, help="Change in the files what is certain, such as misspelt names.")
@click.option("--diff", is_flag=True, help="With --fix: show the changes and write nothing.")
def validate(files: tuple[str, ...], format_: str, imports: bool, data: bool, fixes: bool, diff: bool) -> int:
    """Check pipelines without running them.

    Reports every error with its place and what to do about it. Arguments like lr=1e-2 override
    keys of all files. Exit code: 0 without errors, 2 with.
    """
    paths, overrides = split(files)
    if not paths:
        raise click.UsageError("there is no file to check, only overrides")
    if diff and not fixes:
        raise click.UsageError("--diff shows what --fix would change: give both")
    from edgraph.compile import check
    if fixes:
        from edgraph.cli.fixing import mend
        for path in dict.fromkeys(paths):
            mend(path, lambda source: check(source, overrides, imports=imports, data=data).diagnostics, diff,
                 format_ != "text")
        if diff:
            return 0
    found = Diagnostics()
    for path in dict.fromkeys(paths):
        checked = check(path, overrides, imports=imports, data=data)
        found.extend(checked.diagnostics)
        if format_ == "text" and not len(checked.diagnostics):
            click.echo(f"{path}: fine")
    if format_ == "text":
        show(found, sys.stdout)
        _summary(found)
    else:
        from edgraph.text import render
        text = getattr(render, f"render_{format_}")(found)
        click.echo(text, nl=not text.endswith("\n"))
    return 2 if found.failed else 0


def _summary(found: Diagnostics) -> None:
    kinds = [item.severity for item in found]
    counts = [f"{kinds.count(kind)} {kind}{'s' if kinds.count(kind) > 1 else ''}"
              for kind in ("error", "warning") if kind in kinds]
    if counts:
        click.echo(", ".join(counts))
