"""`edgraph diff`: what two pipelines do differently."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from edgraph.cli.arguments import DATA, is_override
from edgraph.cli.output import write
from edgraph.text.diagnostics import Diagnostics, PipelineError

if TYPE_CHECKING:
    from edgraph.compile import Checked

DIFFERENT = 1


@click.command(epilog="""\b
Examples:
  edgraph diff old.yaml new.yaml
  edgraph diff pipelines/digits.yaml lr=1e-4 run.num_epochs=5    what overrides change
  edgraph diff old.yaml lr=1e-3 new.yaml lr=1e-4 --json""")
@click.argument("arguments", metavar="PIPELINE [KEY.PATH=VALUE]... [PIPELINE [KEY.PATH=VALUE]...]", nargs=-1,
                required=True)
@click.option("--json", "as_json", is_flag=True, help="The differences as data, for tools.")
@DATA
@click.pass_context
def diff(context: click.Context, arguments: tuple[str, ...], as_json: bool, data: bool) -> int:
    """Compare what two pipelines do.

    What runs when, in which order, on which weights and with which parameters; not how it is written.
    Overrides belong to the file before them; with one file, it is compared with itself overridden.
    Exit code: 0 no difference, 1 differences, 2 a pipeline is wrong.
    """
    sides = _sides(arguments, context)
    before, now = _checked(sides, data)
    from edgraph.plan.compare import as_json as to_json
    from edgraph.plan.compare import as_text, compare
    found = compare(before.require(), now.require())
    names = [" ".join([path, *overrides]) for path, overrides in sides]
    if as_json:
        write(json.dumps(to_json(found, *names), indent=1, ensure_ascii=False), None)
    else:
        write(as_text(found, *names), None)
    return DIFFERENT if found else 0


def _sides(arguments: tuple[str, ...], context: click.Context) -> list[tuple[str, list[str]]]:
    """Two files, each with its overrides."""
    sides: list[tuple[str, list[str]]] = []
    for argument in arguments:
        if not is_override(argument):
            sides.append((argument, []))
        elif sides:
            sides[-1][1].append(argument)
        else:
            raise click.UsageError(f"{argument!r} belongs to the file before it, and there is none", context)
    if len(sides) == 1 and sides[0][1]:
        sides = [(sides[0][0], []), sides[0]]
    if len(sides) != 2:
        raise click.UsageError(f"expected two files, or one with overrides; found {len(sides)} "
                               f"file{'' if len(sides) == 1 else 's'}", context)
    return sides


def _checked(sides: list[tuple[str, list[str]]], data: bool) -> list[Checked]:
    """Both pipelines, or the errors of both."""
    from edgraph.compile import check
    checked = [check(path, overrides, imports=True, data=data) for path, overrides in sides]
    if any(not found.ok for found in checked):
        wrong = Diagnostics()
        for found in checked:
            wrong.extend(item for item in found.diagnostics if item.severity == "error")
        raise PipelineError(wrong)
    return checked
