"""`edgraph plan` and `edgraph explain`: what runs when, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from edgraph.cli.arguments import DATA, OVERRIDES, PIPELINE, parse_steps, split, steps_option
from edgraph.cli.checking import checked
from edgraph.cli.output import WrongCommand, write
from edgraph.text.suggest import did_you_mean


@click.command(epilog="""\b
Examples:
  edgraph plan pipelines/digits.yaml
  edgraph plan pipelines/digits.yaml --steps 1..60        step by step
  edgraph plan pipelines/digits.yaml --code               the generated loop
  edgraph plan pipelines/digits.yaml --steps 1..12 --json""")
@PIPELINE
@OVERRIDES
@click.option("--steps", metavar="A..B", callback=steps_option, help="Show these steps.")
@click.option("--code", is_flag=True, help="Print the step functions that will be generated.")
@click.option("--json", "as_json", is_flag=True, help="All of it, for tools.")
@DATA
def plan(pipeline: str, overrides: tuple[str, ...], steps: tuple[int, int] | None, code: bool, as_json: bool,
         data: bool) -> None:
    """Show what runs when, and in which order.

    The timetable, each firing pattern's ops in their order, and how often each will run. Nothing is
    imported, opened or run but the pipeline's own modules.
    """
    if code and as_json:
        raise click.UsageError("--code and --json are two different outputs: choose one")
    graph = checked(pipeline, overrides, data=data).require()
    from edgraph.backends.load import compiles
    from edgraph.plan import show
    first, last = steps or (None, None)
    try:
        if as_json:
            write(_json(show.json(graph, first, last)), None)
        elif code:
            write(show.code(graph, first, last, regions=compiles(graph.pipeline.run.backend)), None)
        else:
            write(show.text(graph, first, last), None)
    except show.NoSuchSteps as error:
        raise WrongCommand(str(error)) from None


@click.command(epilog="""\b
Examples:
  edgraph explain pipelines/digits.yaml report
  edgraph explain pipelines/digits.yaml report 50        why it does, or does not, run at step 50
  edgraph explain pipelines/digits.yaml score.accuracy   an op in a loop; its steps are iterations
  edgraph explain stale-input                            the code of a message, and the way out""")
@click.argument("pipeline", metavar="PIPELINE OP | CODE")
@click.argument("op", metavar="", required=False)
@click.argument("rest", metavar="[STEP] [KEY.PATH=VALUE]...", nargs=-1)
@DATA
@click.pass_context
def explain(context: click.Context, pipeline: str, op: str | None, rest: tuple[str, ...], data: bool) -> None:
    """Explain when an op runs, and why; or a code of a message.

    Its clock in words, the next steps on which it fires, what it waits for and what demands it; with
    a STEP, why it does or does not run at that one.
    """
    if op is None:
        write(_code(pipeline, context), None)
        return
    steps, overrides = split(rest)
    step = _step(steps, context)
    graph = checked(pipeline, overrides, data=data).require()
    from edgraph.plan.explain import UnknownOp
    from edgraph.plan.explain import explain as words
    from edgraph.plan.window import NoSuchSteps
    try:
        write(words(graph, op, step), None)
    except (UnknownOp, NoSuchSteps) as error:
        raise WrongCommand(str(error)) from None


def _code(name: str, context: click.Context) -> str:
    """What a code of a message means. Raises UsageError for a pipeline without an op, and for what is no code."""
    from edgraph.text.codes import CODES
    if name in CODES:
        from edgraph.text.explained import entry
        return entry(CODES[name])
    if Path(name).suffix in (".yaml", ".yml") or Path(name).exists():
        raise click.UsageError(f"which op? Name one: edgraph explain {name} OP", context)
    hint = did_you_mean(name, CODES) or "docs/diagnostics.md lists them"
    raise WrongCommand(f"there is no code '{name}'; {hint}")


def _json(found: dict[str, list[Any]]) -> str:
    """Each step and each pattern on a line of its own."""
    lists = []
    for key, items in found.items():
        lines = ",\n  ".join(json.dumps(item, ensure_ascii=False) for item in items)
        lists.append(f' "{key}": [\n  {lines}\n ]' if items else f' "{key}": []')
    return "{\n" + ",\n".join(lists) + "\n}"


def _step(given: list[str], context: click.Context) -> int | None:
    if not given:
        return None
    if len(given) > 1 or not given[0].isdigit():
        raise click.UsageError(f"expected the number of one step, found {' '.join(given)!r}", context)
    return parse_steps(given[0], context)[0]
